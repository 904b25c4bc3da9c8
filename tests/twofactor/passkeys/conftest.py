import pytest

from tests.people import enrol, give_password, person
from tests.twofactor.passkeys.browser import Browser, forms_of, new_passkey, store
from tests.twofactor.setup_steps import SAVED, shown_codes


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


@pytest.fixture
def alone(alice, laptop, clock):
    """Alice has set up two-factor authentication with a passkey and no app; the passkey, and her codes."""
    give_password(laptop)
    made = new_passkey()
    laptop.use(forms_of(laptop.get("/two-factor/passkeys/add/"))[0], made)
    codes = shown_codes(laptop)
    laptop.post("/two-factor/setup/codes/", SAVED)
    clock.shift(60)
    return made, codes
