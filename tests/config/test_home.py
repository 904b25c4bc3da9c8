"""The home page of a visitor who is not signed in."""

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
