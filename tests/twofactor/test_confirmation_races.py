"""Codes that confirm a sign-in, everything at once."""

from functools import partial

import pytest
from django.core import mail

from tests.machinery.races import (
    REPEATS,
    after_password,
    assert_no_errors,
    at_once,
    browser,
    posts,
    sessions,
    statuses,
)
from tests.people import give_password
from tests.twofactor.sent_codes import SEND, SENT, different_code, mailed_code
from tests.twofactor.setup_steps import CODES, SAVED, confirm_key
from twofactor.models import GuessBudget, SentCode, TrustedBrowser, TwoFactor

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("no_template_copies"),
    pytest.mark.parametrize("repeat", REPEATS),
]


@pytest.fixture(autouse=True)
def in_new_browsers(settings):
    settings.TWOFACTOR_CODE_WITHOUT_APP = "new-browsers"


@pytest.mark.proves("CS-2")
def test_one_code_sixty_times_opens_one_session(alice, request, repeat):
    answers = at_once(*posts([after_password()] * 60, SENT, {"code": mailed_code()}))
    assert_no_errors(request, answers, sessions=sessions())
    assert (sessions(), TrustedBrowser.objects.count()) == (1, 1)


def test_a_double_click_signs_in_and_costs_no_guess(alice, request, repeat):
    answers = at_once(*posts([after_password()] * 2, SENT, {"code": mailed_code()}))
    assert_no_errors(request, answers, sessions=sessions())
    assert ([answer.status_code for answer in answers], sessions()) == ([303, 303], 1)
    assert GuessBudget.objects.values_list("failures", "day_failures").get() == (0, 0)


def test_of_sixty_wrong_codes_at_once_five_are_looked_at(alice, request, repeat):
    client = after_password()
    answers = at_once(*posts([client] * 60, SENT, {"code": different_code(mailed_code())}))
    assert_no_errors(request, answers, sessions=sessions())
    assert (sessions(), SentCode.objects.get().tries) == (0, 5)


def test_a_new_code_asked_for_twenty_times_is_sent_once(alice, clock, request, repeat):
    client = after_password()
    clock.shift(61)
    answers = at_once(*[partial(browser(client).post, SEND, {"channel": "email"}) for _ in range(20)])
    assert_no_errors(request, answers, mails=len(mail.outbox))
    assert (statuses(answers), len(mail.outbox)) == ({303: 1, 429: 19}, 2)


def test_the_password_in_twenty_browsers_sends_one_code(alice, request, repeat):
    answers = at_once(*[partial(give_password, browser()) for _ in range(20)])
    assert_no_errors(request, answers, mails=len(mail.outbox))
    assert (len(mail.outbox), sessions()) == (1, 0)


def test_a_code_beside_the_end_of_a_setup_leaves_no_session_without_the_factor(
    alice, clock, settings, request, repeat
):
    """Whichever comes first: a session of the password and a sent code does not outlive the setup."""
    settings.TWOFACTOR_CODE_WITHOUT_APP = "nobody"
    setting_up = after_password()
    confirm_key(setting_up)
    settings.TWOFACTOR_CODE_WITHOUT_APP = "everyone"
    client = after_password()
    give_code = posts([client], SENT, {"code": mailed_code()})[0]
    answers = at_once(give_code, partial(setting_up.post, CODES, SAVED))
    assert_no_errors(request, answers, sessions=sessions())
    assert TwoFactor.objects.exists()
    client.cookies.update(answers[0].cookies)
    assert client.get("/accounts/profile/").status_code != 200
