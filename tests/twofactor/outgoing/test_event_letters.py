"""Letters about what happened to an account: what each says, and who gets one."""

from html import unescape
from itertools import pairwise

import pytest
from django.test import Client

from tests.accounts.letters import html_part, letters
from tests.people import FIREFOX, PASSWORD, give_password, person, sign_in, signed_in_as
from tests.twofactor.code_forms import step_up
from tests.twofactor.outgoing.acts import (
    ACTS,
    back_at_password,
    enter_right_code_after_wrong_ones,
    enter_wrong_codes,
    replay_from_elsewhere,
    sign_in_from_new_browser,
)
from tests.twofactor.sent_codes import record_text_messages
from tests.twofactor.setup_steps import add_app
from twofactor import events
from twofactor.models import Event, GuessBudget

pytestmark = pytest.mark.django_db(transaction=True)
VERIFY = "/two-factor/verify/"
SETTINGS = "/two-factor/"
OLD, NEW = "alice@example.com", "alice@new.example"


@pytest.fixture(params=ACTS)
def event(request, firefox_client, phone, clock, printed_codes, settings):
    record_text_messages(settings)
    ACTS[request.param](firefox_client, phone, clock, printed_codes)
    return request.param


@pytest.mark.proves("6.3.7")
def test_an_event_is_mailed_once_to_each_address_and_its_letter_is_whole(event, phone, printed_codes):
    """One test, because what happens before takes longer than all that is looked at."""
    expected = {OLD, NEW} if "email address" in event else {OLD}
    assert sorted(letter.to[0] for letter in letters()) == sorted(expected)
    for letter in letters():
        text, page = letter.body, html_part(letter)
        assert letter.subject == f"{event} – Countersign"
        assert letter.message()["Auto-Submitted"] == "auto-generated"  # no person wrote it
        told = (event, "1 March 2026", "(UTC)", "127.0.0.1", "Firefox 140 on Linux")
        assert [part for part in told for said in (text, page) if part not in said] == []
        advice = (
            "If this was you, you don't need to do anything. If it wasn't",
            "http://testserver/two-factor/",
            "http://testserver/help/",
        )
        assert [part for part in advice if part not in text] == []
        loaded = ("<img", "<script", "<link", "url(", "src=")
        assert [part for part in loaded if part in page] == []
        codes = [*printed_codes, *(code.replace("-", "") for code in printed_codes)]
        secrets = [PASSWORD, phone.key, *codes, "170"]
        assert [secret for secret in secrets if secret in text + page] == []
        assert [gap for gap in ("{{", "{%", "None") if gap in text + page] == []


def test_a_letter_names_the_app(firefox_client, phone, clock):
    step_up(firefox_client, phone)
    clock.shift(60)
    add_app(firefox_client, "<b>Tablet</b>")
    [letter] = letters()
    assert "\nApp: <b>Tablet</b>\nWhen:" in letter.body
    assert "<bdi>&lt;b&gt;Tablet&lt;/b&gt;</bdi>" in html_part(letter)


def test_a_letter_names_the_device_that_support_signed_out_and_nothing_of_support(alice, rf):
    request = rf.get("/", REMOTE_ADDR="203.0.113.55", headers={"User-Agent": FIREFOX})
    detail = {"device": "Phone (Chrome 142 on iPhone)", "by": "user 271828182845", "reason": "was stolen"}
    events.record("device_ended_by_support", alice, request, **detail)
    [letter] = letters()
    assert "\nDevice: Phone (Chrome 142 on iPhone)\nWhen:" in letter.body
    text = letter.body + html_part(letter)
    assert [part for part in ("203.0.113.55", "Firefox", "271828182845", "stolen") if part in text] == []


# Who gets a letter


def test_an_ordinary_sign_in_is_not_mailed(client, phone):
    sign_in(client, phone)
    assert letters() == []


def test_two_wrong_codes_are_not_mailed(client, phone):
    give_password(client)
    for _ in range(2):
        client.post(VERIFY, {"code": "000000"})
    assert letters() == []


SUSPICIOUS = [
    enter_wrong_codes,
    enter_right_code_after_wrong_ones,
    replay_from_elsewhere,
    sign_in_from_new_browser,
]


@pytest.mark.proves("6.3.5", "N-06-notice")
@pytest.mark.parametrize(
    "act",
    SUSPICIOUS,
)
def test_what_is_suspicious_is_mailed_once_a_day(firefox_client, phone, clock, printed_codes, act):
    told = []
    for _ in range(2):
        act(firefox_client, phone, clock, printed_codes)
        told += [len(letters())]
        letters().clear()
        clock.shift(3600)
        GuessBudget.objects.update(failures=0, locked_until=None)
    assert told == [1, 0]


@pytest.mark.proves("6.3.5")
@pytest.mark.parametrize(
    "other", [{"HTTP_USER_AGENT": "Safari/605.1 iPhone"}, {"REMOTE_ADDR": "203.0.113.9"}]
)
def test_each_new_browser_and_network_is_told(firefox_client, phone, clock, other):
    for browser in ({}, other):
        sign_in(Client(**{"HTTP_USER_AGENT": FIREFOX, **browser}), phone)
        clock.shift(60)
    assert [letter.subject for letter in letters()] == ["You signed in from a new browser – Countersign"] * 2


def test_a_letter_about_a_password_is_never_one_too_many(client, db):
    person()
    give_password(client)
    letters().clear()
    passwords = [PASSWORD, *(f"a quiet green harbour {n}" for n in range(25))]
    for old, new in pairwise(passwords):
        new = {"new_password1": new, "new_password2": new}
        client.post("/accounts/password_change/", {"old_password": old, **new})
    assert len(letters()) == 25


def test_a_letter_says_nothing_that_a_stranger_wrote(db):
    person()
    for header in (FIREFOX, "Claim your prize: evil.example/win now!!"):
        give_password(Client(HTTP_USER_AGENT=header))
    assert ("evil" in letters()[0].body, "Unknown browser" in letters()[0].body) == (False, True)


def test_a_right_code_after_two_wrong_ones_is_not_mailed(client, phone):
    give_password(client)
    for code in ("000000", "000000", phone.code()):
        client.post(VERIFY, {"code": code})
    assert (signed_in_as(client) is not None, letters()) == (True, [])


def test_a_replay_from_the_same_address_is_not_mailed(firefox_client, phone):
    for _ in range(2):
        give_password(firefox_client)
        firefox_client.post("/accounts/logout/")
        give_password(firefox_client)
        firefox_client.post(VERIFY, {"code": phone.code()})
    assert (Event.objects.filter(kind="code_replayed").count(), letters()) == (1, [])


def test_a_browser_that_signed_in_before_is_not_new(firefox_client, phone):
    sign_in(back_at_password(firefox_client), phone)
    assert letters() == []


@pytest.mark.proves("6.3.5")
def test_a_new_browser_is_told_of_without_a_second_factor_too(db):
    person("bob@example.com")
    for _ in range(2):
        give_password(Client(), "bob@example.com")
    assert [letter.subject for letter in letters()] == ["You signed in from a new browser – Countersign"]


def test_the_password_alone_makes_no_browser_known(alice, phone):
    """Other code opened the session, which is held."""
    alice.last_login = alice.date_joined
    alice.save()
    browser = Client()
    browser.force_login(alice)
    browser.get(SETTINGS)
    assert ("accounts_known" in browser.cookies, letters()) == (False, [])


@pytest.mark.proves("V-10")
def test_wrong_codes_are_mailed_once_a_day(client, phone, clock):
    for _ in range(3):
        give_password(client)
        for _ in range(5):
            client.post(VERIFY, {"code": "000000"})
        clock.shift(7000)
    assert len(letters()) == 1


def test_the_next_day_wrong_codes_are_mailed_again(client, phone, clock):
    for _ in range(2):
        give_password(client)
        for _ in range(5):
            client.post(VERIFY, {"code": "000000"})
        clock.shift(86400)
    assert len(letters()) == 2


@pytest.mark.parametrize("part", [lambda letter: letter.body, html_part], ids=["text", "html"])
def test_a_letter_about_a_passkey_that_may_be_copied_says_what_to_do(alice, part):
    events.record("passkey_copied", alice, None, passkey="My phone")
    [letter] = letters()
    said = " ".join(unescape(part(letter)).split())
    told = ("My phone", "Either its device was restored from a backup", "remove the passkey there", "30 days")
    assert [words for words in told if words not in said] == []
    assert "you don't need to do anything" not in said
