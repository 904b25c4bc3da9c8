"""The nine flows of the Django and React recipe for two-factor authentication, each under its name.

Its two phases: with an authenticator nothing is sent; else a text message, if there is a phone; else a mail.
"""

import pytest
from django.test import Client

from tests.people import PASSWORD, enrol, give_password, sign_in, signed_in_as
from tests.twofactor.code_forms import enter_password_and_code
from tests.twofactor.sent_codes import (
    add_number,
    confirm_sign_in,
    mailed_code,
    record_text_messages,
    texted_code,
)
from tests.twofactor.setup_steps import CODES, SAVED, confirm_key, shown_codes
from twofactor.factors import backup_codes, enrolled
from twofactor.models import Authenticator, BackupCode, TwoFactor

REMINDER = "Make your account safer"


@pytest.fixture(autouse=True)
def everyone_confirms(settings):
    settings.TWOFACTOR_CODE_WITHOUT_APP = "everyone"


@pytest.fixture
def text_messages(settings):
    return record_text_messages(settings)


@pytest.fixture
def pages(phone, clock):
    """A browser that Alice signed in with a minute ago."""
    browser = Client()
    sign_in(browser, phone)
    clock.shift(60)
    return browser


def test_1_enrolment(client, alice):
    confirm_sign_in(client)
    confirm_key(client)
    assert len(shown_codes(client)) == 10
    assert not enrolled.is_on(alice)
    client.post(CODES, SAVED)
    assert enrolled.is_on(alice)


def test_2_sign_in_with_the_app(program, phone):
    assert program.give_password().json()["channel"] == "totp"
    assert program.give(otp_code=phone.code()).json().keys() >= {"access", "refresh"}
    assert program.is_signed_in()


def test_3_sign_in_with_a_backup_code(program, alice, printed_codes):
    program.give_password()
    assert program.give(backup_code=printed_codes[0]).status_code == 200
    assert program.is_signed_in()
    assert backup_codes.count_unused(alice) == 2


@pytest.mark.parametrize("channel", ["email", "phone"])
def test_4_sign_in_with_the_fallback(program, alice, phone, text_messages, channel):
    add_number(alice)
    program.sign_in(phone)
    program.access = None
    assert program.give_password().json()["has_phone"] is True
    assert program.send(channel).json()["channel"] == channel
    code = mailed_code() if channel == "email" else texted_code()
    assert program.give(sent_code=code).status_code == 200


def test_5_channel_switching(program, alice, text_messages):
    add_number(alice)
    assert program.give_password().json()["channel"] == "phone"
    assert len(text_messages) == 1
    answer = program.send("email").json()
    assert (answer["channel"], answer["target"], answer["has_phone"]) == ("email", "a•••e@example.com", True)
    assert program.give(sent_code=mailed_code()).status_code == 200
    assert program.is_signed_in()


def test_6_turning_off(pages, alice, phone, printed_codes):
    enter_password_and_code(pages, "/two-factor/disable/", phone.code())
    kept = [model.objects.filter(user=alice).exists() for model in (TwoFactor, Authenticator, BackupCode)]
    assert kept == [False] * 3


def test_7_new_codes(pages, alice, phone, printed_codes, client):
    enter_password_and_code(pages, "/two-factor/backup-codes/", phone.code())
    new = shown_codes(pages, "/two-factor/backup-codes/")
    pages.post("/two-factor/backup-codes/", SAVED)
    give_password(client)
    client.post("/two-factor/verify/backup/", {"code": printed_codes[0]})
    assert signed_in_as(client) is None
    client.post("/two-factor/verify/backup/", {"code": new[0]})
    assert signed_in_as(client) == alice


def test_8_throttle(program, alice, clock):
    program.give_password()
    answers = []
    for _ in range(7):
        clock.shift(61)
        answers.append(program.send().status_code)
    assert answers == [200] * 6 + [429]


def test_9_nudge(client, alice):
    confirm_sign_in(client)
    assert REMINDER in client.get("/").text
    client.post("/two-factor/nudge/dismiss/")
    assert REMINDER not in client.get("/").text


def test_9_nudge_is_gone_with_an_authenticator(client, alice):
    confirm_sign_in(client)
    confirm_key(client)
    client.post(CODES, SAVED)
    assert REMINDER not in client.get("/").text


def test_the_two_phases(program, alice, text_messages, clock):
    assert program.give_password().json()["channel"] == "email"
    clock.shift(61)
    add_number(alice)
    assert program.give_password().json()["channel"] == "phone"
    enrol(alice)
    assert program.give_password().json()["channel"] == "totp"
    assert len(text_messages) == 1


def test_disable_takes_a_code_of_the_app_or_a_backup_code(signed_in, alice, printed_codes):
    answer = signed_in.post("totp/disable/", {"backup_code": printed_codes[0], "password": PASSWORD})
    assert (answer.status_code, enrolled.is_on(alice)) == (204, False)
