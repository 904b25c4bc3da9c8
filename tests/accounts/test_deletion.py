"""Deleting one's own account: asked for with both factors, waits for seven days, and can be stopped."""

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core import mail
from django.db.models.signals import pre_delete
from django.test import Client
from django.utils import timezone

from accounts import deletion
from accounts.models import User
from tests.api.program import Program
from tests.operations.admin_and_commands import run
from tests.people import (
    NOW,
    PASSWORD,
    client_after_password,
    enrol,
    give_password,
    person,
    sign_in,
    signed_in_as,
)
from twofactor import testing
from twofactor.factors import methods
from twofactor.limits import allowances
from twofactor.models import Event, Rule, Session, WarningsAddress
from twofactor.signin.session import HELD, IMPERSONATED, NONE, TRUSTED

pytestmark = pytest.mark.django_db
DELETE, KEEP, HOME = "/accounts/delete/", "/accounts/delete/keep/", "/"
WAIT = deletion.WAIT


@pytest.fixture
def owner(alice, phone, client):
    """A browser in which Alice has just given password and code."""
    sign_in(client, phone)
    return client


@pytest.fixture
def waiting(owner, alice, clock):
    """Alice's browser, two minutes after she asked."""
    owner.post(DELETE)
    clock.shift(120)
    return owner


def due_at(user):
    return User.objects.values_list("deletion_due_at", flat=True).get(pk=user.pk)


def link_in_mail():
    testing.send_mails()
    [link] = {found for each in mail.outbox for found in re.findall(r"/accounts/delete/stop/\S+", each.body)}
    return link


def events_of(user):
    return list(Event.objects.filter(user=user).values_list("kind", flat=True))


# Asking


@pytest.mark.proves("OD-3")
def test_it_is_due_after_seven_days(owner, alice):
    assert owner.post(DELETE).status_code == 303
    assert due_at(alice) == NOW + timedelta(days=7)
    assert "deletion_requested" in events_of(alice)


def test_the_first_page_changes_nothing(owner, alice):
    answer = owner.get(DELETE)
    assert "In 7 days" in answer.text
    assert due_at(alice) is None


@pytest.mark.proves("OD-3")
def test_the_password_alone_is_not_enough(alice, phone, clock, client):
    sign_in(client, phone)
    clock.shift(360)
    answer = client.post(DELETE)
    assert answer.url.startswith("/two-factor/confirm/")
    assert due_at(alice) is None


def test_an_app_that_was_added_today_is_not_enough(alice, phone, client):
    alice.authenticators.update(full_from=NOW + timedelta(hours=1))
    sign_in(client, phone)
    assert client.post(DELETE).url.startswith("/two-factor/confirm/")


def test_someone_without_a_second_factor_gives_the_password(bob):
    client = client_after_password("bob@example.com")
    client.post("/two-factor/confirm/", {"password": PASSWORD})
    client.post(DELETE)
    assert due_at(bob)


def test_asking_again_changes_neither_the_day_nor_the_log(waiting, alice, clock):
    waiting.post(DELETE)
    assert due_at(alice) == NOW + WAIT
    assert events_of(alice).count("deletion_requested") == 1


@pytest.mark.proves("OD-4")
def test_the_mail_says_when_and_how_to_stop_it(waiting, alice):
    testing.send_mails()
    assert [each.to for each in mail.outbox] == [[alice.email]]
    assert "8 March 2026" in mail.outbox[0].body
    assert link_in_mail()


def test_an_address_that_nobody_confirmed_gets_one_mail_a_day(clock):
    bob = person("bob@example.com", email_verified_at=None, unconfirmed_since=NOW)
    client = client_after_password("bob@example.com")
    client.post("/two-factor/confirm/", {"password": PASSWORD})
    for _ in range(2):
        client.post(DELETE)
        client.post(KEEP)
    testing.send_mails()
    assert events_of(bob).count("deletion_requested") == 2
    assert len(mail.outbox) <= 1


# Staff


@pytest.mark.proves("OD-10")
@pytest.mark.parametrize("rights", [{"is_staff": True}, {"is_superuser": True}])
def test_staff_cannot_ask(client, rights):
    User.objects.create_superuser("root@example.com", PASSWORD)
    boss = person("boss@example.com", **rights)
    sign_in(client, enrol(boss), "boss@example.com")
    client.post(DELETE)
    assert due_at(boss) is None
    assert "Ask an administrator to remove your staff rights first." in client.get(DELETE).text


def test_the_only_administrator_reads_what_to_do(client):
    boss = person("boss@example.com", is_staff=True, is_superuser=True)
    sign_in(client, enrol(boss), "boss@example.com")
    client.post(DELETE)
    assert due_at(boss) is None
    assert "only administrator" in client.get(DELETE).text.replace("&#x27;", "'")


def test_who_became_staff_meanwhile_is_kept(waiting, alice, clock):
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    clock.shift(WAIT.total_seconds())
    run("prune")
    assert due_at(alice) is None
    assert "deletion_stopped" in events_of(alice)


# Stopping


@pytest.mark.proves("OD-5")
def test_the_link_stops_it_without_signing_in(waiting, alice):
    stranger, link = Client(), link_in_mail()
    assert stranger.get(link).status_code == 200
    assert due_at(alice)
    assert stranger.post(link).url == "/accounts/delete/stopped/"
    assert due_at(alice) is None
    assert signed_in_as(stranger) is None
    assert "Check your account" in stranger.get("/accounts/delete/stopped/").text


def test_the_page_of_the_link_shows_nothing_of_the_account(waiting, alice):
    page = Client().get(link_in_mail()).text
    assert alice.email not in page
    assert "March" not in page


@pytest.mark.proves("OD-5")
def test_a_link_works_once(waiting, alice):
    link = link_in_mail()
    Client().post(link)
    assert [Client().get(link).status_code, Client().post(link).status_code] == [404, 404]


def test_the_link_of_an_earlier_request_stops_no_later_one(waiting, alice, clock):
    link = link_in_mail()
    waiting.post(KEEP)
    waiting.post(DELETE)
    assert Client().post(link).status_code == 404
    assert due_at(alice)


def test_a_mail_that_waited_too_long_is_not_sent(owner, alice, settings):
    settings.TWOFACTOR_MAIL_SENT_BY = "command"
    owner.post(DELETE)
    owner.post(KEEP)
    mails = testing.send_mails()
    assert [each for each in mails if "/accounts/delete/stop/" in each.body] == []


@pytest.mark.parametrize("token", ["x", "00000000.gAAAA", "é"])
def test_a_link_that_is_not_ours(db, token):
    assert Client().post(f"/accounts/delete/stop/{token}/").status_code == 404


@pytest.mark.proves("OD-7")
@pytest.mark.parametrize("page", [HOME, "/accounts/profile/", DELETE])
def test_while_it_waits_pages_say_so_and_offer_to_keep_it(waiting, page):
    assert "Keep my account" in waiting.get(page).text


def test_keeping_needs_no_step_up(waiting, alice, clock):
    clock.shift(600)
    waiting.post(KEEP)
    assert due_at(alice) is None
    assert "Keep my account" not in waiting.get(HOME).text


@pytest.mark.proves("OD-6")
def test_a_sign_in_with_a_factor_stops_it(waiting, alice, phone, client):
    browser = Client()
    sign_in(browser, phone)
    assert due_at(alice) is None
    assert "You signed in, so your account will not be deleted." in browser.get(HOME).text


@pytest.mark.proves("OD-6")
def test_the_password_alone_stops_nothing(waiting, alice):
    client_after_password()
    assert due_at(alice)


@pytest.mark.proves("OD-6")
def test_a_trusted_browser_stops_nothing(alice, phone, clock, client):
    give_password(client)
    client.post("/two-factor/verify/", {"code": phone.code(), "trust_browser": "on"})
    client.post(DELETE)
    client.post("/accounts/logout/")
    clock.shift(120)
    give_password(client)
    assert signed_in_as(client) == alice
    assert due_at(alice)


@pytest.mark.proves("OD-6")
def test_a_code_from_the_mailbox_stops_nothing(waiting, alice):
    thief = client_after_password()
    thief.post("/two-factor/verify/send/", {"channel": "email"})
    [code] = re.findall(r"\b\d{6}\b", mail.outbox[-1].body)[:1]
    thief.post("/two-factor/verify/sent/", {"code": code})
    assert signed_in_as(thief) == alice
    assert due_at(alice)


def test_without_a_second_factor_the_password_stops_it(bob, clock):
    client = client_after_password("bob@example.com")
    client.post("/two-factor/confirm/", {"password": PASSWORD})
    client.post(DELETE)
    clock.shift(120)
    client_after_password("bob@example.com")
    assert due_at(bob) is None


def test_a_sign_in_over_the_api_stops_it(waiting, alice, phone, api):
    Program().sign_in(phone)
    assert due_at(alice) is None


@pytest.mark.proves("OD-6")
@pytest.mark.parametrize("method", [*sorted(methods.FACTORS), NONE, methods.CONFIRMED])
def test_signing_in_in_this_way_stops_it(waiting, alice, method):
    alice.refresh_from_db()
    deletion.stop_by_sign_in(alice, None, method)
    assert due_at(alice) is None


@pytest.mark.proves("OD-6")
@pytest.mark.parametrize("method", [*sorted(methods.SENT), TRUSTED, HELD, IMPERSONATED])
def test_signing_in_in_this_way_stops_nothing(waiting, alice, method):
    alice.refresh_from_db()
    deletion.stop_by_sign_in(alice, None, method)
    assert due_at(alice)


def test_saying_that_something_was_not_them_stops_it(waiting, alice, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        waiting.post("/two-factor/not-me/")
    assert due_at(alice) is None


def test_giving_the_factor_again_in_an_open_session_stops_nothing(waiting, alice, phone, clock):
    clock.shift(600)
    waiting.post("/two-factor/confirm/", {"password": PASSWORD, "code": phone.code()})
    assert due_at(alice)


# Carrying it out


@pytest.mark.proves("OD-3")
def test_after_seven_days_nothing_of_the_person_is_left(waiting, alice, clock):
    testing.send_mails()
    clock.shift(WAIT.total_seconds() - 121)
    assert "accounts to be deleted: 0 removed" in run("prune").out
    clock.shift(2)
    assert "accounts to be deleted: 1 would be removed" in run("prune", "--dry-run").out
    assert "accounts to be deleted: 1 removed" in run("prune").out
    assert not User.objects.filter(pk=alice.pk).exists()
    assert not Session.objects.filter(user_id=alice.pk).exists()
    assert waiting.get("/accounts/profile/").status_code == 302


@pytest.mark.proves("OD-9")
def test_the_log_stays_without_the_person(waiting, alice, clock):
    kinds = Event.objects.filter(user=alice).count()
    clock.shift(WAIT.total_seconds())
    run("prune")
    rows = Event.objects.all()
    assert rows.count() == kinds + 1
    assert {
        (each.user_id, each.ip_address, each.browser, each.device_id, each.trusted_browser_id)
        for each in rows
    } == {(None, None, "", None, None)}
    assert {name for each in rows for name in each.detail} <= {"method"}
    assert "account_deleted" in {each.kind for each in rows}


@pytest.mark.proves("OD-4")
def test_a_mail_says_when_it_is_done(waiting, alice, clock):
    testing.send_mails()
    clock.shift(WAIT.total_seconds())
    mail.outbox.clear()
    run("prune")
    testing.send_mails()
    assert [(each.to, each.subject) for each in mail.outbox] == [
        (["alice@example.com"], "Your account at Countersign has been deleted")
    ]
    assert "/accounts/delete/stop/" not in mail.outbox[0].body


def test_the_log_of_the_administration_loses_the_name(waiting, alice, clock):
    root = User.objects.create_superuser("root@example.com", PASSWORD)
    rule = Rule.objects.create(scope="person", user=alice, starts_on=NOW.date())
    for each in (alice, rule, root):
        kind = ContentType.objects.get_for_model(each)
        LogEntry.objects.create(
            user=root, content_type=kind, object_id=each.pk, object_repr=str(each), action_flag=CHANGE
        )
    clock.shift(WAIT.total_seconds())
    run("prune")
    assert list(LogEntry.objects.order_by("pk").values_list("object_repr", flat=True)) == [
        "",
        "",
        "root@example.com",
    ]


@pytest.mark.proves("OD-8")
def test_it_waits_for_someone_who_is_just_signing_in(waiting, alice, clock):
    clock.shift(WAIT.total_seconds())
    User.objects.filter(pk=alice.pk).update(last_login=timezone.now())
    run("prune")
    assert User.objects.filter(pk=alice.pk).exists()


@pytest.mark.proves("OD-8")
@pytest.mark.parametrize("change", [{"deletion_due_at": None}, {"last_login": NOW + WAIT}])
def test_what_happened_after_the_list_was_read_counts(waiting, alice, clock, change):
    """Someone has stopped it, or is just signing in."""
    clock.shift(WAIT.total_seconds() - 120)
    User.objects.filter(pk=alice.pk).update(**change)
    assert not deletion.delete(alice.pk, timezone.now())
    assert User.objects.filter(pk=alice.pk).exists()


def test_others_stay(waiting, bob, clock):
    clock.shift(WAIT.total_seconds())
    run("prune")
    assert list(User.objects.all()) == [bob]


@pytest.mark.proves("OD-9")
def test_a_deletion_that_is_killed_in_the_middle_has_changed_nothing(waiting, alice, clock):
    before = list(Event.objects.values())
    clock.shift(WAIT.total_seconds())

    def die(**kwargs):
        raise KeyboardInterrupt

    pre_delete.connect(die, sender=User)
    try:
        with pytest.raises(KeyboardInterrupt):
            run("prune")
    finally:
        pre_delete.disconnect(die, sender=User)
    assert list(Event.objects.values()) == before
    run("prune")
    assert not User.objects.filter(pk=alice.pk).exists()


def test_this_wasnt_me_stops_it_also_when_a_thief_has_used_up_what_is_recorded(owner, alice, clock):
    owner.post(DELETE)
    while allowances.NOT_ME.charge(alice.pk, timezone.now()):
        pass
    owner.post("/two-factor/not-me/")
    assert due_at(alice) is None


def test_the_address_for_warnings_is_told_with_the_link_and_of_the_end(owner, alice, clock):
    WarningsAddress.objects.create(user=alice, address="second@example.net", confirmed_at=NOW)
    owner.post(DELETE)
    testing.send_mails()
    [letter] = [each for each in mail.outbox if each.to == ["second@example.net"]]
    assert "/accounts/delete/stop/" in letter.body
    clock.shift(WAIT.total_seconds())
    run("prune")
    testing.send_mails()
    assert {"second@example.net"} in [set(each.to) for each in mail.outbox[-2:]]


def test_asking_and_stopping_again_and_again_sends_few_mails(owner, alice):
    answers = [(owner.post(DELETE).status_code, owner.post(KEEP).status_code) for _ in range(6)]
    assert answers == [(303, 303)] * 5 + [(429, 303)]
    assert due_at(alice) is None
