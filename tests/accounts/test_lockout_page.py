"""What someone sees who has to wait after wrong passwords."""

import pytest

from tests.accounts.comparison import text_without_tokens
from tests.accounts.wrong_passwords import browser_at, enter_password, enter_wrong
from tests.htmx import HTMX

pytestmark = pytest.mark.usefixtures("clock")


def test_the_page_says_when_to_come_back(alice, client):
    assert b"at about 12:15" in enter_wrong(client, 5).content


@pytest.mark.proves("X-10")
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
def test_the_page_says_how_long_in_its_header(alice, client, clock, headers):
    enter_wrong(client, 5)
    clock.shift(60)
    assert int(enter_password(client, headers=headers).headers["Retry-After"]) in {840, 841}


@pytest.mark.proves("X-10")
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
def test_the_page_is_a_whole_page(alice, client, headers):
    page = enter_wrong(client, 5, headers=headers).content.lower()
    assert page.startswith(b"<!doctype html>")
    assert b"you can't sign in at the moment" in page


@pytest.mark.parametrize("path", ["/accounts/password_reset/", "/help/"])
def test_the_page_says_what_else_can_be_done(alice, client, path):
    assert f'href="{path}"' in enter_wrong(client, 5).text


def test_the_page_is_the_same_for_a_name_that_nobody_has(alice):
    known, unknown = (
        enter_wrong(browser_at("198.51.100.1"), 5),
        enter_wrong(browser_at("198.51.100.2"), 5, "nobody@example.com"),
    )
    assert text_without_tokens(known) == text_without_tokens(unknown)


def test_a_wrong_password_is_answered_the_same_for_a_name_that_nobody_has(alice, client):
    known, unknown = enter_wrong(client), enter_wrong(client, 1, "nobody@example.com")
    assert text_without_tokens(known).replace("alice@", "nobody@") == text_without_tokens(unknown)


def test_the_wait_is_not_written_for_machines(alice, client):
    assert b"PT15M" not in enter_wrong(client, 5).content


@pytest.mark.proves("14.2.1")
def test_the_name_stands_in_no_address(alice, client):
    assert "Location" not in enter_wrong(client, 5).headers


@pytest.mark.proves("3.4.2")
def test_no_other_site_may_read_the_page(alice, client):
    page = enter_wrong(client, 5, headers={"X-Requested-With": "XMLHttpRequest"})
    assert "Access-Control-Allow-Origin" not in page.headers


def test_the_page_of_an_xhr_does_not_say_the_name(alice, client):
    page = enter_wrong(client, 5, headers={"X-Requested-With": "XMLHttpRequest"})
    assert b"alice@example.com" not in page.content
