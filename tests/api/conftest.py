import pytest

from tests.api.program import Program
from tests.twofactor.conftest import alice, paper, phone  # noqa: F401 - fixtures

API_MIDDLEWARE = "twofactor.api.middleware.ApiMiddleware"
SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"


@pytest.fixture(autouse=True)
def api(settings):
    """As config.settings has it with API_ENABLED."""
    settings.ROOT_URLCONF = "tests.api.urls"
    middleware = list(settings.MIDDLEWARE)
    middleware.insert(middleware.index(SESSIONS), API_MIDDLEWARE)
    settings.MIDDLEWARE = middleware


@pytest.fixture
def program():
    """Nobody has signed in with it yet."""
    return Program()


@pytest.fixture
def asked(program, phone):  # noqa: F811
    """It has Alice's password, and waits for her code."""
    program.give_password()
    return program


@pytest.fixture
def hers(program, phone, clock):  # noqa: F811
    """She has signed in with it, a minute ago: her phone shows a new code."""
    program.sign_in(phone)
    clock.shift(60)
    return program


@pytest.fixture
def bobs(db, clock):
    """Somebody without two-factor sign-in has signed in with it."""
    from tests.people import person

    person("bob@example.com")
    program = Program("bob@example.com")
    program.give_password()
    return program
