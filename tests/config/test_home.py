"""The home page of a visitor who is not signed in, and the help page."""

import pytest

from twofactor.factors import totp


@pytest.fixture
def home(client, db):
    return lambda: " ".join(client.get("/").text.split())


@pytest.mark.parametrize("digits", [6, 8])
def test_the_home_page_says_how_long_a_code_is(home, monkeypatch, digits):
    monkeypatch.setattr(totp, "DIGITS", digits)
    assert f"enter the {digits}-digit code it shows" in home()


@pytest.mark.parametrize(
    ("count", "sentence"), [(5, "5 backup codes, printed"), (12, "12 backup codes, printed")]
)
def test_the_home_page_says_how_many_backup_codes_there_are(home, settings, count, sentence):
    settings.TWOFACTOR_BACKUP_CODES = count
    assert sentence in home()


@pytest.mark.parametrize(("address", "told"), [("http://localhost", True), ("http://127.0.0.1", False)])
def test_the_help_page_says_what_a_passkey_is_where_there_are_any(client, settings, address, told):
    settings.TWOFACTOR_BASE_URL = address
    page = " ".join(client.get("/help/").text.split())
    sentences = [
        "It only works at the real address of this site",
        "your password manager also puts it on your other devices",
        "Then remove what was on the lost phone in your security settings",
    ]
    assert [sentence in page for sentence in sentences] == [told] * 3
