import re

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
def as_alice(client, alice):
    """Alice's browser, signed in."""
    give_password(client)
    return client


@pytest.fixture
def htmx():
    """The headers that htmx sends from a page."""

    def headers(page="/", **more):
        return {"HX-Request": "true", "HX-Current-URL": f"http://testserver{page}", **more}

    return headers


@pytest.fixture
def panel():
    """What stands in #main, without what differs on purpose: the token, and where the focus goes."""

    def inner(response):
        text = response.content.decode()
        start, end = re.search(r'<main id="main" tabindex="-1">', text), text.find("</main>")
        text = text[start.end() : end] if start else text.split("</div>", 2)[2]
        text = re.sub(r' value="[A-Za-z0-9]{64}"|( tabindex="-1")? autofocus', "", text)
        return text.strip()

    return inner
