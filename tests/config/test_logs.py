"""What the log says of a request: enough to find it, and nothing of the person who made it."""

import json
import logging

import pytest

from config.logs import JsonLines


@pytest.fixture
def lines(caplog):
    """The lines of the log as a deployment writes them."""
    caplog.set_level(logging.WARNING)
    return lambda: [json.loads(JsonLines().format(record)) for record in caplog.records]


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
    """Not a report that is refused, either: Django writes a line for each."""
    report = {"csp-report": {"effective-directive": "script-src", "blocked-uri": "inline"}}
    for body in [report] * 25 + [{}] * 5:
        client.post("/csp-report/", body, content_type="application/json")
    assert len(lines()) == 20
