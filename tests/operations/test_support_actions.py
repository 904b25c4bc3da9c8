"""What support does for a person: resetting two-factor authentication, ending sessions."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth import SESSION_KEY
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.operations.admin_and_commands import EVENTS, browser_of, help_page, reset_by_support
from tests.people import NOW, PRINTED_CODES, client_after_password, give_password, signed_in_as
from twofactor.factors import backup_codes, enrolled
from twofactor.models import BackupCode, Event, Phone, Session, TrustedBrowser, TwoFactor

pytestmark = pytest.mark.django_db


# The reset


def test_a_reset_turns_two_factor_authentication_off(stepped_up, alice, phone):
    reset_by_support(stepped_up, alice)
    assert not enrolled.is_on(alice)


def test_after_a_reset_the_password_opens_the_account(stepped_up, alice, phone, client):
    reset_by_support(stepped_up, alice)
    give_password(client)
    assert signed_in_as(client) == alice


def test_a_reset_ends_the_sessions(stepped_up, alice, phone, clock):
    alices = browser_of(alice, phone, clock)
    reset_by_support(stepped_up, alice)
    assert alices.get("/accounts/profile/").status_code == 302


def test_a_reset_ends_a_sign_in_that_waits_for_its_code(stepped_up, alice, phone, client):
    give_password(client)
    reset_by_support(stepped_up, alice)
    client.post("/two-factor/verify/", {"code": phone.code()})
    assert SESSION_KEY not in client.session


@pytest.mark.proves("6.5.6")
def test_a_reset_forgets_codes_and_phone(stepped_up, alice, phone):
    backup_codes.replace_all(alice, backup_codes.make_rows(alice, PRINTED_CODES))
    Phone.objects.create(user=alice, number="+491701234567", verified_at=NOW)
    reset_by_support(stepped_up, alice)
    assert (BackupCode.objects.count(), Phone.objects.count()) == (0, 0)


@pytest.mark.proves("6.4.4")
def test_a_reset_needs_a_reason(stepped_up, alice, phone):
    assert (reset_by_support(stepped_up, alice, reason="").status_code, enrolled.is_on(alice)) == (422, True)


def test_a_refused_reset_keeps_what_was_typed(stepped_up, alice, phone):
    assert "x" * 201 in reset_by_support(stepped_up, alice, reason="x" * 201).text


def test_who_reset_it_and_why_is_logged(stepped_up, alice, phone, superuser):
    reset_by_support(stepped_up, alice)
    event = Event.objects.get(kind="reset_by_support")
    assert event.detail == {"reason": "lost everything", "by": f"user {superuser.pk}"}


@pytest.fixture
def reset_event(stepped_up, alice, phone):
    reset_by_support(stepped_up, alice)
    return Event.objects.get(kind="reset_by_support")


@pytest.fixture(params=["help page", "audit log", "one event"])
def support_page(request, reset_event, alice):
    """A page on which support reads who reset Alice's two-factor authentication."""
    paths = {
        "help page": help_page(alice),
        "audit log": EVENTS,
        "one event": f"{EVENTS}{reset_event.pk}/change/",
    }
    return paths[request.param]


def test_support_reads_the_name_of_who_did_it(stepped_up, superuser, support_page):
    assert f"by: {superuser.email}" in stepped_up.get(support_page).text


@pytest.mark.parametrize("by", ["user 999", "command line"])
def test_who_is_gone_or_no_user_is_told_as_it_was_written(stepped_up, reset_event, support_page, by):
    Event.objects.filter(pk=reset_event.pk).update(detail={"by": by})
    assert f"by: {by}" in stepped_up.get(support_page).text


def test_names_cost_one_query_for_all_events(stepped_up, reset_event, superuser, alice):
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as asked:
            stepped_up.get(EVENTS)
        counts.append(len(asked))
        for _ in range(5):
            end_sessions(stepped_up, alice)
    assert counts[0] == counts[1]


def test_a_person_does_not_read_who_of_support_it_was(stepped_up, superuser, alice, reset_event, client):
    give_password(client)
    page = client.get("/two-factor/activity/").text
    assert ("Support reset two-factor authentication" in page, superuser.email in page) == (True, False)


def test_the_second_of_two_resets_does_nothing(stepped_up, alice, phone):
    reset_by_support(stepped_up, alice)
    reset_by_support(stepped_up, alice)
    assert Event.objects.filter(kind="reset_by_support").count() == 1


# Ending sessions


def end_sessions(stepped_up, user, reason="laptop stolen"):
    return stepped_up.post(help_page(user, "end-sessions/"), {"sessions-reason": reason})


@pytest.mark.proves("7.4.5")
def test_every_session_of_a_person_can_be_ended(stepped_up, alice, phone, clock):
    alices = browser_of(alice, phone, clock)
    end_sessions(stepped_up, alice)
    assert alices.get("/accounts/profile/").status_code == 302


def test_ending_sessions_ends_trusted_browsers_too(stepped_up, alice, phone, client):
    give_password(client)
    client.post("/two-factor/verify/", {"code": phone.code(), "trust_browser": "on"})
    end_sessions(stepped_up, alice)
    assert not TrustedBrowser.objects.exists()
    assert give_password(client).url == "/two-factor/verify/"


def test_ending_sessions_leaves_the_second_factor(stepped_up, alice, phone):
    end_sessions(stepped_up, alice)
    assert enrolled.is_on(alice)


def test_ending_sessions_needs_a_reason(stepped_up, alice):
    assert end_sessions(stepped_up, alice, reason="").status_code == 422


def test_ending_sessions_is_logged_with_its_reason(stepped_up, alice):
    end_sessions(stepped_up, alice)
    assert Event.objects.get(kind="sessions_ended_by_support").detail["reason"] == "laptop stolen"


# Signing out one device


def end_device(stepped_up, user, device, reason="phone stolen"):
    form = {"device-device": str(device.device_id) if device else "", "device-reason": reason}
    return stepped_up.post(help_page(user, "end-device/"), form)


@pytest.fixture
def alices(alice, phone, clock):
    """Alice's browser, signed in."""
    return browser_of(alice, phone, clock)


@pytest.fixture
def device(alices, alice):
    Session.objects.filter(user=alice).update(browser="Firefox 145 on Windows", ip_address="203.0.113.9")
    return Session.objects.get(user=alice)


def test_support_sees_the_devices_of_a_person(stepped_up, alice, device):
    page = stepped_up.get(help_page(alice)).text
    assert ("Firefox 145 on Windows" in page, "203.0.113.9" in page) == (True, True)


def test_support_signs_one_device_out(stepped_up, alice, alices, device, phone, clock):
    other = browser_of(alice, phone, clock)
    end_device(stepped_up, alice, device)
    assert (signed_in_as(alices), signed_in_as(other)) == (None, alice)


def test_no_device_is_chosen_for_support(stepped_up, alice, alices, device):
    """The first one would be signed out where none was chosen."""
    assert '<option value="" selected>Choose a device.</option>' in stepped_up.get(help_page(alice)).text
    assert "Choose a device." in end_device(stepped_up, alice, device=None).text
    assert signed_in_as(alices) == alice


@pytest.mark.parametrize(("days", "told"), [(1, True), (-1, False)])
def test_support_reads_that_no_codes_go_by_email(stepped_up, alice, phone, days, told):
    TwoFactor.objects.update(recovery_shut_until=NOW + timedelta(days=days))
    page = stepped_up.get(help_page(alice)).text
    assert ("None before 2 March 2026, 12:00 (UTC), because this person said" in page) == told


def test_support_reads_when_each_app_was_added(stepped_up, alice, phone):
    page = stepped_up.get(help_page(alice)).text
    assert re.search(r"Added 1 March 2026, \d\d:\d\d \(UTC\), not used yet", page)


def test_signing_a_device_out_is_logged_with_its_reason_and_who_did_it(stepped_up, alice, device, superuser):
    end_device(stepped_up, alice, device)
    assert Event.objects.get(kind="device_ended_by_support").detail == {
        "device": "Firefox 145 on Windows",
        "reason": "phone stolen",
        "by": f"user {superuser.pk}",
    }


def test_signing_a_device_out_needs_a_reason(stepped_up, alice, alices, device):
    answer = end_device(stepped_up, alice, device, reason="")
    assert (answer.status_code, signed_in_as(alices)) == (422, alice)


def test_support_signs_out_no_device_of_another_person(stepped_up, alice, alices, device, bob):
    answer = end_device(stepped_up, bob, device)
    assert (answer.status_code, signed_in_as(alices)) == (422, alice)


def test_a_device_that_is_signed_out_already_is_told(stepped_up, alice, device):
    end_device(stepped_up, alice, device)
    answer = end_device(stepped_up, alice, device)
    assert (answer.status_code, "That device is signed out already." in answer.text) == (422, True)


def test_a_device_is_signed_out_after_a_step_up_only(admin, alice, alices, device):
    assert (end_device(admin, alice, device).status_code, signed_in_as(alices)) == (303, alice)


def test_ending_all_sessions_deletes_their_rows(stepped_up, alice, device):
    end_sessions(stepped_up, alice)
    assert not Session.objects.filter(user=alice).exists()


@pytest.mark.parametrize("kind", Event.Kind)
def test_support_reads_no_event_as_if_it_were_about_itself(kind):
    assert not re.search(r"\byour?\b", str(kind.label), re.IGNORECASE)


def test_support_reads_one_line_for_a_sign_in(stepped_up, alice, phone):
    backup_codes.replace_all(alice, backup_codes.make_rows(alice, PRINTED_CODES))
    browser = client_after_password(alice.email)
    browser.post("/two-factor/verify/", {"code": PRINTED_CODES[0]})
    (row,) = stepped_up.get(help_page(alice)).context["activity"]
    assert [event.kind for event in row.events] == ["signed_in_with_code", "backup_code_used"]
    assert "<strong>Signed in with a backup code</strong>" in stepped_up.get(help_page(alice)).text


def test_an_event_is_told_to_support_and_to_the_person_in_words_for_each(stepped_up, alice, phone, clock):
    Event.objects.create(user=alice, kind="wrong_codes", at=NOW)
    told = "Someone who knows {} password entered wrong codes"
    assert told.format("the") in stepped_up.get(help_page(alice)).text
    assert told.format("your") in browser_of(alice, phone, clock).get("/two-factor/activity/").text


def test_a_person_does_not_see_where_support_sits(stepped_up, alice, phone, clock):
    end_sessions(stepped_up, alice)
    alices = browser_of(alice, phone, clock)
    Event.objects.exclude(kind="sessions_ended_by_support").delete()
    page = alices.get("/two-factor/activity/").text
    assert ("Support signed you out everywhere" in page, "127.0.0.1" in page) == (True, False)


def test_a_reason_is_text_and_never_markup(stepped_up, alice):
    end_sessions(stepped_up, alice, reason="<img src=x>")
    assert "<img src=x>" not in stepped_up.get(help_page(alice)).text + stepped_up.get(EVENTS).text
