"""At every URL of the site: the password alone opens nothing where a second factor is needed."""

import re
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from tests.htmx import HTMX
from tests.people import PASSWORD, give_password, signed_in_as
from tests.urls_of_site import URLS
from twofactor.models import Session

VERIFY = "/two-factor/verify/"
ADMIN_LOGIN = "/admin/login/"
PAGE = (Path(__file__).parents[2] / "docs/how-to/the-site.md").read_text()


# Every URL there is (V-01)

EVERY_FIELD = {
    "username": "alice@example.com",
    "email": "alice@example.com",
    "login": "alice@example.com",
    "password": PASSWORD,
    "next": "/two-factor/",
    "this_is_the_login_form": "1",
}


def test_the_list_of_urls_is_not_empty():
    assert {"/accounts/login/", ADMIN_LOGIN, VERIFY} <= set(URLS)


@pytest.mark.proves("6.3.4", "V-01", "H-01")
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
@pytest.mark.parametrize("kind", ["form", "json"])
def test_the_password_alone_opens_a_session_nowhere(alice, phone, headers, kind):
    get_user_model().objects.update(is_staff=True, is_superuser=True)
    sort = {"content_type": "application/json"} if kind == "json" else {}
    opened = []
    for url in URLS:
        client = Client(raise_request_exception=False)
        client.post(url, EVERY_FIELD, headers=headers, **sort)
        opened += [url] * (signed_in_as(client) is not None)
    assert opened == []


@pytest.mark.proves("6.1.3")
def test_the_documentation_lists_every_way_to_sign_in(alice):
    get_user_model().objects.update(is_staff=True)
    ways = set()
    for url in URLS:
        client = Client(raise_request_exception=False)
        client.post(url, EVERY_FIELD)
        ways |= {url} if signed_in_as(client) else set()
    listed = PAGE.partition("## Every way to sign in")[2].partition("##")[0]
    assert ways == set(re.findall(r"^\| `(/[a-z/]+)` \|", listed, re.MULTILINE))


@pytest.mark.proves("2.3.1", "V-13")
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_pending_sign_in_opens_nothing_but_its_own_pages(alice, phone, method):
    get_user_model().objects.update(is_staff=True, is_superuser=True)
    client = Client()
    give_password(client)
    inside = [url for url in URLS if url.startswith(("/two-factor/", "/admin/", "/accounts/profile/"))]
    mailed = ("/two-factor/not-me/1/", "/two-factor/recovery/")
    own = ("/two-factor/verify/", *mailed, "/admin/login/", "/admin/jsi18n/")
    answers = {url: getattr(client, method)(url).status_code for url in inside if not url.startswith(own)}
    assert {url: status for url, status in answers.items() if status not in {302, 303}} == {}


@pytest.mark.proves("7.6.2")
def test_looking_at_pages_makes_no_session(client, db):
    for url in URLS:
        client.get(url)
    assert Session.objects.count() == 0
