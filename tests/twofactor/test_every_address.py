"""At every address of the site: the password alone opens nothing where a second factor is needed."""

import re
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.test import Client

from tests.addresses import ADDRESSES
from tests.people import PASSWORD, give_password, signed_in_as

HTMX = {"HX-Request": "true"}
VERIFY = "/two-factor/verify/"
ADMIN_LOGIN = "/admin/login/"
README = (Path(__file__).parents[2] / "README.md").read_text()


# Every address there is (V-01)

EVERY_FIELD = {
    "username": "alice@example.com",
    "email": "alice@example.com",
    "login": "alice@example.com",
    "password": PASSWORD,
    "next": "/two-factor/",
    "this_is_the_login_form": "1",
}


def test_the_list_of_addresses_is_not_empty():
    assert {"/accounts/login/", ADMIN_LOGIN, VERIFY} <= set(ADDRESSES)


@pytest.mark.proves("6.3.4", "V-01", "H-01")
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
@pytest.mark.parametrize("kind", ["form", "json"])
def test_the_password_alone_opens_a_session_nowhere(alice, phone, headers, kind):
    get_user_model().objects.update(is_staff=True, is_superuser=True)
    sort = {"content_type": "application/json"} if kind == "json" else {}
    opened = []
    for address in ADDRESSES:
        client = Client(raise_request_exception=False)
        client.post(address, EVERY_FIELD, headers=headers, **sort)
        opened += [address] * (signed_in_as(client) is not None)
    assert opened == []


@pytest.mark.proves("6.1.3")
def test_the_readme_lists_every_way_to_sign_in(alice):
    get_user_model().objects.update(is_staff=True)
    ways = set()
    for address in ADDRESSES:
        client = Client(raise_request_exception=False)
        client.post(address, EVERY_FIELD)
        ways |= {address} if signed_in_as(client) else set()
    listed = README.partition("### Every way to sign in")[2].partition("###")[0]
    assert ways == set(re.findall(r"^\| `(/[a-z/]+)` \|", listed, re.MULTILINE))


@pytest.mark.proves("2.3.1", "V-13")
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_pending_sign_in_opens_nothing_but_its_own_pages(alice, phone, method):
    get_user_model().objects.update(is_staff=True, is_superuser=True)
    client = Client()
    give_password(client)
    inside = [a for a in ADDRESSES if a.startswith(("/two-factor/", "/admin/", "/accounts/profile/"))]
    own = ("/two-factor/verify/", "/admin/login/", "/admin/jsi18n/")
    answers = {a: getattr(client, method)(a).status_code for a in inside if not a.startswith(own)}
    assert {a: status for a, status in answers.items() if status not in {302, 303}} == {}


@pytest.mark.proves("7.6.2")
def test_looking_at_pages_makes_no_session(client, db):
    for address in ADDRESSES:
        client.get(address)
    assert Session.objects.count() == 0
