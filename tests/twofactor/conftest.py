import pytest
from django.test import Client

from tests.mailers import send_mail_to_nobody
from tests.people import PASSWORD, enrol, give_password, person, sign_in
from tests.twofactor.sent_codes import ask, with_pigeons
from twofactor.factors import backup_codes, code_text

PAPER = ["ABCDEFGHJKMNPQR", "0123456789ABCDE", "ZYXWVTSRQPNMKJH"]


@pytest.fixture
def alice(db, clock):
    return person()


@pytest.fixture
def phone(alice):
    """Alice has two-factor sign-in, and this is her phone."""
    return enrol(alice)


@pytest.fixture
def paper(alice, phone):
    """Three backup codes of hers, as they are printed."""
    backup_codes.replace_all(alice, backup_codes.make_rows(alice, PAPER))
    return [code_text.format_backup_code(code) for code in PAPER]


@pytest.fixture
def alices(phone, clock):
    """A browser that Alice has signed in with, a minute ago: her phone shows a new code."""
    client = Client()
    sign_in(client, phone)
    clock.shift(60)
    return client


@pytest.fixture
def asked(client, phone):
    """Alice's browser, after the password."""
    give_password(client)
    return client


@pytest.fixture
def sent(asked):
    """The same, after a code went out."""
    ask(asked)
    return asked


@pytest.fixture
def no_factor_client(client, alice):
    """Signed in just now, by somebody without a second factor."""
    give_password(client)
    return client


@pytest.fixture
def stepped_up_client(alices, phone, clock):
    """Password and code were given again a minute ago."""
    alices.post("/two-factor/confirm/", {"password": PASSWORD, "code": phone.code()})
    clock.shift(60)
    return alices


@pytest.fixture
def text_messages(settings):
    """The site can send text messages, and these went out."""
    return with_pigeons(settings)


@pytest.fixture
def failing_mail(settings):
    """No mail server listens."""
    send_mail_to_nobody(settings)


@pytest.fixture
def guarded_pages(settings):
    """The site has pages that are guarded with our decorators."""
    settings.ROOT_URLCONF = "tests.twofactor.guarded_pages"
