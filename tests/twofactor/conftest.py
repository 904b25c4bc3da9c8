import pytest
from django.test import Client

from tests.people import enrol, give_password, person, sign_in
from tests.twofactor.sent_codes import ask
from twofactor.factors import backup_codes, code_text

PAPER = ["ABCDEFGHJKMNPQR", "0123456789ABCDE", "ZYXWVTSRQPNMKJH"]


@pytest.fixture
def alice(db, clock):
    return person()


@pytest.fixture
def phone(alice):
    """Alice has two-factor sign-in, and this is her phone."""
    return enrol(alice)


@pytest.fixture
def paper(alice, phone):
    """Three backup codes of hers, as they are printed."""
    backup_codes.replace_all(alice, backup_codes.make_rows(alice, PAPER))
    return [code_text.format_backup_code(code) for code in PAPER]


@pytest.fixture
def alices(phone, clock):
    """A browser that Alice has signed in with, a minute ago: her phone shows a new code."""
    client = Client()
    sign_in(client, phone)
    clock.shift(60)
    return client


@pytest.fixture
def asked(client, phone):
    """Alice's browser, after the password."""
    give_password(client)
    return client


@pytest.fixture
def sent(asked):
    """The same, after a code went out."""
    ask(asked)
    return asked
