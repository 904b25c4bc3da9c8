import pytest
from django.test import Client

from tests.mailers import send_mail_to_nobody
from tests.people import FIREFOX, give_password, sign_in
from tests.twofactor.code_forms import step_up
from tests.twofactor.sent_codes import record_text_messages, request_code
from tests.twofactor.trusted_browsers import new_trusted_client


@pytest.fixture
def signed_in_client(phone, clock):
    """Alice signed in with this browser a minute ago, so her phone shows a code that is not used yet."""
    client = Client()
    sign_in(client, phone)
    clock.shift(60)
    return client


@pytest.fixture
def older_client(signed_in_client, clock):
    """Alice signed in with this browser six minutes ago, which is no step-up any more."""
    clock.shift(300)
    return signed_in_client


@pytest.fixture
def pending_client(client, phone):
    """Alice's password was given, and the code is asked for."""
    give_password(client)
    return client


@pytest.fixture
def sent_code_client(pending_client):
    """Alice's password was given, and a code was sent by email."""
    request_code(pending_client)
    return pending_client


@pytest.fixture
def no_factor_client(as_alice):
    """Alice has just signed in with her password, and has no second factor."""
    return as_alice


@pytest.fixture
def stepped_up_client(signed_in_client, phone, clock):
    """Signed in, and password and code were given again a minute ago."""
    step_up(signed_in_client, phone)
    clock.shift(60)
    return signed_in_client


@pytest.fixture
def text_messages(settings):
    """The site can send text messages; this is the list of those that went out."""
    return record_text_messages(settings)


@pytest.fixture
def failing_mail(settings):
    """The site sends mail to a port where no mail server listens."""
    send_mail_to_nobody(settings)


@pytest.fixture
def guarded_pages(settings):
    """The site has the pages of tests.twofactor.guarded_pages."""
    settings.ROOT_URLCONF = "tests.twofactor.guarded_pages"


@pytest.fixture
def trusted_client(phone, clock):
    """A browser (Firefox) that Alice trusted a minute ago, and that has been closed since."""
    client = new_trusted_client(phone, user_agent=FIREFOX)
    clock.shift(60)
    return client
