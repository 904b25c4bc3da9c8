"""Turning off two-factor authentication."""

import pytest
from django.test import Client
from django.utils import timezone

from tests.people import PASSWORD, give_password, signed_in_as
from tests.twofactor.code_forms import enter_password_and_code
from tests.twofactor.sent_codes import add_number
from twofactor.factors import enrolled
from twofactor.models import BackupCode, Draft, GuessBudget, Phone, TrustedBrowser

DISABLE = "/two-factor/disable/"
CONFIRM = "/two-factor/confirm/"
SETUP = "/two-factor/setup/"
WRONG_PASSWORD = "wrong"


@pytest.mark.proves("6.5.6")
def test_turning_off_forgets_authenticator_and_codes(signed_in_client, alice, phone, printed_codes):
    enter_password_and_code(signed_in_client, DISABLE, phone.code())
    assert (enrolled.is_on(alice), BackupCode.objects.count()) == (False, 0)


def test_turning_off_accepts_a_backup_code(signed_in_client, alice, printed_codes):
    enter_password_and_code(signed_in_client, DISABLE, printed_codes[0])
    assert not enrolled.is_on(alice)


def test_turning_off_does_not_accept_a_used_backup_code(signed_in_client, alice, printed_codes):
    BackupCode.objects.update(used_at="2026-01-01T00:00Z")
    enter_password_and_code(signed_in_client, DISABLE, printed_codes[0])
    assert enrolled.is_on(alice)


@pytest.mark.proves("V-14")
def test_having_confirmed_does_not_turn_off_without_a_code(signed_in_client, alice, phone):
    enter_password_and_code(signed_in_client, CONFIRM, phone.code())
    signed_in_client.post(DISABLE, {"password": PASSWORD})
    signed_in_client.post(DISABLE)
    assert enrolled.is_on(alice)


def test_turning_off_says_so(signed_in_client, phone):
    page = signed_in_client.post(DISABLE, {"password": PASSWORD, "code": phone.code()}, follow=True)
    assert b"Two-factor authentication is off." in page.content


def test_the_page_says_what_turning_off_means(signed_in_client):
    assert b"be able to sign in with your password alone." in signed_in_client.get(DISABLE).content


def test_after_turning_off_the_password_is_enough(signed_in_client, alice, phone):
    enter_password_and_code(signed_in_client, DISABLE, phone.code())
    other = Client()
    give_password(other)
    assert signed_in_as(other) == alice


def test_after_turning_off_an_unfinished_replacement_is_gone(signed_in_client, phone, clock):
    enter_password_and_code(signed_in_client, CONFIRM, phone.code())
    signed_in_client.get(SETUP)
    clock.shift(60)
    enter_password_and_code(signed_in_client, DISABLE, phone.code())
    assert not Draft.objects.exists()


def test_after_turning_off_no_browser_is_trusted(signed_in_client, phone, clock):
    give_password(other := Client())
    other.post("/two-factor/verify/", {"code": phone.code(), "trust_browser": "on"})
    clock.shift(60)
    enter_password_and_code(signed_in_client, DISABLE, phone.code())
    assert not TrustedBrowser.objects.exists()


def test_after_turning_off_the_phone_number_is_gone(signed_in_client, alice, phone):
    add_number(alice)
    enter_password_and_code(signed_in_client, DISABLE, phone.code())
    assert not Phone.objects.exists()


def test_turning_off_gives_no_guesses_back(signed_in_client, phone):
    GuessBudget.objects.update(day_failures=7, day_began_at=timezone.now())
    enter_password_and_code(signed_in_client, DISABLE, phone.code())
    assert GuessBudget.objects.get().day_failures == 7


def test_after_turning_off_the_session_is_not_verified(signed_in_client, phone):
    enter_password_and_code(signed_in_client, DISABLE, phone.code())
    assert signed_in_client.session["twofactor_amr"] == "none"


def test_without_two_factor_there_is_nothing_to_turn_off(client, alice):
    give_password(client)
    assert client.post(DISABLE, {"password": PASSWORD}).status_code == 409


def test_a_code_given_in_a_refused_form_turns_nothing_off(signed_in_client, alice, phone):
    enter_password_and_code(signed_in_client, DISABLE, phone.code(), WRONG_PASSWORD)
    assert enrolled.is_on(alice)
