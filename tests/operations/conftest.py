import pytest

from tests.operations.support import browser_of, step_up
from tests.people import enrol, person


@pytest.fixture
def superuser(db, clock):
    """With every permission, and not enrolled yet."""
    return person("root@example.com", is_staff=True, is_superuser=True)


@pytest.fixture
def superuser_phone(superuser):
    return enrol(superuser)


@pytest.fixture
def admin(superuser, superuser_phone, clock):
    """The browser of the superuser, signed in with both factors."""
    return browser_of(superuser, superuser_phone, clock)


@pytest.fixture
def stepped_up(admin, superuser_phone, clock):
    """The same, after entering both factors again (a step-up)."""
    return step_up(admin, superuser_phone, clock)


@pytest.fixture
def alice(db, clock):
    return person()


@pytest.fixture
def phone(alice):
    """Alice uses two-factor authentication, and this is her phone."""
    return enrol(alice)
