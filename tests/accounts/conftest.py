import pytest

from tests.people import give_password, person


@pytest.fixture
def alice(db):
    return person()


@pytest.fixture
def bob(db):
    return person("bob@example.com")


@pytest.fixture
def as_alice(client, alice):
    """Alice's browser, signed in."""
    give_password(client)
    return client
