"""What is logged of a request: enough to find it, and no personal data."""

import json
import logging
import threading
import time

import pytest

from config.environment import admins
from config.logs import ERROR_MAIL, ErrorMailHandler, JsonFormatter
from tests.accounts.letters import error_mails
from tests.machinery.servers import BlackHole, listening, mail_goes_to
from tests.mailers import send_mail_to_nobody


@pytest.fixture
def lines(caplog):
    """The log lines as a deployment writes them."""
    caplog.set_level(logging.WARNING)
    return lambda: [json.loads(JsonFormatter().format(record)) for record in caplog.records]


def test_a_lost_page_is_logged_without_what_was_typed(client, db, lines):
    client.get("/nope/alice@example.com")
    assert [line["message"] for line in lines()] == ["Not Found: (no such page)"]


def test_a_refused_link_is_logged_without_its_token(client, db, lines):
    client.handler.enforce_csrf_checks = True
    client.post("/accounts/email/verify/a-token/")
    assert [line for line in lines() if "a-token" in json.dumps(line)] == []
    assert any("/accounts/email/verify/<" in line["message"] for line in lines())


def test_the_line_of_a_refusal_and_the_answer_have_the_same_id(client, db, lines):
    answer = client.get("/nope/")
    assert [line["request"] for line in lines()] == [answer["X-Request-ID"]]


def test_reports_of_a_stranger_do_not_fill_the_log(client, db, lines):
    """Refused reports are not logged either, although Django writes a line for each."""
    report = {"csp-report": {"effective-directive": "script-src", "blocked-uri": "inline"}}
    for body in [report] * 25 + [{}] * 5:
        client.post("/csp-report/", body, content_type="application/json")
    assert len(lines()) == 20


@pytest.fixture
def error(settings):
    """An error that administrators are mailed about."""
    settings.ADMINS = admins(["ops@example.com"])
    logger = logging.Logger("any")
    logger.addHandler(ErrorMailHandler())
    return lambda: logger.error("oh")


def test_an_administrator_gets_mail_about_an_error(error):
    error()
    assert [letter.to for letter in error_mails()] == [["ops@example.com"]]


def test_errors_that_a_stranger_causes_fill_no_mailbox(error):
    for _ in range(25):
        error()
    assert len(error_mails()) == 3


def test_the_last_mail_of_a_kind_says_that_no_more_come(error):
    for _ in range(4):
        error()
    assert ["The last email" in letter.subject for letter in error_mails()] == [False, False, True]


def test_an_hour_later_there_is_mail_again(error, clock):
    for _ in range(11):
        error()
    clock.shift(3600)
    error()
    assert len(error_mails()) == 4


@pytest.fixture
def site(settings, monkeypatch):
    """The loggers as the site configures them, before anything was mailed."""
    settings.ADMINS = admins(["ops@example.com"])
    monkeypatch.setattr(logging.getLogger("django"), "handlers", [ErrorMailHandler()])
    return logging.getLogger("django.request")


@pytest.mark.parametrize("body", ["&".join(f"f{n}=" for n in range(1001)), "a" * 2_700_000])
def test_requests_that_are_too_big_are_not_mailed(client, db, site, body):
    client.post("/accounts/login/", body, content_type="application/x-www-form-urlencoded")
    assert error_mails() == []


def fail(site, number):
    """Raised on a line of its own, because errors are told apart by where they are raised."""
    site.handle(site.makeRecord(site.name, logging.ERROR, f"{number}.py", 1, "oh", None, None))


def test_an_error_that_repeats_silences_no_other(site):
    for _ in range(25):
        fail(site, 0)
    fail(site, 1)
    assert len(error_mails()) == 4


def test_errors_that_repeat_in_many_places_leave_room_for_a_new_one(site):
    for number in range(25):
        fail(site, number % 8)
    fail(site, 9)
    assert len(error_mails()) == 21


def test_there_is_an_end_to_new_errors_too(site):
    for number in range(50):
        fail(site, number)
    assert len(error_mails()) == 30


def test_no_page_waits_for_mail_about_an_error(error, settings):
    with listening(BlackHole) as server:
        mail_goes_to(settings, server)
        began = time.perf_counter()
        error()
        assert time.perf_counter() - began < 1


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_mail_server_that_is_away_raises_nothing_in_the_thread(error, settings):
    send_mail_to_nobody(settings)
    error()
    for thread in threading.enumerate():
        if thread.name == ERROR_MAIL:
            thread.join(10)


@pytest.mark.django_db(transaction=True)
def test_an_error_is_mailed_while_the_database_is_away(error, django_db_blocker):
    with django_db_blocker.block():
        error()
        assert len(error_mails()) == 1
