"""What stops a recovery, what it shuts, and who may not have one."""

from datetime import timedelta

import pytest
from django.test import Client

from tests.people import PASSWORD, give_password, open_sessions, sign_in, signed_in_as
from tests.twofactor.recovery.walk import (
    RECOVERY,
    STOP_WITH_FACTOR,
    ask,
    bind,
    finish_link,
    letters_to,
    open_setup,
    recovery_of,
    shut_mailed_codes,
    stop_link,
    wait,
)
from tests.twofactor.sent_codes import OTHER
from twofactor import factor_changes, not_me
from twofactor.limits import allowances
from twofactor.models import Authenticator, Event, GuessBudget, Recovery, Rule, WarningsAddress
from twofactor.operations import prune, support
from twofactor.recovery import by_factor, links
from twofactor.sessions import credential_digests

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("phone")]
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


STRANGER, NEW = "203.0.113.66", "198.51.100.7"


def stop_with(code, name="alice@example.com", client=None, address="127.0.0.1"):
    client = client or Client(REMOTE_ADDR=address)
    return client.post(STOP_WITH_FACTOR, {"name": name, "code": code})


# By the link


def test_opening_the_link_changes_nothing(alice):
    ask()
    page = Client().get(stop_link())
    assert (page.status_code, recovery_of(alice).stopped_at) == (200, None)
    assert "alice" not in page.text


@pytest.mark.proves("RE-3")
def test_pressing_the_button_stops_it_without_signing_in(client, alice, clock):
    ask(client)
    path = stop_link()
    response = Client().post(path)
    assert (response.status_code, open_sessions()) == (303, [])
    wait(clock)
    assert finish_link() == ""
    assert "The recovery of your account was stopped" in letters_to()[-1].subject
    assert Client().post(path).status_code == 404


def test_a_link_of_an_earlier_request_stops_no_later_one(clock):
    ask()
    earlier = stop_link()
    wait(clock)
    clock.shift(2 * DAY)
    ask()
    assert Client().post(earlier).status_code == 404
    assert Client().post(stop_link()).status_code == 303


def test_a_forged_link_is_dead():
    ask()
    for token in ("x", stop_link().split("/")[-2][:-2] + "aa", finish_token()):
        assert Client().post(f"/two-factor/recovery/stop/{token}/").status_code == 404


def finish_token():
    row = Recovery.objects.get()
    return links.make_finish(row, row.asked_at).split("/")[-2]


@pytest.mark.proves("RE-3")
def test_after_a_stop_nobody_asks_for_seven_days(client, clock):
    ask()
    Client().post(stop_link())
    give_password(client)
    assert "You can ask again from" in client.get(RECOVERY).text
    assert client.post(RECOVERY).status_code == 409
    clock.shift(7 * DAY - timedelta(minutes=1))
    give_password(client)
    assert client.post(RECOVERY).status_code == 409
    clock.shift(timedelta(minutes=1))
    give_password(client)
    assert client.post(RECOVERY).status_code == 303


@pytest.mark.proves("RE-3")
def test_an_open_session_stops_it(client, alice, phone):
    sign_in(client, phone)
    shut_mailed_codes(alice)
    ask()
    client.post(client.get("/two-factor/").context["recovery"]["stop"])
    assert recovery_of(alice).stopped_at is not None


# With a factor alone


@pytest.mark.proves("RE-3")
def test_a_code_of_the_app_stops_it_without_the_password(alice, phone, clock):
    ask()
    alice.set_password("chosen by a thief")
    alice.save()
    clock.shift(60)
    response = stop_with(phone.code())
    assert (response.status_code, open_sessions()) == (303, [])
    assert recovery_of(alice).stopped_at is not None


@pytest.mark.proves("RE-3")
def test_a_backup_code_stops_it_and_is_spent(alice, printed_codes):
    ask()
    assert stop_with(printed_codes[0]).status_code == 303
    assert alice.backup_codes.exclude(used_at=None).count() == 1


@pytest.mark.proves("RE-9")
@pytest.mark.parametrize("name", ["alice@example.com", "bob@example.com", "nobody@example.com"])
def test_whoever_is_wrong_learns_nothing(name, bob):
    ask()
    response = stop_with("000000", name)
    assert response.status_code == 422
    assert response.context["form"].errors == {"code": ["That didn't stop anything."]}


@pytest.mark.proves("RE-9")
def test_a_wrong_code_costs_no_guess_at_sign_in(alice):
    ask()
    before = GuessBudget.objects.get(pk=alice.pk).failures
    stop_with("000000")
    assert GuessBudget.objects.get(pk=alice.pk).failures == before


def test_where_nothing_runs_a_right_code_is_not_spent(client, alice, phone):
    before = Authenticator.objects.get().last_step
    assert stop_with(phone.code()).status_code == 422
    assert Authenticator.objects.get().last_step == before


@pytest.mark.proves("RE-9")
def test_after_five_tries_for_one_name_it_says_when_to_come_again(alice, phone):
    ask()
    answers = [stop_with("000000").status_code for _ in range(6)]
    assert answers == [422] * 5 + [429]
    assert stop_with(phone.code(), "ALICE@example.com ").status_code == 429
    assert Client().post(stop_link()).status_code == 303


@pytest.mark.proves("RE-3")
def test_wrong_codes_from_elsewhere_keep_nobody_from_stopping_it(phone):
    ask()
    answers = [stop_with("000000", address=STRANGER).status_code for _ in range(6)]
    assert answers == [422] * 5 + [429]
    assert stop_with(phone.code(), address=NEW).status_code == 303


def use_up_guesses():
    """As from a hundred networks at once."""
    subject = by_factor.as_subject("alice@example.com")
    while allowances.STOPS_BY_GUESSES.charge(subject, clock_now()):
        pass


@pytest.mark.proves("RE-3")
def test_strangers_in_many_networks_keep_no_backup_code_from_stopping_it(alice, printed_codes, phone):
    ask()
    use_up_guesses()
    assert stop_with(phone.code(), address=NEW).status_code == 429
    assert stop_with("000000", "nobody@example.com", address=NEW).status_code == 422
    assert stop_with(printed_codes[0], address=NEW).status_code == 303


@pytest.mark.proves("RE-3")
def test_nor_a_code_of_the_app_where_the_person_has_signed_in(alice, phone, clock):
    sign_in(Client(REMOTE_ADDR=NEW), phone)
    shut_mailed_codes(alice)
    clock.shift(60)
    ask()
    use_up_guesses()
    assert stop_with(phone.code(), address=STRANGER).status_code == 429
    assert stop_with(phone.code(), address=NEW).status_code == 303


@pytest.mark.proves("RE-9")
def test_other_spellings_of_the_name_have_no_tries_of_their_own():
    ask()
    for _ in range(5):
        stop_with("000000")
    for name in ("ａlice@example.com", "alice@ｅxample.com", "Alice@example。com"):
        assert stop_with("000000", name).status_code == 429, name


def test_it_is_linked_from_sign_in(client):
    assert STOP_WITH_FACTOR in client.get("/accounts/login/").text


# Whatever else ends it


@pytest.mark.proves("RE-3")
def test_this_wasnt_me_stops_it_and_shuts_new_ones(client, alice, clock):
    ask()
    request = client.get("/accounts/login/").wsgi_request
    not_me.report(alice, request, clock_now(), about=None, ended=[])
    assert recovery_of(alice).stopped_at is not None
    assert Event.objects.filter(kind="recovery_stopped").count() == 1
    give_password(client)
    assert client.post(RECOVERY).status_code == 409


def clock_now():
    return Recovery.objects.get().asked_at


def test_turning_it_off_ends_the_recovery(alice, client):
    ask()
    factor_changes.turn_off(alice, client.get("/accounts/login/").wsgi_request)
    assert not Recovery.objects.exists()


def test_a_reset_by_support_ends_the_recovery(alice):
    ask()
    support.reset(alice, "lost", "a test", None)
    assert not Recovery.objects.exists()


def test_pruning_keeps_a_stop_for_as_long_as_it_shuts(alice, clock):
    ask()
    Client().post(stop_link())
    stopped_at = recovery_of(alice).stopped_at
    prune.prune(stopped_at + 7 * DAY)
    assert Recovery.objects.exists()
    prune.prune(stopped_at + 9 * DAY)
    assert not Recovery.objects.exists()


# Who may


def refused(client):
    give_password(client)
    return RECOVERY not in client.get(OTHER).text and client.post(RECOVERY).url.endswith(OTHER)


@pytest.mark.proves("RE-7")
def test_not_staff(client, alice):
    alice.is_staff = True
    alice.save()
    assert refused(client)


@pytest.mark.proves("RE-7")
def test_not_superusers(client, alice):
    alice.is_superuser = True
    alice.save()
    assert refused(client)


@pytest.mark.proves("RE-7")
def test_not_who_must_use_a_passkey(client, alice):
    Rule.objects.create(scope="person", user=alice, factor="passkey", starts_on="2020-01-01")
    assert refused(client)


@pytest.mark.proves("RE-7")
def test_not_where_the_site_requires_a_passkey(client, settings):
    settings.TWOFACTOR_PASSKEY_REQUIRED_FOR = "everyone"
    assert refused(client)


@pytest.mark.proves("RE-7")
def test_not_where_no_code_is_sent_to_anyone(client, settings):
    settings.TWOFACTOR_EMAIL_FALLBACK = "nobody"
    assert refused(client)


def test_not_where_there_is_none(client, settings):
    settings.TWOFACTOR_RECOVERY_HOURS = 0
    assert refused(client)


def test_not_without_a_confirmed_address(client, alice):
    alice.email_verified_at = None
    alice.save()
    assert refused(client)


def test_not_while_a_mailed_code_lets_in(client, alice):
    GuessBudget.objects.filter(pk=alice.pk).update(**credential_digests.current(alice))
    assert refused(client)


def test_who_became_staff_meanwhile_gets_no_link(client, alice, clock):
    ask(client)
    alice.is_staff = True
    alice.save()
    wait(clock)
    assert finish_link() == ""
    assert recovery_of(alice).stopped_at is not None


@pytest.mark.proves("RE-7")
def test_who_became_staff_after_the_link_was_sent_does_not_finish(client, alice, clock):
    ask(client)
    wait(clock)
    alice.is_staff = True
    alice.save()
    assert open_setup(client).status_code == 404


# What a thief has


def test_the_mailbox_alone_asks_for_nothing(client):
    """It resets the password, which is then the password of the thief: and the wait still warns everyone."""
    assert client.post(RECOVERY).url == "/accounts/login/"


def test_the_password_alone_finishes_nothing(client, clock):
    """It cannot read the link."""
    ask(client)
    wait(clock)
    assert client.post("/two-factor/recovery/finish/x/", {"password": PASSWORD}).status_code == 404
    assert signed_in_as(client) is None


def test_password_and_mailbox_together_are_stopped_from_the_second_address(client, alice, clock):
    WarningsAddress.objects.create(user=alice, address="second@example.net", confirmed_at=alice.date_joined)
    ask(client)
    wait(clock)
    path = finish_link()
    Client().post(stop_link("second@example.net"))
    assert client.post(path, {"password": PASSWORD}).status_code == 404


def test_a_session_without_the_factor_gains_nothing(client, alice, clock):
    """At the end only the setup is open, and its request has to be the one that let the person in."""
    ask(client)
    wait(clock)
    open_setup(client)
    Recovery.objects.update(request_id="00000000-0000-0000-0000-000000000001")
    bind(client)
    assert recovery_of(alice).finished_at is None
