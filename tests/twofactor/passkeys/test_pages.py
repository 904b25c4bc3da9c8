"""What pages offer to someone with a passkey or security key, and how they call it."""

import re
import sys
from html import unescape

import pytest

from tests.people import give_password
from tests.twofactor.passkeys.browser import forms_of, new_key, new_passkey, next_use, store
from tests.twofactor.setup_steps import CODES, SAVED, SETUP, confirm_key, set_up
from twofactor.factors import enrolled, passkeys
from twofactor.models import Authenticator, Passkey, TwoFactor

SIGN_IN, SETTINGS = "/accounts/login/", "/two-factor/"

# The sign-in page


def asks_for_no_passkey(page):
    return 'autocomplete="username"' in page and "webauthn" not in page and "data-passkey" not in page


@pytest.fixture
def without_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "webauthn", None)
    passkeys.library_is_installed.cache_clear()
    yield
    monkeypatch.undo()
    passkeys.library_is_installed.cache_clear()


def test_the_name_field_offers_passkeys(laptop):
    assert 'autocomplete="username webauthn"' in laptop.get(SIGN_IN).text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TWOFACTOR_BASE_URL", "http://127.0.0.1:8000"),
        ("TWOFACTOR_PASSKEY_DOMAIN", "example.com"),
    ],
)
def test_it_does_not_where_no_browser_would_have_one(laptop, settings, name, value):
    setattr(settings, name, value)
    assert asks_for_no_passkey(laptop.get(SIGN_IN).text)


def test_nor_where_the_library_is_not_installed(laptop, without_library):
    assert asks_for_no_passkey(laptop.get(SIGN_IN).text)


# The settings, while two-factor authentication is off


TURN_ON = 'href="/two-factor/setup/codes/"'
GO_ON = 'href="/two-factor/setup/"'


@pytest.fixture
def started(alice, passkey, laptop):
    """Alice has a passkey, and has begun to set up an app."""
    give_password(laptop)
    laptop.get(SETUP)
    return laptop


def test_an_unfinished_app_hides_no_way_to_turn_it_on(started, alice):
    page = started.get(SETTINGS).text
    assert 0 < page.index(TURN_ON) < page.index(GO_ON) < page.index("Cancel setup")
    assert "You can sign in with your passkey" in page
    started.get(CODES)
    assert started.post(CODES, SAVED).status_code == 303
    assert (enrolled.is_on(alice), Authenticator.objects.count()) == (True, 0)


def test_the_app_can_be_finished_all_the_same(started, alice):
    set_up(started)
    assert (enrolled.is_on(alice), Authenticator.objects.count(), Passkey.objects.count()) == (True, 1, 1)


def test_an_app_that_needs_only_the_codes_leads_there_once(started):
    confirm_key(started)
    page = started.get(SETTINGS).text
    assert (page.count(TURN_ON), page.count(GO_ON), "Continue setup" in page) == (1, 0, True)


def test_a_passkey_without_a_beginning_leads_to_the_codes(alice, passkey, laptop):
    give_password(laptop)
    page = laptop.get(SETTINGS).text
    assert (page.count(TURN_ON), GO_ON in page, "Cancel setup" in page) == (1, False, False)


def test_a_security_key_alone_is_not_said_to_sign_in(alice, laptop):
    store(alice, new_key(), name="Yubi")
    give_password(laptop)
    page = laptop.get(SETTINGS).text
    assert ("You've added a security key" in unescape(page), TURN_ON in page) == (True, True)
    assert "You can sign in with your passkey" not in page


def test_one_that_does_not_work_offers_the_whole_setup(alice, laptop):
    store(alice, new_passkey(), rp_id="old.example")
    give_password(laptop)
    page = laptop.get(SETTINGS).text
    assert (TURN_ON in page, GO_ON in page) == (False, True)


# A proof on a page of its own, or with what it is for


CODES_PAGE, DISABLE, CONFIRM = "/two-factor/backup-codes/", "/two-factor/disable/", "/two-factor/confirm/"


@pytest.fixture
def with_both(alice, phone, passkey, laptop, clock):
    """Alice, who has an app, a passkey and a security key; her browser, and the key's row."""
    row = store(alice, new_key(), name="Yubi")
    laptop.sign_in(passkey)
    clock.shift(600)
    return laptop, row


@pytest.mark.parametrize(
    ("path", "does"),
    [
        (DISABLE, "Turn off"),
        (CODES_PAGE, "Make new codes"),
        (CONFIRM, "Confirm"),
        ("/two-factor/passkeys/{}/remove/", "Remove"),
    ],
)
def test_each_button_says_what_it_does(with_both, path, does):
    laptop, row = with_both
    page = laptop.get(path.format(row.pk)).text
    buttons = re.findall(r"<button[^>]*>([^<]+)</button>", page.partition('id="tf-main"')[2])
    ways = [f"{does} with your passkey", does, f"{does} with password and security key"]
    assert [text.strip() for text in buttons][:3] == ways


def test_of_several_ways_to_confirm_one_stands_out(with_both):
    laptop, _row = with_both
    assert re.findall(r'<button class="primary"[^>]*>\s*([^<]+?)\s*<', laptop.get(CONFIRM).text) == [
        "Confirm with your passkey"
    ]


@pytest.mark.parametrize("path", [DISABLE, CODES_PAGE, CONFIRM])
def test_one_password_serves_code_and_key(with_both, path):
    laptop, _row = with_both
    page = laptop.get(path).text
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert page.count('type="password"') == 1
    assert len(ids) == len(set(ids))
    assert [each for each in re.findall(r'data-password="([^"]+)"', page) if each in ids] == [
        "id_password"
    ] * 2


def test_a_wrong_password_beside_the_key_stands_at_that_field(with_both):
    laptop, _row = with_both
    form = forms_of(laptop.get(DISABLE))[-1]
    response = laptop.post(DISABLE, {**form.fields, "credential": "{}", "password": "wrong"})
    page = response.text
    assert (response.status_code, page.count('id="id_password_error"')) == (422, 1)
    assert '<a href="#id_password">The password is not correct.</a>' in page


def test_without_an_app_the_key_has_a_password_of_its_own(alice, laptop, clock):
    """New backup codes take no old one as a proof, so that page has no form for a code."""
    key = new_key()
    store(alice, key, name="Yubi")
    TwoFactor.objects.create(user=alice, enabled_at=alice.date_joined, changed_at=alice.date_joined)
    laptop.use(laptop.give_password(), next_use(key))
    clock.shift(600)
    page = laptop.get(CODES_PAGE).text
    assert (page.count('type="password"'), "data-password" in page) == (1, False)
