import pytest

from tests.operations.support import browser_of, step_up
from tests.people import enrol, person


@pytest.fixture
def root(db, clock):
    """May do everything."""
    return person("root@example.com", is_staff=True, is_superuser=True)


@pytest.fixture
def roots_phone(root):
    return enrol(root)


@pytest.fixture
def admin(root, roots_phone, clock):
    """Root's browser, signed in with both factors."""
    return browser_of(root, roots_phone, clock)


@pytest.fixture
def desk(admin, roots_phone, clock):
    """Root's browser, which has just given both factors once more."""
    return step_up(admin, roots_phone, clock)


@pytest.fixture
def alice(db, clock):
    return person()


@pytest.fixture
def phone(alice):
    """Alice has two-factor sign-in, and this is her phone."""
    return enrol(alice)
