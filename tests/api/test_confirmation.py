"""Over the API, people without a second factor confirm a sign-in where the site asks for it."""

import pytest
from django.core import mail

from tests.api.program import Program, status_and_code
from tests.people import enrol
from tests.twofactor.sent_codes import (
    add_number,
    different_code,
    mailed_code,
    record_text_messages,
    texted_code,
)
from twofactor.models import Event, SentCode, TokenFamily


@pytest.fixture(params=["everyone", "new-browsers"])
def rule(request, settings):
    settings.TWOFACTOR_CODE_WITHOUT_APP = request.param


@pytest.fixture
def asked(program, alice, rule):
    """A program that has entered Alice's password. She has no second factor."""
    program.answer = program.give_password()
    return program


def send_again(program, **channel):
    return program.post("jwt/totp/send/", {"totp_challenge_token": program.challenge, **channel})


def test_the_password_gives_no_tokens(asked):
    assert asked.answer.json() == {
        "is_totp_enabled": False,
        "totp_challenge_token": asked.challenge,
        "channels": [{"channel": "email", "target": "a•••e@example.com"}],
        "channel": "email",
        "target": "a•••e@example.com",
        "has_phone": False,
    }
    assert TokenFamily.objects.count() == 0


def test_the_code_gives_tokens(asked):
    answer = asked.give(sent_code=mailed_code())
    assert (answer.status_code, answer.json().keys()) == (200, {"access", "refresh", "client_token"})
    assert asked.get("totp/status/").json()["amr"] == "confirmed"
    assert Event.objects.filter(kind="sign_in_confirmed").count() == 1


def test_each_sign_in_asks_again(asked, clock):
    asked.give(sent_code=mailed_code())
    clock.shift(61)
    assert "access" not in asked.give_password().json()


@pytest.mark.parametrize("kind", ["otp_code", "backup_code"])
def test_it_is_no_code_of_another_kind(asked, kind):
    assert asked.give(**{kind: mailed_code()}).status_code == 400
    assert not asked.is_signed_in()


def test_a_wrong_code_gives_nothing(asked):
    answer = asked.give(sent_code=different_code(mailed_code()))
    assert status_and_code(answer) == (400, "code_refused")


def test_a_challenge_works_once(asked):
    code = mailed_code()
    asked.give(sent_code=code)
    assert status_and_code(asked.give(sent_code=code)) == (400, "challenge_over")
    assert TokenFamily.objects.count() == 1


def test_it_is_sent_again_without_a_channel(asked, clock):
    older = mailed_code()
    clock.shift(61)
    answer = send_again(asked).json()
    assert (answer["channel"], answer["target"], answer["has_phone"]) == ("email", "a•••e@example.com", False)
    assert asked.give(sent_code=older).status_code == 400
    assert asked.give(sent_code=mailed_code()).status_code == 200


def test_a_channel_that_the_person_does_not_have_is_refused(asked):
    assert status_and_code(send_again(asked, channel="phone")) == (400, "no_such_channel")


def test_a_person_with_a_factor_chooses_the_channel(program, alice, rule):
    enrol(alice)
    answer = program.give_password().json()
    assert (answer["is_totp_enabled"], answer["channel"], answer["has_phone"]) == (True, "totp", False)
    assert status_and_code(send_again(program)) == (400, "no_such_channel")


def test_the_other_channel_is_one_call(program, alice, rule, settings):
    record_text_messages(settings)
    add_number(alice)
    answer = program.give_password().json()
    assert (answer["channel"], answer["target"], answer["has_phone"]) == ("phone", "••• 67", True)
    assert send_again(program, channel="email").json()["has_phone"] is True
    assert program.give(sent_code=texted_code()).status_code == 400
    assert program.give(sent_code=mailed_code()).status_code == 200


@pytest.mark.parametrize("name", ["phone", "sms"])
def test_a_text_message_has_two_names(program, alice, rule, settings, clock, name):
    record_text_messages(settings)
    add_number(alice)
    program.give_password()
    clock.shift(61)
    assert send_again(program, channel=name).json()["channel"] == name


def test_someone_without_a_channel_is_told(program, alice, rule, settings):
    record_text_messages(settings)
    settings.TWOFACTOR_HAS_MAIL = False
    assert status_and_code(program.give_password()) == (403, "no_such_channel")
    assert (mail.outbox, SentCode.objects.count()) == ([], 0)


def test_a_sign_in_too_soon_after_another_waits(asked):
    assert status_and_code(Program().give_password()) == (429, "too_often")


def test_a_code_that_confirms_is_no_second_factor(asked, settings):
    settings.TWOFACTOR_REQUIRED_FOR = "everyone"
    asked.give(sent_code=mailed_code())
    assert asked.get("totp/status/").json()["is_required"] is True
    assert asked.get("devices/").status_code == 403
