import pytest
from django.utils import timezone

from tests.operations.admin_and_commands import browser_of, code_in, make_emergency_code, step_up
from tests.people import enrol, person
from tests.twofactor.trusted_browsers import trust_browser
from twofactor.models import Event


@pytest.fixture
def superuser(db, clock):
    """With every permission, and not enrolled yet."""
    return person("root@example.com", is_staff=True, is_superuser=True)


@pytest.fixture
def superuser_phone(superuser):
    return enrol(superuser)


@pytest.fixture
def admin(superuser, superuser_phone, clock):
    """The browser of the superuser, signed in with both factors six minutes ago: that is no step-up."""
    client = browser_of(superuser, superuser_phone, clock)
    clock.shift(300)
    return client


@pytest.fixture
def stepped_up(admin, superuser_phone, clock):
    """The same, after entering both factors again (a step-up)."""
    return step_up(admin, superuser_phone, clock)


@pytest.fixture
def emergency_code(stepped_up, alice, phone):
    return code_in(make_emergency_code(stepped_up, alice))


@pytest.fixture
def event(alice):
    return Event.objects.create(
        user=alice, kind="reset_by_support", at=timezone.now(), detail={"reason": "lost"}
    )


@pytest.fixture
def trusted(alice, phone, client):
    return trust_browser(client, phone)
