import pytest

from tests.people import give_password, person
from twofactor.mail import outgoing


@pytest.fixture(autouse=True)
def mail_arrives_in_the_test_that_sent_it():
    yield
    outgoing.join()


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
