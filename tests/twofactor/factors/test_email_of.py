"""TWOFACTOR_EMAIL_OF: the site itself says which address of a person is confirmed."""

import pytest
from django.core import mail

from tests.people import give_password, sign_in
from tests.twofactor.sent_codes import SENT, mailed_code, request_code
from twofactor.outgoing.outbox import send_due

OTHER = "/two-factor/verify/other/"
CONFIRMED = {}  # the addresses that the site knows, by the key of the person


def find_address(user):
    return CONFIRMED.get(user.pk)


@pytest.fixture(autouse=True)
def a_site_that_knows(alice, phone, settings, clock):
    """Our own column does not count then."""
    settings.TWOFACTOR_EMAIL_OF = f"{__name__}.find_address"
    CONFIRMED.clear()
    return alice


@pytest.fixture
def confirmed(client, alice, phone, clock):
    """Alice has confirmed an address there, and given a factor since."""
    CONFIRMED[alice.pk] = "alice@elsewhere.example"
    sign_in(client, phone)
    client.post("/accounts/logout/")
    mail.outbox.clear()
    give_password(client)
    return client


def offers_mail(client):
    return 'value="email"' in client.get(OTHER).text


def test_without_a_confirmed_address_no_code_is_mailed(pending_client):
    assert not offers_mail(pending_client)


@pytest.mark.proves("V-34")
def test_an_address_that_is_new_since_the_last_factor_gets_no_code(pending_client, alice):
    CONFIRMED[alice.pk] = "eve@elsewhere.example"
    assert not offers_mail(pending_client)
    request_code(pending_client)
    assert mail.outbox == []


def test_after_a_factor_codes_go_to_that_address(confirmed):
    assert offers_mail(confirmed)
    request_code(confirmed)
    assert mail.outbox[-1].to == ["alice@elsewhere.example"]
    assert confirmed.post(SENT, {"code": mailed_code()}).status_code == 303


def test_an_address_that_is_confirmed_no_more_gets_no_code(confirmed):
    CONFIRMED.clear()
    assert not offers_mail(confirmed)


def test_a_change_of_the_address_in_between_gets_no_code(confirmed, alice):
    CONFIRMED[alice.pk] = "eve@elsewhere.example"
    request_code(confirmed)
    assert mail.outbox == []


def test_letters_go_there_if_the_user_model_has_no_address(confirmed, alice):
    type(alice).objects.update(email="")
    for _ in range(3):
        confirmed.post("/two-factor/verify/", {"code": "000000"})
    send_due()
    assert {to for letter in mail.outbox for to in letter.to} == {"alice@elsewhere.example"}
