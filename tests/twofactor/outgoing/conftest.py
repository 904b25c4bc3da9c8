import pytest

from tests.accounts.letters import letters
from tests.machinery.servers import Unwilling, listening, mail_goes_to
from tests.mailers import send_mail_with
from tests.people import FIREFOX, sign_in
from twofactor import events


@pytest.fixture
def firefox_client(client, phone, clock):
    """Alice signed in with Firefox a minute ago, and the mail about that is cleared."""
    client.defaults["HTTP_USER_AGENT"] = FIREFOX
    sign_in(client, phone)
    clock.shift(60)
    letters().clear()
    return client


@pytest.fixture
def alice_with_letter(alice):
    """Alice's password was changed, and the letter about it waits."""
    events.record("password_changed", alice, None)
    return alice


@pytest.fixture
def restore_mail_server(settings):
    """The mail server refuses every connection until this function is called."""
    with listening(Unwilling) as server:
        mail_goes_to(settings, server)
        yield lambda: send_mail_with(settings, "locmem")
