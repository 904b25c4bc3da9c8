"""What people are told when a code could not be sent."""

from django.core import mail

from tests.mailers import send_mail_with
from tests.people import signed_in_as
from tests.twofactor.sent_codes import SEND, request_code
from twofactor.models import SentCode

VERIFY = "/two-factor/verify/"


def test_a_code_that_could_not_be_sent_is_told(pending_client, failing_mail):
    answer = request_code(pending_client)
    assert (answer.status_code, "The message could not be sent. Try another way" in answer.text) == (
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
