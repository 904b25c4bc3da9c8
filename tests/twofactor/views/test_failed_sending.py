"""What people are told when a code could not be sent."""

import pytest
from django.core import mail

from tests.machinery.servers import NotTwilio, listening
from tests.mailers import send_mail_with
from tests.people import signed_in_as
from tests.twofactor.sent_codes import SEND, add_number, request_code
from twofactor.limits.allowances import CODES_TO_PERSON
from twofactor.models import Allowance, SentCode

VERIFY = "/two-factor/verify/"


def test_a_code_that_could_not_be_sent_is_told(pending_client, failing_mail):
    answer = request_code(pending_client)
    assert (answer.status_code, "We couldn&#x27;t send the message. Try another way" in answer.text) == (
        503,
        True,
    )


def test_the_page_that_says_so_offers_the_other_ways(pending_client, printed_codes, failing_mail):
    page = request_code(pending_client).text
    ways = (f'href="{VERIFY}"', 'href="/two-factor/verify/backup/"', f'action="{SEND}"')
    assert [way for way in ways if way not in page] == []


def test_what_could_not_be_sent_is_never_accepted(pending_client, failing_mail):
    request_code(pending_client)
    assert SentCode.objects.count() == 0


def test_when_mail_works_again_the_code_goes_out_at_once(pending_client, settings, failing_mail):
    request_code(pending_client)
    send_mail_with(settings, "locmem")
    assert (request_code(pending_client).status_code, len(mail.outbox)) == (303, 1)


def test_without_mail_the_authenticator_still_signs_in(pending_client, alice, phone, failing_mail):
    request_code(pending_client)
    pending_client.post(VERIFY, {"code": phone.code()})
    assert signed_in_as(pending_client) == alice


@pytest.fixture
def not_twilio(settings):
    settings.TWOFACTOR_SMS_GATEWAY = "twilio"
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, settings.TWILIO_FROM = "AC0", "x", "+12015550100"
    with listening(NotTwilio) as server:
        settings.TWILIO_URL = f"http://127.0.0.1:{server.server_address[1]}"
        yield server


def test_an_answer_that_is_not_twilios_is_not_sent(pending_client, alice, not_twilio):
    add_number(alice)
    pending_client.raise_request_exception = False
    assert request_code(pending_client, "sms").status_code == 503


class BrokenGateway:
    def send(self, number, text):
        raise KeyError("a site's own gateway, with a mistake in it")


def test_a_gateway_that_breaks_is_told_and_costs_nothing(pending_client, alice, settings):
    settings.TWOFACTOR_SMS_GATEWAY = f"{__name__}.BrokenGateway"
    add_number(alice)
    pending_client.raise_request_exception = False
    answer = request_code(pending_client, "sms")
    assert (
        answer.status_code,
        Allowance.objects.filter(key__startswith=CODES_TO_PERSON[0].name, count__gt=0).count(),
    ) == (
        503,
        0,
    )
