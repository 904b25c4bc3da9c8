"""Error pages: complete with htmx and without, and shown without a database query."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.db import InternalError, OperationalError, connection
from django.test import Client
from django.utils import timezone

from tests.people import give_password

HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/help/"}
MODES = pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
STATUSES = [400, 403, 404, 409, 429, 500, 503]
EVERY_ERROR = pytest.mark.parametrize("status", [*STATUSES, "out-of-date"])

pytestmark = pytest.mark.urls("tests.config.failing_urls")


@pytest.fixture
def answer():
    """The response to a failing URL. No query is allowed."""
    browser = Client(raise_request_exception=False, enforce_csrf_checks=True)

    def ask(status, headers=HTMX):
        path = "/no-such-page/" if status == 404 else f"/broken/{status}/"
        return (browser.post if status == "out-of-date" else browser.get)(path, headers=headers)

    return ask


@pytest.fixture
def no_database():
    """A database that cannot be reached."""

    def refuse(execute, sql, params, many, context):
        raise OperationalError("no route to host")

    with connection.execute_wrapper(refuse):
        yield


@pytest.mark.proves("16.5.4")
@MODES
@EVERY_ERROR
def test_an_error_has_its_own_status(answer, status, headers):
    assert answer(status, headers).status_code == (403 if status == "out-of-date" else status)


@MODES
@EVERY_ERROR
def test_an_error_is_a_whole_page(answer, status, headers):
    page = answer(status, headers).text
    counts = [page.count(part) for part in ("<!doctype html>", '<main id="tf-main"', "<h1")]
    assert counts == [1, 1, 1]


@EVERY_ERROR
def test_an_error_reads_the_same_in_both_modes(answer, panel, status):
    plain = answer(status, {"Referer": "http://testserver/help/"})
    assert panel(plain) == panel(answer(status, HTMX))


@EVERY_ERROR
def test_the_heading_of_an_error_takes_the_focus_when_htmx_lifts_it(answer, status):
    assert '<h1 tabindex="-1" autofocus>' in answer(status, HTMX).text


@EVERY_ERROR
def test_the_title_of_an_error_is_its_heading(answer, status):
    page = answer(status, {}).text
    title, heading = page.split("<title>")[1], page.split("<h1>")[1]
    assert title.split("</title>")[0] == f"{heading.split('</h1>')[0]} – Countersign"


@EVERY_ERROR
def test_an_error_offers_a_way_on(answer, status):
    assert 'class="button primary" href="/' in answer(status).text


@EVERY_ERROR
def test_an_error_needs_no_token(answer, status):
    assert "csrfmiddlewaretoken" not in answer(status).text


@MODES
@EVERY_ERROR
def test_an_error_is_not_stored(answer, status, headers):
    assert answer(status, headers)["Cache-Control"] == "no-store, private"


@EVERY_ERROR
def test_an_error_is_not_turned_into_a_navigation(answer, status):
    assert "HX-Redirect" not in answer(status)


@pytest.mark.proves("16.5.1")
@EVERY_ERROR
def test_an_error_tells_no_details(answer, status):
    page = answer(status).text
    assert [word for word in ("secret reason", "attacker", "Traceback") if word in page] == []


@EVERY_ERROR
def test_an_error_speaks_the_language_of_the_browser(answer, status):
    page = answer(status, {"Accept-Language": "ar"}).text
    assert '<html lang="ar" dir="rtl">' in page


@pytest.mark.django_db
@EVERY_ERROR
def test_an_error_asks_the_database_nothing(answer, status, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer(status)


def test_a_database_that_is_gone_says_when_to_come_back(answer):
    assert answer(503)["Retry-After"] == "30"


def test_a_broken_connection_is_a_part_that_is_down(answer):
    assert answer("503-too").status_code == 503


def test_a_host_that_is_not_ours_is_told_so_on_a_page():
    response = Client().get("/", headers={"Host": "evil.example"})
    assert (response.status_code, b"evil.example" in response.content) == (400, False)


@pytest.mark.proves("16.5.2")
@pytest.mark.django_db
@MODES
def test_someone_signed_in_gets_a_page_when_the_database_is_gone(as_alice, no_database, headers):
    as_alice.raise_request_exception = False
    response = as_alice.get("/accounts/profile/", headers=headers)
    assert (response.status_code, b'<main id="tf-main"' in response.content) == (503, True)


@pytest.mark.proves("16.5.2")
@pytest.mark.django_db
def test_an_outage_signs_nobody_out(as_alice):
    as_alice.raise_request_exception = False

    def refuse(execute, sql, params, many, context):
        raise OperationalError("no route to host")

    with connection.execute_wrapper(refuse):
        as_alice.get("/accounts/profile/")
    assert as_alice.get("/accounts/profile/").status_code == 200


@pytest.mark.proves("16.5.3")
@pytest.mark.django_db
def test_nobody_signs_in_while_the_database_is_gone(client, alice, no_database):
    client.raise_request_exception = False
    response = client.post("/accounts/login/", {"username": alice.email, "password": "x"})
    assert (response.status_code, "sessionid" in client.cookies) == (503, False)


class ReadOnly(Exception):
    """As the driver raises it."""

    sqlstate = "25006"


def cannot_write(execute, sql, params, many, context):
    if not sql.startswith("SELECT"):
        raise InternalError("cannot execute UPDATE in a read-only transaction") from ReadOnly()
    return execute(sql, params, many, context)


def no_session_changes(execute, sql, params, many, context):
    if sql.startswith("UPDATE") and "twofactor_session" in sql:
        raise OperationalError("server closed the connection unexpectedly")
    return execute(sql, params, many, context)


@pytest.mark.proves("F-07")
@pytest.mark.django_db
def test_a_sign_in_that_cannot_be_written_is_a_part_that_is_down(client, alice):
    """On a former leader, which is read-only now."""
    client.raise_request_exception = False
    with connection.execute_wrapper(cannot_write):
        response = give_password(client)
    assert (response.status_code, "sessionid" in client.cookies) == (503, False)


@pytest.mark.django_db
def test_a_session_that_cannot_be_written_is_a_part_that_is_down(as_alice):
    """A session that another tab has ended."""
    as_alice.raise_request_exception = False
    later = timezone.now() + timedelta(minutes=2)  # when the time of the last request is written
    with time_machine.travel(later), connection.execute_wrapper(no_session_changes):
        assert as_alice.get("/accounts/profile/").status_code == 503


def test_the_start_page_needs_no_database(no_database):
    assert Client().get("/").status_code == 200


def test_readiness_fails_when_the_database_is_gone(db, no_database):
    response = Client().get("/healthz/ready")
    assert (response.status_code, response.content) == (503, b"unavailable\n")


def test_liveness_does_not_ask_the_database():
    assert Client().get("/healthz/live").content == b"ok\n"


# A form that was opened before someone signed in or out


def out_of_date(**headers):
    return Client(enforce_csrf_checks=True).post("/accounts/signup/", headers=headers).text


def test_a_stale_form_leads_back_to_its_page():
    assert 'href="/accounts/profile/?tab=1"' in out_of_date(
        **{"HX-Request": "true", "HX-Current-URL": "http://testserver/accounts/profile/?tab=1"}
    )


def test_without_htmx_a_stale_form_leads_back_to_its_page():
    assert 'href="/accounts/profile/"' in out_of_date(Referer="http://testserver/accounts/profile/")


FOREIGN = [
    "http://evil.example/",
    "//evil.example/",
    "javascript:alert(1)",
    "https://testserver.evil.example/",
    'http://testserver/"><script>',
    "http://testserver//evil.example/",
    "http://testserver/\r\nSet-Cookie: a=b",
]


@pytest.mark.parametrize("url", FOREIGN)
@pytest.mark.parametrize("header", ["Referer", "HX-Current-URL"])
def test_a_stale_form_never_leads_to_another_site(header, url):
    page = out_of_date(**{"HX-Request": "true" if header.startswith("HX") else "false", header: url})
    to = re.search(r'href="([^"]*)">Reload', page)[1]
    assert re.match(r"/(?!/)", to)


def test_an_unknown_page_behind_sign_in_is_simply_not_there(db):
    assert Client().get("/accounts/no-such-page/").status_code == 404


@pytest.mark.parametrize(("sent", "told"), [(False, True), (True, False)])
def test_a_browser_without_cookies_is_told_to_allow_them(db, sent, told):
    client = Client(enforce_csrf_checks=True)
    if sent:
        client.get("/accounts/login/")
    answer = client.post("/accounts/login/")
    assert (answer.status_code, "Allow cookies for this site" in answer.text) == (403, told)
