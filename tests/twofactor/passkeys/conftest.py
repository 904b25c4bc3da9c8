import pytest

from tests.people import enrol, person
from tests.twofactor.passkeys.browser import Browser, new_passkey, store


@pytest.fixture(autouse=True)
def passkeys_work(settings, db):
    settings.TWOFACTOR_BASE_URL = "http://localhost"
    settings.ALLOWED_HOSTS = ["localhost", "testserver"]


@pytest.fixture
def alice(clock):
    return person()


@pytest.fixture
def bob(alice):
    return person("bob@example.com")


@pytest.fixture
def phone(alice):
    return enrol(alice)


@pytest.fixture
def passkey(alice):
    """Of Alice, and not of today."""
    made = new_passkey()
    store(alice, made)
    return made


@pytest.fixture
def laptop():
    return Browser()
