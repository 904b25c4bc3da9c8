import pytest

from tests.api.program import Program
from tests.people import person


@pytest.fixture(autouse=True)
def api_everywhere(api):
    """Every test in this folder has the API."""


@pytest.fixture
def no_throttle(settings):
    settings.TOTP_THROTTLE_RATE = "1000/minute"


@pytest.fixture
def program():
    """A program that nobody has signed in with yet."""
    return Program()


@pytest.fixture
def password_given(program, phone):
    """A program that has entered Alice's password; her code is still missing."""
    program.give_password()
    return program


@pytest.fixture
def signed_in(program, phone, clock):
    """A program that Alice signed in with a minute ago, so that her phone shows a new code."""
    program.sign_in(phone)
    clock.shift(60)
    return program


@pytest.fixture
def bobs_program(db, clock):
    """A program that Bob, who has no second factor, has signed in with."""
    person("bob@example.com")
    program = Program("bob@example.com")
    program.give_password()
    return program
