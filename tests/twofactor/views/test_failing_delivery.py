"""What mail servers, gateways and other tabs may do while somebody signs in another way."""

import pytest
from django.core import mail as django_mail
from django.test import Client

from tests.people import enrol, give_password, person
from tests.twofactor.sent_codes import (
    NUMBER,
    SENT,
    add_number,
    different_code,
    enter_sent_code,
    mailed_code,
    record_text_messages,
    request_code,
)
from tests.twofactor.servers import Dripping, NotTwilio, listening, mail_goes_to
from twofactor.factors import sent_codes
from twofactor.limits import CODES_TO_PERSON
from twofactor.models import Allowance, TrustedBrowser


def test_a_tab_that_looks_again_does_not_swallow_a_message(signed_in_client):
    seen = signed_in_client.get("/two-factor/").context["seen"]
    signed_in_client.post("/two-factor/nudge/dismiss/")
    signed_in_client.get("/two-factor/", {"seen": seen}, headers={"HX-Request": "true"})
    assert "Reminder dismissed" in signed_in_client.get("/accounts/profile/").text


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


def test_a_code_works_as_long_as_the_page_says(pending_client, clock):
    """Not longer than the sign-in it was sent for."""
    clock.shift(300)
    request_code(pending_client)
    assert "It works until 12:10." in pending_client.get(SENT).text


def test_the_wait_that_is_told_is_the_longest(phone, clock):
    for _ in range(5):
        client = Client()
        give_password(client)
        request_code(client)
        clock.shift(60)
    clock.shift(-1)
    assert request_code(client)["Retry-After"] == str(3600 - 299)


def test_the_letter_with_a_code_has_no_link_at_all(sent_code_client):
    assert "://" not in django_mail.outbox[0].body


def test_whoever_is_locked_is_told_before_entering_a_sent_code(sent_code_client):
    for _ in range(5):
        enter_sent_code(sent_code_client, different_code(mailed_code()))
    assert "You can try again in" in sent_code_client.get(SENT).text


def test_browsers_that_were_forgotten_do_not_push_out_other_people(client, alice, phone, clock):
    bob = person("bob@example.com")
    bobs = enrol(bob)

    def trust(phone, email):
        client.cookies.pop("sessionid", None)
        give_password(client, email)
        client.post("/two-factor/verify/", {"code": phone.code(), "trust_browser": "on"})
        clock.shift(60)

    trust(bobs, bob.email)
    for _ in range(10):
        trust(phone, alice.email)
        TrustedBrowser.objects.filter(user=alice).delete()
    client.cookies.pop("sessionid", None)
    assert give_password(client, bob.email).url == "/"


def test_mail_that_hangs_holds_up_no_text_message(alice, phone, settings, transactional_db):
    from concurrent.futures import ThreadPoolExecutor

    text_messages = record_text_messages(settings)
    with listening(Dripping) as server:
        mail_goes_to(settings, server)
        channel = sent_codes.Channel("email", alice.email)
        with ThreadPoolExecutor(32) as threads:
            list(threads.map(lambda n: sent_codes.deliver(alice, channel, "000000"), range(32)))
        sent_codes.deliver(alice, sent_codes.Channel("sms", NUMBER), "000000")
        texts = len(text_messages)
    assert texts == 1
