"""Where a passkey is asked for, and what must be as it was after an answer that is refused."""

import re

from tests.people import open_sessions
from tests.twofactor.passkeys.browser import Browser, forms_of, new_passkey
from twofactor.models import Event, GuessBudget, Passkey, SpentChallenge, TwoFactor

SENTENCE = "That didn&#x27;t work. Try again, or use another way."
CONFIRM = "/two-factor/confirm/?next=/two-factor/"
ADD = "/two-factor/passkeys/add/"
SIGN_IN, SECOND, STEP_UP, ADDING = PLACES = ("sign-in", "second step", "step-up", "adding")
IN_SESSION = ("_auth_user_id", "twofactor_amr", "twofactor_step_up_at", "twofactor_password_at")


def form_at(place, browser, passkey, email="alice@example.com"):
    """The form there, for someone who has this passkey."""
    if place == SIGN_IN:
        return forms_of(browser.get("/accounts/login/"))[0]
    if place == SECOND:
        return browser.give_password(email)
    browser.sign_in(passkey)
    return forms_of(browser.get(CONFIRM if place == STEP_UP else ADD))[0]


def used_at(place, passkey):
    """The passkey that answers there: a new one, where one is added."""
    return new_passkey() if place == ADDING else passkey


def state(*people):
    """What an answer can change, but for what its address has left."""
    tables = [Passkey, TwoFactor, SpentChallenge, Event, GuessBudget]
    for each in people:
        each.refresh_from_db()
    return (
        [list(model.objects.order_by("pk").values()) for model in tables],
        [{key: session.get(key) for key in IN_SESSION} for session in open_sessions()],
        [(each.last_login, each.security_epoch) for each in people],
    )


def assert_refused(response, status=422):
    assert (response.status_code, SENTENCE in response.content.decode()) == (status, True)


def shape(response):
    """The page without what is new each time."""
    text = response.content.decode()
    values = r"""(data-options|value|nonce|hx-headers)=("[^"]*"|'[^']*')"""
    return response.status_code, re.sub(values, r'\1=""', text)


def second_browser(browser, *names):
    """Another one with these cookies of the first."""
    other = Browser()
    for name in names:
        other.cookies[name] = browser.cookies[name].value
    return other
