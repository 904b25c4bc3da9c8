"""Step-up: giving password and code again, and what that is good for."""

import pytest
from django.test import Client

from tests.people import PASSWORD, give_password, sign_in
from tests.twofactor.code_forms import enter_password_and_code

CONFIRM = "/two-factor/confirm/"
SETUP = "/two-factor/apps/add/"


def test_confirming_leads_on(signed_in_client, phone):
    assert enter_password_and_code(signed_in_client, CONFIRM, phone.code(), next=SETUP).url == SETUP


@pytest.mark.parametrize(
    "to", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", ""]
)
def test_confirming_leads_nowhere_else(signed_in_client, phone, to):
    assert enter_password_and_code(signed_in_client, CONFIRM, phone.code(), next=to).url == "/"


@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example", "javascript:alert(1)"])
def test_the_page_does_not_carry_a_foreign_address_along(signed_in_client, to):
    assert f'value="{to}"' not in signed_in_client.get(CONFIRM, {"next": to}).text


@pytest.mark.proves("S-02")
def test_confirming_gives_the_session_a_new_key(signed_in_client, phone):
    before = signed_in_client.session.session_key
    enter_password_and_code(signed_in_client, CONFIRM, phone.code())
    assert signed_in_client.session.session_key != before


@pytest.mark.proves("7.2.4")
def test_confirming_ends_the_old_key(signed_in_client, phone):
    session = signed_in_client.session
    enter_password_and_code(signed_in_client, CONFIRM, phone.code())
    assert not session.exists(session.session_key)


def test_confirming_accepts_a_backup_code(signed_in_client, printed_codes):
    assert enter_password_and_code(signed_in_client, CONFIRM, printed_codes[0]).status_code == 303


def test_signing_in_is_no_confirmation(client, phone):
    sign_in(client, phone)
    assert client.get(SETUP).url.startswith(CONFIRM)


def test_someone_without_a_factor_confirms_with_the_password(client, alice):
    give_password(client)
    assert client.post(CONFIRM, {"password": PASSWORD, "next": SETUP}).url == SETUP


def test_someone_without_a_factor_is_not_asked_for_a_code(client, alice):
    give_password(client)
    assert b'name="code"' not in client.get(CONFIRM).content


def test_a_confirmation_is_not_one_for_other_sessions(signed_in_client, phone, clock):
    other = Client()
    sign_in(other, phone)
    clock.shift(60)
    enter_password_and_code(signed_in_client, CONFIRM, phone.code())
    assert other.get(SETUP).url.startswith(CONFIRM)


def test_a_confirmation_ends_with_the_session(signed_in_client, phone, clock):
    enter_password_and_code(signed_in_client, CONFIRM, phone.code())
    clock.shift(60)
    signed_in_client.post("/accounts/logout/")
    sign_in(signed_in_client, phone)
    assert signed_in_client.get(SETUP).url.startswith(CONFIRM)
