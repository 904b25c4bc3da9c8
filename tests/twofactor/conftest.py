import pytest
import time_machine

from tests.people import NOW, enrol, person
from twofactor import alphabet, backup_codes

PAPER = ["ABCDEFGHJKMNPQR", "0123456789ABCDE", "ZYXWVTSRQPNMKJH"]


@pytest.fixture
def clock():
    """Time stands still until a test moves it."""
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


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
    return write_down(alice, PAPER)


def write_down(user, codes):
    backup_codes.replace_all(user, backup_codes.rows(user, codes))
    return [alphabet.grouped(code) for code in codes]
