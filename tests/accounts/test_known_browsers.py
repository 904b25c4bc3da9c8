"""The browsers of a person: their wrong passwords are counted apart from those of strangers."""

import pytest
from django.test import Client

from accounts import known_browsers
from accounts.models import KnownBrowser
from tests.accounts.letters import link
from tests.accounts.wrong_passwords import (
    browser_at,
    enter_password,
    enter_wrong,
    strangers_have_entered_wrong,
)
from tests.people import PASSWORD, enrol, person, signed_in_as
from twofactor.models import Event

pytestmark = pytest.mark.usefixtures("clock")


# How a browser becomes known, and stays known


def test_a_browser_becomes_known_by_signing_in(alice, client):
    enter_password(client)
    assert client.cookies[known_browsers.COOKIE]["httponly"]


def test_a_wrong_password_makes_no_browser_known(alice, client):
    enter_wrong(client)
    assert known_browsers.COOKIE not in client.cookies


def test_the_password_alone_makes_no_browser_known(alice, client):
    enrol(alice)
    enter_password(client)
    assert known_browsers.COOKIE not in client.cookies


def test_a_known_browser_does_not_say_whose_it_is(known_browser):
    assert "alice" not in known_browser.cookies[known_browsers.COOKIE].value


def test_the_cookie_of_another_person_makes_no_browser_known(known_browser, alice):
    person("mallory@example.com")
    mallory = browser_at("203.0.113.9")
    enter_password(mallory, email="mallory@example.com")
    mallory.post("/accounts/logout/")
    strangers_have_entered_wrong(100)
    assert enter_password(mallory).status_code == 429


@pytest.mark.parametrize("cookie", ["x", "", "a.b"])
def test_a_made_up_cookie_makes_no_browser_known(alice, cookie):
    strangers_have_entered_wrong(100)
    forger = browser_at("203.0.113.9")
    forger.cookies[known_browsers.COOKIE] = cookie
    assert enter_password(forger).status_code == 429


@pytest.mark.parametrize(("days", "opens"), [(89, True), (90, False)])
def test_a_browser_stays_known_for_ninety_days(known_browser, alice, clock, days, opens):
    strangers_have_entered_wrong(100)
    clock.shift(days * 86400)
    enter_password(known_browser)
    assert (signed_in_as(known_browser) == alice) is opens


def test_the_row_says_how_long_and_not_the_cookie(known_browser, clock):
    strangers_have_entered_wrong(100)
    known_browser.cookies[known_browsers.COOKIE]["max-age"] = 10**9
    clock.shift(90 * 86400)
    assert enter_password(known_browser).status_code == 429


# The tries of a known browser


@pytest.mark.proves("L-3")
def test_a_known_browser_has_five_tries_wherever_it_is(known_browser):
    answers = [enter_wrong(known_browser, REMOTE_ADDR=f"203.0.113.{n}").status_code for n in range(6)]
    assert answers == [422, 422, 422, 422, 429, 429]


@pytest.mark.proves("L-3")
def test_its_right_password_waits_wherever_it_is(known_browser):
    enter_wrong(known_browser, 5)
    assert enter_password(known_browser, REMOTE_ADDR="203.0.113.7").status_code == 429


@pytest.mark.parametrize(("seconds", "opens"), [(899, False), (900, True)])
def test_a_known_browser_waits_for_fifteen_minutes(known_browser, alice, clock, seconds, opens):
    enter_wrong(known_browser, 5)
    clock.shift(seconds)
    enter_password(known_browser)
    assert (signed_in_as(known_browser) == alice) is opens


def row():
    return KnownBrowser.objects.get()


@pytest.fixture
def after_ninety(known_browser):
    """Ninety wrong passwords in a row, long enough ago for five more."""
    KnownBrowser.objects.update(in_a_row=90)
    return known_browser


@pytest.mark.proves("L-3", "N-01")
def test_a_hundred_wrong_passwords_in_a_row_end_what_is_known(after_ninety, clock):
    for _ in range(2):
        enter_wrong(after_ninety, 5)
        clock.shift(900)
    assert row().in_a_row == 100
    strangers_have_entered_wrong(100)
    assert enter_password(after_ninety).status_code == 429


def test_ninety_nine_do_not(after_ninety, alice, clock):
    strangers_have_entered_wrong(100)
    for tries in (5, 4):
        enter_wrong(after_ninety, tries)
        clock.shift(900)
    enter_password(after_ninety)
    assert signed_in_as(after_ninety) == alice


def test_a_right_password_without_its_code_is_no_try_and_clears_none(known_browser, alice):
    enrol(alice)
    enter_wrong(known_browser, 3)
    enter_password(known_browser)
    assert (row().tries, row().in_a_row) == (3, 3)


def test_a_whole_sign_in_begins_the_row_anew(known_browser):
    enter_wrong(known_browser, 3)
    enter_password(known_browser)
    assert (row().tries, row().in_a_row) == (0, 0)


# What makes a browser unknown again


def copy_of(client):
    """Another browser with a copy of the known-browser cookie."""
    thief = browser_at("203.0.113.66")
    thief.cookies.load({known_browsers.COOKIE: client.cookies[known_browsers.COOKIE].value})
    return thief


@pytest.mark.proves("L-3")
def test_an_old_copy_is_worth_nothing_after_the_next_sign_in(known_browser):
    thief = copy_of(known_browser)
    enter_password(known_browser)
    strangers_have_entered_wrong(100)
    assert enter_password(thief).status_code == 429


def test_two_copies_share_their_tries(known_browser):
    thief = copy_of(known_browser)
    answers = [enter_wrong(client).status_code for client in [known_browser, thief] * 3]
    assert answers == [422, 422, 422, 422, 429, 429]


@pytest.mark.proves("L-3")
def test_after_a_new_password_the_old_token_is_worth_nothing(known_browser, alice):
    alice.set_password("a quiet green harbour")
    alice.save()
    strangers_have_entered_wrong(100)
    assert enter_password(known_browser, "a quiet green harbour").status_code == 429


@pytest.mark.proves("L-3", "S-08")
def test_after_signing_out_everywhere_the_old_token_is_worth_nothing(known_browser, alice):
    alice.end_sessions()
    strangers_have_entered_wrong(100)
    assert enter_password(known_browser).status_code == 429


def test_the_browser_in_which_the_password_was_changed_stays_known(known_browser, alice):
    enter_password(known_browser)
    new = {"new_password1": "a quiet green harbour", "new_password2": "a quiet green harbour"}
    known_browser.post("/accounts/password_change/", {"old_password": PASSWORD, **new})
    known_browser.post("/accounts/logout/")
    strangers_have_entered_wrong(100)
    enter_password(known_browser, "a quiet green harbour")
    assert signed_in_as(known_browser) == alice


def test_the_browser_that_ended_all_other_sessions_stays_known(known_browser, alice):
    enter_password(known_browser)
    known_browser.post("/two-factor/sessions/end/")
    known_browser.post("/accounts/logout/")
    strangers_have_entered_wrong(100)
    enter_password(known_browser)
    assert signed_in_as(known_browser) == alice


@pytest.mark.proves("L-3")
def test_the_browser_in_which_a_reset_was_finished_is_known(alice, client):
    client.post("/accounts/password_reset/", {"email": alice.email})
    form = client.get(link()).headers["Location"]
    new = {"new_password1": "a quiet green harbour", "new_password2": "a quiet green harbour"}
    client.post(form, new)
    strangers_have_entered_wrong(100)
    enter_password(client, "a quiet green harbour")
    assert signed_in_as(client) == alice


def test_a_browser_of_before_is_no_new_one(known_browser, alice):
    """Even if a new password has ended what its cookie was worth."""
    alice.set_password("a quiet green harbour")
    alice.save()
    enter_password(known_browser, "a quiet green harbour")
    assert not Event.objects.filter(kind="new_browser").exists()


def test_several_people_can_share_a_browser(known_browser, alice):
    bob = person("bob@example.com")
    enter_password(known_browser, email="bob@example.com")
    known_browser.post("/accounts/logout/")
    strangers_have_entered_wrong(100)
    enter_password(known_browser)
    assert (signed_in_as(known_browser), bob.pk == alice.pk) == (alice, False)


# New passwords and many browsers


@pytest.mark.proves("6.3.5")
def test_a_stolen_cookie_from_before_a_new_password_is_a_new_browser(known_browser, alice):
    alice.refresh_from_db()
    alice.set_password("a quiet green harbour")
    alice.save()
    enter_password(known_browser, "a quiet green harbour")
    assert Event.objects.filter(kind="new_browser").exists()


def test_of_each_person_the_ten_newest_browsers_are_known(alice, clock):
    for _ in range(12):
        clock.shift(1)
        enter_password(Client())
    assert KnownBrowser.objects.count() == known_browsers.BROWSERS_PER_PERSON
