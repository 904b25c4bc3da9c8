"""Text messages: what they say, the gateways that send them, and gateways that fail."""

import logging
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from django.core import mail
from django.utils import translation

from tests.machinery.servers import (
    BlackHole,
    Dripping,
    HangingUp,
    Proxy,
    Twilio,
    TwilioBroken,
    TwilioRefuses,
    listening,
    mail_goes_to,
)
from tests.people import enrol, person, signed_in_as
from tests.twofactor.sent_codes import (
    NUMBER,
    OTHER,
    add_number,
    enter_sent_code,
    request_code,
    texted_code,
)
from twofactor.factors import sent_codes
from twofactor.models import Phone, SentCode
from twofactor.outgoing import sms

GSM_7 = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
FAILING_TWILIO = [TwilioRefuses, TwilioBroken, HangingUp]


@pytest.fixture
def number(alice):
    return add_number(alice).number


# Off unless a site turns it on


@pytest.mark.proves("6.6.1")
def test_without_a_gateway_nothing_is_offered(pending_client, number):
    assert "text message" not in pending_client.get(OTHER).text


def test_without_a_gateway_nothing_goes_out(pending_client, number):
    assert request_code(pending_client, "sms").status_code == 422


def test_without_a_gateway_there_is_no_page_for_a_number(signed_in_client, phone):
    signed_in_client.post("/two-factor/confirm/", {"password": "correct horse battery", "code": phone.code()})
    assert signed_in_client.get("/two-factor/phone/").status_code == 404


def test_without_a_gateway_settings_do_not_speak_of_it(signed_in_client):
    assert "Text messages" not in signed_in_client.get("/two-factor/").text


def test_a_confirmed_number_is_offered(pending_client, number, text_messages):
    assert "Send a code by text message" in pending_client.get(OTHER).text


def test_a_number_that_nobody_confirmed_is_not_offered(pending_client, alice, text_messages):
    Phone.objects.create(user=alice, new_number=NUMBER)
    assert request_code(pending_client, "sms").status_code == 422


def test_a_person_without_a_number_is_offered_none(pending_client, text_messages):
    assert request_code(pending_client, "sms").status_code == 422


def test_someone_elses_number_is_not_offered(pending_client, text_messages):
    bob = person("bob@example.com")
    enrol(bob)
    add_number(bob)
    assert (request_code(pending_client, "sms").status_code, text_messages) == (422, [])


def test_a_text_goes_to_the_confirmed_number_not_to_the_new_one(pending_client, alice, number, text_messages):
    Phone.objects.update(new_number="+12015550123")
    request_code(pending_client, "sms")
    assert [to for to, _text in text_messages] == [NUMBER]


def test_a_code_by_text_message_signs_in(pending_client, alice, number, text_messages):
    request_code(pending_client, "sms")
    enter_sent_code(pending_client, texted_code())
    assert signed_in_as(pending_client) == alice


def test_the_session_remembers_that_it_was_a_text_message(pending_client, number, text_messages):
    request_code(pending_client, "sms")
    enter_sent_code(pending_client, texted_code())
    assert pending_client.session["twofactor_amr"] == "sms"


def test_a_text_message_is_no_recovery(pending_client, number, text_messages):
    request_code(pending_client, "sms")
    enter_sent_code(pending_client, texted_code())
    assert pending_client.get("/two-factor/apps/add/").url.startswith("/two-factor/confirm/")


def test_a_text_message_sends_no_mail(pending_client, number, text_messages):
    request_code(pending_client, "sms")
    assert mail.outbox == []


# What it says


@pytest.fixture
def text_message(pending_client, number, text_messages):
    request_code(pending_client, "sms")
    return text_messages[0][1]


def test_a_text_begins_with_the_code(text_message):
    assert re.match(r"\d{6} is your Countersign security code\n", text_message)


def test_the_last_line_ties_the_code_to_this_site(text_message):
    assert text_message.splitlines()[-1] == f"@testserver #{text_message[:6]}"


def test_the_line_before_is_empty(text_message):
    """Otherwise phones do not recognise the last line."""
    assert text_message.splitlines()[-2] == ""


def test_the_host_has_no_port(pending_client, number, text_messages, settings):
    settings.TWOFACTOR_BASE_URL = "https://login.example.com:8443"
    request_code(pending_client, "sms")
    assert text_messages[0][1].splitlines()[-1].startswith("@login.example.com #")


def test_a_text_fits_one_message(text_message):
    assert len(text_message) <= 160


def test_a_text_has_only_characters_that_every_phone_counts_once(text_message):
    assert set(text_message) - GSM_7 == set()


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "pt-br"])
def test_in_latin_letters_it_stays_one_message(alice, number, text_messages, language):
    alice.language = language
    sent_codes.send(alice, sent_codes.Channel("sms", NUMBER), "test", "127.0.0.1", alice.date_joined)
    assert (set(text_messages[0][1]) - GSM_7, len(text_messages[0][1]) <= 160) == (set(), True)


def test_a_text_has_no_link(text_message):
    assert "://" not in text_message


def test_a_text_speaks_the_language_of_its_reader(alice, number, text_messages):
    alice.language = "ar"
    with translation.override("ar"):
        expected = translation.gettext("%(code)s is your %(site)s security code")
    sent_codes.send(alice, sent_codes.Channel("sms", NUMBER), "test", "127.0.0.1", alice.date_joined)
    assert text_messages[0][1].startswith(expected % {"code": texted_code(), "site": "Countersign"})


# Numbers as people write them


@pytest.mark.parametrize(
    "typed",
    ["+49 170 1234567", "+49 (170) 123-45-67", "+491701234567", " +49 170 1234567 ", "+４９ 170 1234567"],
)
def test_a_number_is_read_however_it_is_written(typed):
    assert sms.parse_number(typed) == NUMBER


@pytest.mark.parametrize(
    "typed",
    ["", "0170 1234567", "1701234567", "+49", "+49 1", "+999 123456789", "alice", "+" + "1" * 40, "+1\x00"],
)
def test_what_is_no_number_is_refused(typed):
    assert sms.parse_number(typed) is None


# The gateway for development


def test_the_console_prints_what_would_have_gone_out(pending_client, number, settings, capsys):
    settings.TWOFACTOR_SMS_GATEWAY = "console"
    request_code(pending_client, "sms")
    printed = capsys.readouterr().out
    assert (f"Text message to {NUMBER}" in printed, "@testserver #" in printed) == (True, True)


# Twilio


@pytest.fixture
def twilio(settings):
    def serve(handler=Twilio):
        server = stack.enter_context(listening(handler))
        settings.TWILIO_URL = f"http://127.0.0.1:{server.server_address[1]}"
        return server

    settings.TWOFACTOR_SMS_GATEWAY = "twilio"
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = "AC0", "the token"
    settings.TWILIO_FROM = "+12015550100"
    with ExitStack() as stack:
        yield serve


@pytest.fixture
def twilio_call(twilio, pending_client, number):
    """The one request that Twilio received."""
    server = twilio()
    request_code(pending_client, "sms")
    [visit] = server.visits
    return visit


def test_twilio_is_called_where_it_listens(twilio_call):
    assert twilio_call.path == "/2010-04-01/Accounts/AC0/Messages.json"


def test_without_an_address_of_its_own_it_is_called_at_twilios(settings, pending_client, number, monkeypatch):
    settings.TWOFACTOR_SMS_GATEWAY = "twilio"
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = "AC0", "the token"
    settings.TWILIO_FROM = "+12015550100"
    with listening(Proxy) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.server_address[1]}")
        request_code(pending_client, "sms")
    assert proxy.visits == ["api.twilio.com:443"]


def test_twilio_is_told_number_sender_and_text(twilio_call):
    assert (twilio_call.form["To"], twilio_call.form["From"], set(twilio_call.form)) == (
        NUMBER,
        "+12015550100",
        {"To", "From", "Body"},
    )


def test_twilio_gets_the_text_as_it_is(twilio_call):
    assert re.fullmatch(
        r"(\d{6}) is your Countersign security code\n\n@testserver #\1", twilio_call.form["Body"]
    )


def test_twilio_is_shown_who_asks(twilio_call):
    assert twilio_call.who == ("Basic", "AC0:the token")


def test_a_code_by_twilio_signs_in(twilio_call, pending_client, alice):
    enter_sent_code(pending_client, twilio_call.form["Body"][:6])
    assert signed_in_as(pending_client) == alice


@pytest.mark.parametrize("handler", FAILING_TWILIO)
def test_a_text_that_twilio_did_not_take_is_told(twilio, pending_client, number, handler):
    twilio(handler)
    answer = request_code(pending_client, "sms")
    assert (answer.status_code, "send the message" in answer.text) == (503, True)


@pytest.mark.parametrize("handler", FAILING_TWILIO)
def test_a_text_that_twilio_did_not_take_is_no_code(twilio, pending_client, number, handler):
    twilio(handler)
    request_code(pending_client, "sms")
    assert SentCode.objects.count() == 0


@pytest.mark.parametrize("handler", FAILING_TWILIO)
def test_twilio_is_asked_once(twilio, pending_client, number, handler):
    """The message may have gone out, so it is not sent a second time."""
    server = twilio(handler)
    request_code(pending_client, "sms")
    assert len(server.visits) == 1


def test_a_text_that_failed_leaves_email_at_once(twilio, pending_client, number):
    twilio(TwilioRefuses)
    request_code(pending_client, "sms")
    assert (request_code(pending_client).status_code, len(mail.outbox)) == (303, 1)


@pytest.mark.parametrize("handler", [BlackHole, Dripping])
def test_a_gateway_that_hangs_holds_the_page_six_seconds_at_most(twilio, pending_client, number, handler):
    twilio(handler)
    began = time.perf_counter()
    answer = request_code(pending_client, "sms")
    assert (answer.status_code, time.perf_counter() - began <= 6) == (503, True)


def test_nothing_that_is_logged_holds_the_code(twilio, pending_client, number, caplog):
    server = twilio()
    caplog.set_level(logging.DEBUG)
    request_code(pending_client, "sms")
    assert server.visits[0].form["Body"][:6] not in caplog.text


def test_nothing_that_is_logged_holds_the_number(twilio, pending_client, number, caplog):
    twilio(TwilioRefuses)
    caplog.set_level(logging.DEBUG)
    request_code(pending_client, "sms")
    assert NUMBER[1:] not in caplog.text


def test_mail_that_hangs_holds_up_no_text_message(alice, phone, settings, text_messages, transactional_db):
    with listening(Dripping) as server:
        mail_goes_to(settings, server)
        channel = sent_codes.Channel("email", alice.email)
        with ThreadPoolExecutor(32) as threads:
            list(threads.map(lambda n: sent_codes.deliver(alice, channel, "000000"), range(32)))
        sent_codes.deliver(alice, sent_codes.Channel("sms", NUMBER), "000000")
        texts = len(text_messages)
    assert texts == 1
