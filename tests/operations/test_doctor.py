"""manage.py twofactor doctor: it finds a wrong clock, mail that is refused, a lost key, a forgotten timer."""

import json
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from tests.machinery.smtp_server import running_smtp_server
from tests.mailers import send_mail_to_nobody, send_mail_with
from tests.operations.admin_and_commands import run
from tests.people import enrol, person
from twofactor import events, sealing
from twofactor.models import Authenticator, Draft, Event, Letter
from twofactor.operations import doctor
from twofactor.outgoing import outbox

pytestmark = pytest.mark.django_db


def findings(*words):
    """By their names."""
    told = json.loads(run("doctor", "--json", *words).out)["findings"]
    return {finding["name"]: finding for finding in told}


def finding(name, *words):
    found = findings(*words)[name]
    return found["is_ok"], found["sentence"]


@pytest.fixture
def alice(db):
    """In the time that it really is, which the database's clock shows."""
    return person()


@pytest.fixture
def smtp_server(settings):
    with running_smtp_server() as server:
        send_mail_with(settings, "smtp", host="127.0.0.1", port=server.port)
        yield server


async def refuse(server, session, envelope, address, options):
    return "550 5.7.1 no relaying for you"


# The command


def test_a_line_for_each_check_and_what_it_cannot_see(smtp_server):
    ran = run("doctor")
    lines = ran.out.splitlines()
    assert len(lines) == len(doctor.CHECKS)
    assert {line.partition(" ")[0] for line in lines} <= {"ok", "problem"}
    assert all(sentence in ran.err for sentence in doctor.NOT_SEEN)


def test_the_exit_code_says_whether_there_is_a_problem(smtp_server, settings):
    settings.SILENCED_SYSTEM_CHECKS = own_warnings()
    assert (run("doctor").code, run("doctor").out.count("problem")) == (0, 0)
    send_mail_to_nobody(settings)
    ran = run("doctor", "--mail-to", "ann@example.com")
    assert (ran.code, ran.out.count("problem"), ran.err.splitlines()[-1]) == (1, 1, "Problems: 1.")


def own_warnings():
    return findings()["checks"]["sentence"].removesuffix(" should be looked at.").split(", ")


def test_each_problem_says_what_helps(smtp_server, settings):
    settings.TWOFACTOR_WINDOW = 7
    found = findings()["checks"]
    assert "twofactor.E007" in found["sentence"]
    assert found["remedy"] == "Read them with: manage.py check --deploy --database default"


@pytest.mark.django_db(transaction=True)
def test_a_table_that_is_missing(smtp_server):
    rename_table("twofactor_letter", "elsewhere")
    try:
        ok, sentence = finding("waiting mail")
    finally:
        rename_table("elsewhere", "twofactor_letter")
    assert (ok, sentence.startswith("The database gave no answer: ")) == (False, True)


def rename_table(before, after):
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {before} RENAME TO {after}")


# The clock


def test_a_clock_that_is_right():
    ok, sentence = finding("clock")
    assert (ok, sentence.startswith("It differs from the database's by less than")) == (True, True)


@pytest.mark.parametrize("minutes", [-5, 5])
def test_a_clock_that_is_five_minutes_off(minutes):
    with time_machine.travel(timezone.now() + timedelta(minutes=minutes)):
        ok, sentence = finding("clock")
    seconds = int(sentence.removesuffix(" seconds.").split()[-1])
    assert (ok, 290 <= seconds <= 310) == (False, True)


def test_an_event_of_a_server_whose_clock_is_ahead(alice):
    events.record("signed_in_with_code", alice, None)
    Event.objects.update(at=timezone.now() + timedelta(minutes=5))
    ok, sentence = finding("clock")
    assert (ok, sentence.startswith("The newest event is of")) == (False, True)


# Mail


def test_a_mail_is_sent_only_if_an_address_is_given(smtp_server):
    assert finding("mail") == (True, "Not tried. --mail-to ADDRESS sends one, by smtp.")
    assert smtp_server.delivered == []


def test_a_mail_is_sent(smtp_server):
    assert finding("mail", "--mail-to", "ann@example.com") == (
        True,
        "The mail server took one to ann@example.com.",
    )
    [(receivers, mail)] = smtp_server.delivered
    assert (receivers, mail["Subject"]) == (["ann@example.com"], "Countersign: test")


def test_a_mail_server_that_is_away(settings):
    send_mail_to_nobody(settings)
    ok, sentence = finding("mail", "--mail-to", "ann@example.com")
    assert (ok, "ConnectionRefusedError" in sentence) == (False, True)


def test_a_mail_server_that_refuses_says_why(smtp_server):
    smtp_server.handle_RCPT = refuse
    ok, sentence = finding("mail", "--mail-to", "ann@example.com")
    assert (ok, "550 5.7.1 no relaying for you" in sentence) == (False, True)


def test_an_address_that_is_none(smtp_server):
    ok, sentence = finding("mail", "--mail-to", "nobody")
    assert (ok, "ValueError" in sentence) == (False, True)


def test_mail_that_goes_to_the_console(settings):
    send_mail_with(settings, "console")
    assert finding("mail") == (False, "It goes nowhere: the mail backend is console.")


def test_a_site_without_mail(settings):
    settings.TWOFACTOR_HAS_MAIL = False
    assert finding("mail", "--mail-to", "ann@example.com") == (
        True,
        "This site sends none (TWOFACTOR_HAS_MAIL).",
    )


# Text messages


def test_a_site_without_text_messages():
    assert finding("text messages") == (True, "This site sends none (TWOFACTOR_SMS_GATEWAY).")


def test_a_text_message_is_sent(settings, capsys):
    settings.TWOFACTOR_SMS_GATEWAY = "console"
    assert finding("text messages") == (True, "Not tried. --sms-to NUMBER sends one, by Console.")
    assert finding("text messages", "--sms-to", "+491701234567")[0]
    assert "Text message to +491701234567" in capsys.readouterr().out


def test_a_gateway_that_is_away(settings):
    settings.TWOFACTOR_SMS_GATEWAY, settings.TWILIO_URL = "twilio", "http://127.0.0.1:1"
    settings.TWILIO_ACCOUNT_SID = settings.TWILIO_AUTH_TOKEN = settings.TWILIO_FROM = "x"
    ok, sentence = finding("text messages", "--sms-to", "+491701234567")
    assert (ok, sentence) == (False, "Twilio did not take one: ConnectionError.")


# Timers


def test_mail_that_nobody_sends(alice):
    outbox.write("twofactor/mail/event", alice, alice.email, "en")
    assert finding("waiting mail") == (True, "1 wait, none for long.")
    Letter.objects.update(written_at=timezone.now() - timedelta(minutes=20))
    ok, sentence = finding("waiting mail")
    assert (ok, sentence.startswith("1 wait, the oldest since 20")) == (False, True)


def test_rows_that_nobody_removes(alice):
    row = Draft.objects.create(user=alice, kind="setup", started_at=timezone.now() - timedelta(days=1))
    assert finding("old rows")[0]
    Draft.objects.filter(pk=row.pk).update(started_at=timezone.now() - timedelta(days=4))
    assert finding("old rows") == (False, "Nobody has removed old unfinished setups for two days.")
    run("prune")
    assert finding("old rows")[0]


def test_a_long_audit_log_is_the_choice_of_a_site(alice):
    events.record("signed_in_with_code", alice, None)
    Event.objects.update(at=timezone.now() - timedelta(days=900))
    assert finding("old rows")[0]


# Keys


def test_every_key_opens(alice):
    enrol(alice)
    assert finding("keys") == (True, "All 1 sealed values open.")


def test_a_lost_key(alice, settings):
    enrol(alice)
    lost = sealing.key_id(settings.TWOFACTOR_KEYS[0])
    settings.TWOFACTOR_KEYS = [sealing.generate_key()]
    enrol(person("bob@example.com"))
    assert finding("keys") == (False, f"1 of 2 sealed values do not open: 1 of key {lost}.")


@pytest.mark.parametrize("stored", ["JBSWY3DPEHPK3PXP", "JBSWY3DPEHPK3PXP.x", "deadbeef.JBSWY3DPEHPK3PXP"])
def test_a_key_in_clear_is_not_shown(alice, stored):
    enrol(alice)
    Authenticator.objects.update(sealed_key=stored)
    assert finding("keys") == (False, "1 of 1 sealed values do not open: 1 of key unknown.")
    assert "JBSWY" not in run("report").out


# Addresses


def resolver(request):
    return request.headers.get("X-Client", "")


@pytest.mark.parametrize(
    ("words", "address"),
    [
        (["--remote-addr", "203.0.113.9"], "203.0.113.9"),
        (["--remote-addr", "203.0.113.9", "--header", "X-Forwarded-For: 198.51.100.4"], "203.0.113.9"),
        (["--remote-addr", "10.0.0.5", "--header", "X-Forwarded-For: 198.51.100.4"], "198.51.100.4"),
    ],
)
def test_an_example_goes_through_the_middleware_of_the_site(settings, words, address):
    settings.TWOFACTOR_TRUSTED_PROXIES = ["10.0.0.5"]
    assert finding("address", *words)[1].endswith(f" gives {address}.")


def test_an_example_asks_the_function_of_a_site(settings):
    settings.TWOFACTOR_CLIENT_ADDRESS = "tests.operations.test_doctor.resolver"
    assert finding("address", "--header", "X-Client: 198.51.100.4")[1].endswith(" gives 198.51.100.4.")
    assert finding("address", "--remote-addr", "203.0.113.9")[0] is False


@pytest.mark.parametrize(("address", "ok"), [("10.0.0.5", False), (None, False), ("9.9.9.9", True)])
def test_all_visitors_seem_to_be_the_proxy(alice, address, ok):
    for _ in range(doctor.FEW_EVENTS):
        Event.objects.create(
            user=alice, kind="signed_in_with_code", at=timezone.now(), ip_address=address, browser="Firefox"
        )
    assert finding("address")[0] is ok


def test_a_header_needs_a_colon():
    assert "write it like X-Forwarded-For: 203.0.113.9" in run("doctor", "--header", "X-Forwarded-For").err


# Secrets


def test_it_shows_no_secret(alice, smtp_server, settings):
    enrol(alice)
    told = run("doctor", "--mail-to", "ann@example.com").out
    assert not any(secret in told for secret in [*settings.TWOFACTOR_KEYS, settings.SECRET_KEY])
