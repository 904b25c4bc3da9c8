"""Text messages: what goes out, through whose gateway, and what happens when it does not."""

import logging
import re
import time
from contextlib import ExitStack

import pytest
from django.core import mail
from django.utils import translation

from tests.people import enrol, person, signed_in_as
from tests.twofactor.sent_codes import NUMBER, OTHER, ask, enter, has_number, texted, with_pigeons
from tests.twofactor.servers import (
    BlackHole,
    Dripping,
    HangingUp,
    Proxy,
    Twilio,
    TwilioBroken,
    TwilioRefuses,
    listening,
)
from twofactor.factors import sent_codes
from twofactor.models import Phone, SentCode
from twofactor.outgoing import sms

GSM_7 = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
BROKEN = [TwilioRefuses, TwilioBroken, HangingUp]


@pytest.fixture
def number(alice):
    return has_number(alice).number


@pytest.fixture
def carried(settings):
    return with_pigeons(settings)


# Off unless a site turns it on


@pytest.mark.proves("6.6.1")
def test_without_a_gateway_nothing_is_offered(asked, number):
    assert "text message" not in asked.get(OTHER).text


def test_without_a_gateway_nothing_goes_out(asked, number):
    assert ask(asked, "sms").status_code == 422


def test_without_a_gateway_there_is_no_page_for_a_number(alices, phone):
    alices.post("/two-factor/confirm/", {"password": "correct horse battery", "code": phone.code()})
    assert alices.get("/two-factor/phone/").status_code == 404


def test_without_a_gateway_settings_do_not_speak_of_it(alices):
    assert "Text messages" not in alices.get("/two-factor/").text


def test_a_confirmed_number_is_offered(asked, number, carried):
    assert "Send a code by text message" in asked.get(OTHER).text


def test_a_number_that_nobody_confirmed_is_not_offered(asked, alice, carried):
    Phone.objects.create(user=alice, new_number=NUMBER)
    assert ask(asked, "sms").status_code == 422


def test_a_text_goes_to_the_confirmed_number_not_to_the_new_one(asked, alice, number, carried):
    Phone.objects.update(new_number="+12015550123")
    ask(asked, "sms")
    assert [to for to, _text in carried] == [NUMBER]


def test_a_code_by_text_message_signs_in(asked, alice, number, carried):
    ask(asked, "sms")
    enter(asked, texted())
    assert signed_in_as(asked) == alice


def test_the_session_remembers_that_it_was_a_text_message(asked, number, carried):
    ask(asked, "sms")
    enter(asked, texted())
    assert asked.session["twofactor_amr"] == "sms"


def test_a_text_message_is_no_recovery(asked, number, carried):
    ask(asked, "sms")
    enter(asked, texted())
    assert asked.get("/two-factor/setup/").url.startswith("/two-factor/confirm/")


def test_a_text_message_sends_no_mail(asked, number, carried):
    ask(asked, "sms")
    assert mail.outbox == []


# What it says


@pytest.fixture
def text(asked, number, carried):
    ask(asked, "sms")
    return carried[0][1]


def test_a_text_begins_with_the_code(text):
    assert re.match(r"\d{6} is your Countersign security code\n", text)


def test_the_last_line_ties_the_code_to_this_site(text):
    assert text.splitlines()[-1] == f"@testserver #{text[:6]}"


def test_the_line_before_is_empty(text):
    """Otherwise phones do not see the last line for what it is."""
    assert text.splitlines()[-2] == ""


def test_the_host_has_no_port(asked, number, carried, settings):
    settings.BASE_URL = "https://login.example.com:8443"
    ask(asked, "sms")
    assert carried[0][1].splitlines()[-1].startswith("@login.example.com #")


def test_a_text_fits_one_message(text):
    assert len(text) <= 160


def test_a_text_has_only_characters_that_every_phone_counts_once(text):
    assert set(text) - GSM_7 == set()


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "pt-br"])
def test_in_latin_letters_it_stays_one_message(alice, number, carried, language):
    alice.language = language
    sent_codes.send(alice, sent_codes.Channel("sms", NUMBER), "test", "127.0.0.1", alice.date_joined)
    assert (set(carried[0][1]) - GSM_7, len(carried[0][1]) <= 160) == (set(), True)


def test_a_text_has_no_link(text):
    assert "://" not in text


def test_a_text_speaks_the_language_of_its_reader(alice, number, carried):
    alice.language = "ar"
    with translation.override("ar"):
        expected = translation.gettext("%(code)s is your %(site)s security code")
    sent_codes.send(alice, sent_codes.Channel("sms", NUMBER), "test", "127.0.0.1", alice.date_joined)
    assert carried[0][1].startswith(expected % {"code": texted(), "site": "Countersign"})


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


def test_the_console_prints_what_would_have_gone_out(asked, number, settings, capsys):
    settings.TWOFACTOR_SMS_GATEWAY = "console"
    ask(asked, "sms")
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
def call(twilio, asked, number):
    """The one call that was made."""
    server = twilio()
    ask(asked, "sms")
    [visit] = server.visits
    return visit


def test_twilio_is_called_where_it_listens(call):
    assert call.path == "/2010-04-01/Accounts/AC0/Messages.json"


def test_without_an_address_of_its_own_it_is_called_at_twilios(settings, asked, number, monkeypatch):
    settings.TWOFACTOR_SMS_GATEWAY = "twilio"
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = "AC0", "the token"
    settings.TWILIO_FROM = "+12015550100"
    with listening(Proxy) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.server_address[1]}")
        ask(asked, "sms")
    assert proxy.visits == ["api.twilio.com:443"]


def test_twilio_is_told_number_sender_and_text(call):
    assert (call.form["To"], call.form["From"], set(call.form)) == (
        NUMBER,
        "+12015550100",
        {"To", "From", "Body"},
    )


def test_twilio_gets_the_text_as_it_is(call):
    assert re.fullmatch(r"(\d{6}) is your Countersign security code\n\n@testserver #\1", call.form["Body"])


def test_twilio_is_shown_who_asks(call):
    assert call.who == ("Basic", "AC0:the token")


def test_a_code_by_twilio_signs_in(call, asked, alice):
    enter(asked, call.form["Body"][:6])
    assert signed_in_as(asked) == alice


@pytest.mark.parametrize("handler", BROKEN)
def test_a_text_that_twilio_did_not_take_is_told(twilio, asked, number, handler):
    twilio(handler)
    answer = ask(asked, "sms")
    assert (answer.status_code, "could not be sent" in answer.text) == (503, True)


@pytest.mark.parametrize("handler", BROKEN)
def test_a_text_that_twilio_did_not_take_is_no_code(twilio, asked, number, handler):
    twilio(handler)
    ask(asked, "sms")
    assert SentCode.objects.count() == 0


@pytest.mark.parametrize("handler", BROKEN)
def test_twilio_is_asked_once(twilio, asked, number, handler):
    """A message that may have gone out is not sent a second time."""
    server = twilio(handler)
    ask(asked, "sms")
    assert len(server.visits) == 1


def test_a_text_that_failed_leaves_e_mail_at_once(twilio, asked, number):
    twilio(TwilioRefuses)
    ask(asked, "sms")
    assert (ask(asked).status_code, len(mail.outbox)) == (303, 1)


@pytest.mark.parametrize("handler", [BlackHole, Dripping])
def test_a_gateway_that_hangs_holds_the_page_six_seconds_at_most(twilio, asked, number, handler):
    twilio(handler)
    began = time.perf_counter()
    answer = ask(asked, "sms")
    assert (answer.status_code, time.perf_counter() - began <= 6) == (503, True)


def test_nothing_that_is_logged_holds_the_code(twilio, asked, number, caplog):
    server = twilio()
    caplog.set_level(logging.DEBUG)
    ask(asked, "sms")
    assert server.visits[0].form["Body"][:6] not in caplog.text


def test_nothing_that_is_logged_holds_the_number(twilio, asked, number, caplog):
    twilio(TwilioRefuses)
    caplog.set_level(logging.DEBUG)
    ask(asked, "sms")
    assert NUMBER[1:] not in caplog.text


def test_a_person_without_a_number_is_offered_none(asked, carried):
    assert ask(asked, "sms").status_code == 422


def test_somebody_elses_number_is_not_offered(asked, carried):
    bob = person("bob@example.com")
    enrol(bob)
    has_number(bob)
    assert (ask(asked, "sms").status_code, carried) == (422, [])
