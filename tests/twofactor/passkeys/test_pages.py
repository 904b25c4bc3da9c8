"""What pages offer to someone with a passkey or security key, and how they call it."""

import sys

import pytest

from twofactor.factors import passkeys

SIGN_IN = "/accounts/login/"

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
