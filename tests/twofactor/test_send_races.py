"""Sent codes, asked for and entered by everyone at once, on whichever database the tests run on.

RACE_REPEATS=20 makes a long run of it, and prints the counts.
"""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.test import Client
from django.utils import timezone

from tests.machinery.races import (
    REPEATS,
    after_password,
    assert_no_errors,
    at_once,
    posts,
    sessions,
    statuses,
)
from tests.mailers import send_mail_to_nobody
from tests.people import NOW, PASSWORD, enrol, give_password, person
from tests.twofactor.sent_codes import (
    NUMBER,
    SEND,
    SENT,
    RecordingGateway,
    add_number,
    different_code,
    mailed_code,
    record_text_messages,
    request_code,
)
from twofactor import conf
from twofactor.models import Allowance, GuessBudget, Phone, SentCode, TrustedBrowser

CROWD = 100
EMAIL = {"channel": "email"}

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("no_template_copies"),
    pytest.mark.parametrize("repeat", REPEATS),
]


@pytest.fixture
def tabs(phone):
    """Ten pending sign-ins, ten tabs each."""
    return [client for client in [after_password() for _ in range(10)] for _ in range(10)]


def counts():
    return dict(Allowance.objects.values_list("key", "count"))


# Sending


@pytest.mark.proves("V-19", "C-05")
def test_a_hundred_resends_are_one_letter(tabs, request, repeat):
    answers = at_once(*posts(tabs, SEND, EMAIL))
    assert_no_errors(request, answers, mails=len(mail.outbox))
    assert (len(mail.outbox), SentCode.objects.count(), statuses(answers)) == (1, 1, {303: 1, 429: 99})


def test_a_hundred_resends_of_one_sign_in_cost_what_one_costs(phone, request, repeat):
    answers = at_once(*posts([after_password()] * CROWD, SEND, EMAIL))
    assert_no_errors(request, answers, mails=len(mail.outbox))
    assert (len(mail.outbox), set(counts().values())) == (1, {1})


def test_a_double_click_sends_once(phone, request, repeat):
    answers = at_once(*posts([after_password()] * 2, SEND, EMAIL))
    assert (len(mail.outbox), statuses(answers)) == (1, {303: 1, 429: 1})


def test_two_channels_at_once_send_one_message_each(alice, phone, settings, request, repeat):
    record_text_messages(settings)
    add_number(alice)
    at_once(*posts([after_password()] * 10, SEND, EMAIL, {"channel": "sms"}))
    assert (len(mail.outbox), len(RecordingGateway.messages)) == (1, 1)


def test_the_last_of_an_hour_is_sent_once(phone, clock, request, repeat):
    """Four of five have gone out."""
    for _ in range(4):
        request_code(after_password())
        clock.shift(60)
    at_once(*posts([after_password()] * 20, SEND, EMAIL))
    assert len(mail.outbox) == 5


def test_from_one_place_twenty_go_out(transactional_db, clock, request, repeat):
    people = [f"p{n}@example.com" for n in range(40)]
    for email in people:
        enrol(person(email))
    clients = [Client() for _ in people]
    for client, email in zip(clients, people, strict=True):
        give_password(client, email)
    answers = at_once(*posts(clients, SEND, EMAIL))
    assert_no_errors(request, answers, mails=len(mail.outbox))
    assert len(mail.outbox) == 20


def test_when_nothing_can_be_sent_everything_is_given_back(alice, phone, settings, request, repeat):
    send_mail_to_nobody(settings)
    answers = at_once(*posts([after_password()] * 15, SEND, EMAIL))
    mine = [count for key, count in counts().items() if not key.startswith("codes sent from")]
    assert (set(mine), max(statuses(answers)) <= 503) == ({0}, True)


# Entering


@pytest.fixture
def sent_code_client(phone):
    client = after_password()
    request_code(client)
    return client


def test_a_hundred_right_codes_sign_in_once(sent_code_client, request, repeat):
    answers = at_once(*posts([sent_code_client] * CROWD, SENT, {"code": mailed_code()}))
    assert_no_errors(request, answers, sessions=sessions())
    assert (sessions(), max(statuses(answers)) < 500) == (1, True)


def test_a_double_click_signs_in_and_says_so(sent_code_client, request, repeat):
    answers = at_once(*posts([sent_code_client] * 2, SENT, {"code": mailed_code()}))
    assert (statuses(answers), sessions()) == ({303: 2}, 1)


def test_right_codes_at_once_leave_nothing_counted(sent_code_client, request, repeat):
    at_once(*posts([sent_code_client] * 4, SENT, {"code": mailed_code()}))
    assert GuessBudget.objects.get().failures == 0


def test_of_a_hundred_wrong_codes_five_are_looked_at(sent_code_client, request, repeat):
    answers = at_once(*posts([sent_code_client] * CROWD, SENT, {"code": different_code(mailed_code())}))
    assert_no_errors(request, answers, tries=SentCode.objects.get().tries)
    assert (SentCode.objects.get().tries, GuessBudget.objects.get().failures, statuses(answers)) == (
        5,
        conf.free_guesses(),
        {422: 5, 429: 95},
    )


def test_of_a_sent_and_a_shown_code_one_signs_in(sent_code_client, phone, request, repeat):
    at_once(
        *posts([sent_code_client], SENT, {"code": mailed_code()}),
        *posts([sent_code_client], "/two-factor/verify/", {"code": phone.code()}),
    )
    assert sessions() == 1


# Numbers and browsers


@pytest.fixture
def stepped_up_client(alice, phone, clock, settings):
    """Alice is signed in, and has just given password and code again."""
    record_text_messages(settings)
    client = after_password()
    client.post("/two-factor/verify/", {"code": phone.code()})
    clock.shift(60)
    client.post("/two-factor/confirm/", {"password": PASSWORD, "code": phone.code()})
    return client


def test_a_hundred_requests_for_one_number_are_one_text(stepped_up_client, request, repeat):
    answers = at_once(*posts([stepped_up_client] * CROWD, "/two-factor/phone/", {"number": NUMBER}))
    assert_no_errors(request, answers, texts=len(RecordingGateway.messages))
    assert (len(RecordingGateway.messages), max(statuses(answers)) < 500) == (1, True)


def test_a_number_is_confirmed_once(stepped_up_client, request, repeat):
    stepped_up_client.post("/two-factor/phone/", {"number": NUMBER})
    code = RecordingGateway.messages[0][1][:6]
    answers = at_once(*posts([stepped_up_client] * 10, "/two-factor/phone/verify/", {"code": code}))
    assert_no_errors(request, answers)
    assert (Phone.objects.get().number, max(statuses(answers)) < 500) == (NUMBER, True)


def test_forgetting_all_browsers_at_once_breaks_nothing(stepped_up_client, request, repeat):
    alice = get_user_model().objects.get()
    days = {"began_at": NOW, "last_used_at": NOW, "expires_at": timezone.now() + timedelta(days=1)}
    TrustedBrowser.objects.create(user=alice, digest="x", session_hash="x", **days)
    answers = at_once(*posts([stepped_up_client] * 20, "/two-factor/browsers/forget/", {}))
    assert statuses(answers) == {303: 1, 409: 19}


def test_ending_other_sessions_at_once_breaks_nothing(stepped_up_client, request, repeat):
    answers = at_once(*posts([stepped_up_client] * 10, "/two-factor/sessions/end/", {}))
    assert_no_errors(request, answers)
    assert max(statuses(answers)) < 500
