import pytest

from tests.accounts.letters import letters
from tests.people import sign_in
from tests.twofactor.outgoing.acts import FIREFOX


@pytest.fixture
def firefox_client(client, phone, clock):
    """Signed in with Firefox a minute ago, and with nothing in the mail so far."""
    client.defaults["HTTP_USER_AGENT"] = FIREFOX
    sign_in(client, phone)
    clock.shift(60)
    letters().clear()
    return client
