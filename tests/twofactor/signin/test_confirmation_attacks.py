"""What a thief of the password tries who reads no mail of that person, who has no second factor."""

import pytest
from django.conf import settings as site
from django.test import Client

from tests.api.program import Program, status_and_code
from tests.people import give_password, open_sessions, signed_in_as
from tests.twofactor.sent_codes import (
    SENT,
    add_number,
    different_code,
    enter_sent_code,
    mailed_code,
    record_text_messages,
    request_code,
    texted_code,
)
from twofactor.models import Phone, SentCode

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def asked_of_everyone(settings):
    settings.TWOFACTOR_CODE_WITHOUT_APP = "everyone"


@pytest.fixture
def number(alice, settings):
    messages = record_text_messages(settings)
    add_number(alice)
    return messages


def test_switching_the_channel_is_no_free_resend(client, alice, number, clock):
    give_password(client)
    answers = []
    for place in range(7):
        clock.shift(31)  # each address and number has its own minute
        answers.append(request_code(client, ["email", "sms"][place % 2]).status_code)
    assert (answers, SentCode.objects.count()) == ([303] * 6 + [429], 7)


def test_switching_gives_no_new_guesses(client, alice, number, clock):
    give_password(client)
    for _ in range(3):
        enter_sent_code(client, different_code(texted_code()))
    clock.shift(61)
    request_code(client, "email")
    answers = [enter_sent_code(client, different_code(mailed_code())).status_code for _ in range(2)]
    assert (answers, enter_sent_code(client, mailed_code()).status_code) == ([422, 422], 429)
    assert signed_in_as(client) is None


def test_pages_and_api_share_the_limit(api, client, alice, clock):
    give_password(client)
    for _ in range(6):
        clock.shift(61)
        request_code(client)
    clock.shift(61)
    program = Program()
    program.give_password()
    clock.shift(61)
    refused = program.post("jwt/totp/send/", {"totp_challenge_token": program.challenge})
    assert status_and_code(refused) == (429, "too_often")


def test_a_session_that_was_planted_before_is_not_the_one_that_opens(client, alice):
    client.get("/accounts/login/")
    session = client.session
    session["planted"] = True
    session.save()
    client.cookies[site.SESSION_COOKIE_NAME] = planted = session.session_key
    give_password(client)
    enter_sent_code(client, mailed_code())
    assert signed_in_as(client) == alice
    assert client.cookies[site.SESSION_COOKIE_NAME].value != planted
    thief = Client()
    thief.cookies[site.SESSION_COOKIE_NAME] = planted
    assert signed_in_as(thief) is None


def test_the_cookie_of_a_sign_in_that_is_over_opens_nothing(client, alice, clock):
    give_password(client)
    copy = Client()
    copy.cookies.load({name: morsel.value for name, morsel in client.cookies.items()})
    code = mailed_code()
    enter_sent_code(client, code)
    enter_sent_code(copy, code)
    assert (signed_in_as(copy), len(open_sessions())) == (None, 1)


def test_the_challenge_of_a_program_takes_no_code_of_a_page(api, client, alice, clock):
    give_password(client)
    code = mailed_code()
    clock.shift(61)
    program = Program()
    program.give_password()
    assert status_and_code(program.give(sent_code=code)) == (400, "code_refused")


def test_someone_who_is_deactivated_between_the_steps_stays_out(client, alice):
    give_password(client)
    type(alice).objects.update(is_active=False)
    enter_sent_code(client, mailed_code())
    assert open_sessions() == []


def test_a_code_for_a_number_that_was_replaced_opens_nothing(client, alice, number):
    give_password(client)
    code = texted_code()
    Phone.objects.update(number="+4915550000001")
    assert "has expired" in enter_sent_code(client, code).text
    assert client.get(SENT).status_code == 200
    assert signed_in_as(client) is None
