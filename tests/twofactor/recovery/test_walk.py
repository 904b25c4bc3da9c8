"""A recovery from the request to the new app, and what does not lead there."""

from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client

from tests.people import PASSWORD, add_passkey, give_password, open_sessions, sign_in, signed_in_as
from tests.twofactor.recovery.walk import (
    RECOVERY,
    WAIT,
    ask,
    bind,
    finish_link,
    letters_to,
    open_setup,
    recovery_of,
    send,
    shut_mailed_codes,
    stop_link,
    wait,
)
from tests.twofactor.sent_codes import OTHER, add_number, record_text_messages
from tests.twofactor.setup_steps import CODES, SAVED, SETUP, confirm_key
from twofactor.factors import backup_codes, enrolled, methods
from twofactor.models import Event, GuessBudget, Phone, Recovery, WarningsAddress
from twofactor.outgoing import outbox

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("phone")]
SECOND = "second@example.net"
HOUR = timedelta(hours=1)


@pytest.fixture
def warned(alice):
    WarningsAddress.objects.create(user=alice, address=SECOND, confirmed_at=alice.date_joined)


def kinds():
    found = Event.objects.filter(kind__startswith="recovery").order_by("pk")
    return list(found.values_list("kind", flat=True))


# Asking


def test_the_page_with_the_other_ways_offers_it(client):
    give_password(client)
    assert RECOVERY in client.get(OTHER).text
    page = client.get(RECOVERY)
    assert (page.status_code, "72 hours" in page.text or "3 days" in page.text) == (200, True)
    assert not Recovery.objects.exists()


def test_without_the_password_nothing_is_offered(client):
    response = client.get(RECOVERY)
    assert (response.status_code, response.url) == (303, "/accounts/login/")


def test_asking_opens_no_session(client, alice):
    ask(client)
    assert (open_sessions(), signed_in_as(client)) == ([], None)
    assert recovery_of(alice).ready_at == recovery_of(alice).asked_at + WAIT


def test_in_its_browser_the_page_says_how_long_it_takes(client):
    ask(client)
    page = client.get(RECOVERY).text
    assert "Waiting for your recovery" in page
    assert "3 days" in page
    assert "Waiting" not in Client().get(RECOVERY, follow=True).text


def test_another_browser_cannot_ask_beside_it(client):
    ask(client)
    other = Client()
    give_password(other)
    response = other.post(RECOVERY)
    assert (response.status_code, Recovery.objects.count()) == (409, 1)
    assert "Another browser has asked" in response.text


# Whom it is told to


@pytest.mark.proves("RE-2")
def test_every_address_and_number_is_told_with_a_link_that_stops_it(alice, warned, settings):
    messages = record_text_messages(settings)
    add_number(alice)
    ask()
    assert stop_link()
    assert stop_link(SECOND)
    assert "/recovery/stop/" in messages[-1][1]
    for address in ("alice@example.com", SECOND):
        assert finish_link(address) == ""


@pytest.mark.proves("RE-2")
def test_an_open_session_shows_it(client, alice, phone):
    sign_in(client, phone)
    shut_mailed_codes(alice)
    ask()
    for page in ("/", "/two-factor/"):
        shown = client.get(page).text
        assert "A recovery of your account is running" in shown
        assert "/recovery/stop/" in shown


@pytest.mark.proves("RE-4")
def test_the_link_that_finishes_it_goes_to_the_own_address_alone(clock, warned):
    ask()
    wait(clock)
    assert finish_link()
    assert finish_link(SECOND) == ""
    assert "The wait for the recovery" in letters_to(SECOND)[-1].subject


# Waiting


@pytest.mark.proves("RE-1")
def test_nothing_is_sent_before_its_time(clock):
    ask()
    wait(clock, WAIT - HOUR)
    assert finish_link() == ""
    wait(clock, HOUR)
    assert finish_link() != ""
    before = len(mail.outbox)
    send()
    assert len(mail.outbox) == before


def test_workers_wake_when_the_wait_is_over(alice, clock):
    """Also where no letter is written meanwhile."""
    ask()
    send()
    ready_at = recovery_of(alice).ready_at
    assert outbox.write_what_is_due(ready_at - HOUR) == ready_at
    clock.move_to(ready_at - timedelta(minutes=1))
    assert outbox.seconds_until_due(ready_at) == 60
    clock.shift(60)
    assert outbox.write_what_is_due(ready_at) is None
    assert finish_link() != ""


@pytest.mark.proves("RE-5")
def test_a_new_password_begins_the_wait_anew(client, alice, clock):
    ask(client)
    wait(clock, WAIT - HOUR)
    alice.set_password("another battery horse")
    alice.save()
    wait(clock, HOUR)
    assert finish_link() == ""
    assert recovery_of(alice).ready_at == recovery_of(alice).counted_from + WAIT
    wait(clock)
    assert finish_link() != ""


def test_the_wait_is_counted_from_the_change_itself(client, alice, clock):
    ask(client)
    clock.shift(HOUR)
    Event.objects.create(user=alice, kind="password_changed", at=recovery_of(alice).asked_at + HOUR)
    alice.set_password("another battery horse")
    alice.save()
    clock.shift(HOUR)
    client.get(RECOVERY)
    assert recovery_of(alice).ready_at == recovery_of(alice).asked_at + HOUR + WAIT


@pytest.mark.proves("RE-5")
def test_another_address_begins_the_wait_anew(alice, clock):
    ask()
    alice.email = "other@example.com"
    alice.save()
    wait(clock)
    assert finish_link("other@example.com") == ""
    wait(clock)
    assert finish_link("other@example.com") != ""


@pytest.mark.proves("RE-5")
def test_a_change_after_the_link_was_sent_ends_the_link(client, alice, clock):
    ask(client)
    wait(clock)
    path = finish_link()
    alice.set_password("another battery horse")
    alice.save()
    assert client.get(path).status_code == 404


# Finishing


@pytest.mark.proves("RE-4")
def test_the_link_works_in_its_browser_alone(client, clock):
    ask(client)
    wait(clock)
    other = Client()
    response = other.post(finish_link(), {"password": PASSWORD})
    assert (response.status_code, open_sessions()) == (404, [])
    assert "Open it in the browser" in response.text
    assert client.get(finish_link()).status_code == 200


@pytest.mark.proves("RE-4")
def test_the_link_needs_the_password(client, clock):
    ask(client)
    wait(clock)
    response = open_setup(client, "wrong")
    assert (response.status_code, open_sessions()) == (422, [])


@pytest.mark.proves("RE-4")
def test_the_link_works_for_a_day(client, clock):
    ask(client)
    wait(clock)
    path = finish_link()
    clock.shift(24 * HOUR - timedelta(seconds=1))
    assert client.get(path).status_code == 200
    clock.shift(timedelta(seconds=2))
    assert client.get(path).status_code == 404


def test_a_day_without_coming_ends_it_and_one_can_ask_again(client, alice, clock):
    first = ask(client)
    wait(clock)
    clock.shift(48 * HOUR)
    ask(first)
    assert recovery_of(alice).told_at is None
    assert kinds() == ["recovery_asked", "recovery_ready", "recovery_asked"]


@pytest.mark.proves("RE-6")
def test_the_session_reaches_the_setup_and_nothing_else(client, alice, clock):
    ask(client)
    wait(clock)
    response = open_setup(client)
    assert (response.status_code, response.url) == (303, SETUP)
    assert client.session["twofactor_amr"] == methods.WAITED
    for path in ("/", "/two-factor/", "/accounts/profile/", "/two-factor/apps/add/", "/admin/"):
        assert client.get(path).url.endswith(SETUP), path
    for path in ("/two-factor/disable/", "/two-factor/phone/", "/two-factor/sessions/end/"):
        assert client.post(path).url.endswith(SETUP), path
    assert client.get(SETUP).status_code == 200


@pytest.mark.proves("RE-1")
def test_the_new_app_replaces_everything(client, alice, phone, clock, printed_codes):
    add_passkey(alice)
    add_number(alice)
    ask(client)
    wait(clock)
    open_setup(client)
    shown = client.get(SETUP)
    assert "passkey instead" not in shown.text
    new = bind(client)
    assert client.session["twofactor_amr"] == methods.TOTP
    assert [app.name for app in enrolled.factors_of(alice)] == ["Authenticator app"]
    assert (Phone.objects.count(), backup_codes.count_unused(alice)) == (0, 10)
    assert kinds() == ["recovery_asked", "recovery_ready", "recovery_opened", "recovery_finished"]
    clock.shift(60)
    other = Client()
    give_password(other)
    assert other.post("/two-factor/verify/", {"code": phone.code()}).status_code == 422
    assert other.post("/two-factor/verify/", {"code": new.code()}).status_code == 303


@pytest.mark.proves("RE-1")
def test_before_the_end_of_the_setup_nothing_has_changed(client, alice, phone, clock):
    ask(client)
    wait(clock)
    open_setup(client)
    client.get(SETUP)
    other = Client()
    sign_in(other, phone)
    assert signed_in_as(other) == alice


def test_the_new_app_does_not_prove_everything_on_its_first_day(client, alice, clock):
    ask(client)
    wait(clock)
    open_setup(client)
    bind(client)
    [app] = enrolled.factors_of(alice)
    assert app.full_from - app.added_at == timedelta(hours=24)


@pytest.mark.proves("RE-6")
def test_a_setup_that_was_left_can_be_begun_again_with_the_link(client, alice, clock):
    ask(client)
    wait(clock)
    path = finish_link()
    open_setup(client)
    clock.shift(timedelta(minutes=11))
    assert client.get(SETUP).url.startswith("/accounts/login/")
    client.post(path, {"password": PASSWORD})
    bind(client)
    assert Recovery.objects.get().finished_at is not None


def test_what_was_bound_once_is_not_bound_again(client, clock):
    ask(client)
    wait(clock)
    path = finish_link()
    open_setup(client)
    bind(client)
    assert client.post(path, {"password": PASSWORD}).status_code == 404


def test_a_stop_during_the_setup_keeps_what_was_there(client, alice, phone, clock):
    ask(client)
    wait(clock)
    stop = stop_link()
    open_setup(client)
    [app] = enrolled.factors_of(alice)
    Client().post(stop)
    bind(client)
    assert enrolled.factors_of(alice) == [app]
    assert signed_in_as(client) is None or client.session["twofactor_amr"] != methods.TOTP


def test_it_needs_no_app_that_was_lost_to_lift_the_lock_after_wrong_codes(client, alice, clock):
    GuessBudget.objects.filter(pk=alice.pk).update(failures=99, day_failures=20)
    ask(client)
    wait(clock)
    open_setup(client)
    bind(client)
    assert GuessBudget.objects.get(pk=alice.pk).failures == 0


def test_the_codes_page_names_what_goes(client, clock):
    ask(client)
    wait(clock)
    open_setup(client)
    confirm_key(client)
    assert "stop working as soon as you finish" in client.get(CODES).text
    assert client.post(CODES, SAVED).status_code == 303


# What changes between the link and the last step


@pytest.mark.proves("RE-5")
def test_another_address_while_the_setup_is_open_begins_the_wait_anew(client, alice, clock):
    ask(client)
    wait(clock)
    open_setup(client)
    alice.email = "other@example.com"
    alice.save()
    bind(client)
    row = recovery_of(alice)
    assert (row.finished_at, row.opened_at, row.ready_at - row.counted_from) == (None, None, WAIT)
    assert row.counted_from > row.asked_at


@pytest.mark.proves("RE-7")
def test_who_becomes_staff_while_the_setup_is_open_binds_nothing(client, alice, clock):
    ask(client)
    wait(clock)
    open_setup(client)
    alice.is_staff = True
    alice.save()
    bind(client)
    assert recovery_of(alice).finished_at is None


@pytest.mark.proves("RE-5")
def test_a_change_without_an_event_is_not_counted_from_that_of_another_kind(alice, clock):
    ask()
    clock.shift(HOUR)
    Event.objects.create(user=alice, kind="password_changed", at=recovery_of(alice).asked_at + HOUR)
    alice.set_password("another battery horse")
    alice.email = "other@example.com"
    alice.save()
    wait(clock)
    row = recovery_of(alice)
    assert (row.told_at, row.counted_from) == (None, row.asked_at + HOUR + WAIT)


def test_the_same_password_with_a_newer_hasher_begins_no_wait_anew(client, alice, clock, settings):
    ask(client)
    newer = "django.contrib.auth.hashers.ScryptPasswordHasher"
    settings.PASSWORD_HASHERS = [newer, *settings.PASSWORD_HASHERS]
    wait(clock)
    open_setup(client)
    alice.refresh_from_db()
    assert alice.password.startswith("scrypt")
    bind(client)
    assert recovery_of(alice).finished_at is not None


@pytest.mark.proves("RE-6")
def test_a_step_out_of_order_shows_nothing_of_the_account(client, alice, clock, warned):
    ask(client)
    wait(clock)
    open_setup(client)
    answer = client.post(CODES, SAVED)
    assert (answer.status_code, answer.url) == (303, "/two-factor/")
    assert client.get("/two-factor/").url == SETUP


@pytest.mark.proves("RE-6")
def test_after_a_stop_the_setup_ends_and_shows_nothing_of_the_account(client, alice, clock, warned):
    ask(client)
    wait(clock)
    open_setup(client)
    confirm_key(client)
    Client().post(stop_link())
    answer = client.post(CODES, SAVED)
    assert (answer.status_code, signed_in_as(client)) == (409, None)
    assert "recovery was stopped" in answer.text
    assert SECOND not in answer.text
