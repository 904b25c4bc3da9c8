"""In a site whose sign-in page or first page is on another host (single sign-on, single-page app)."""

from urllib.parse import unquote

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.decorators import login_not_required
from django.test import Client
from django.urls import path

from config.urls import handler400, handler403, handler404, handler500, urlpatterns
from tests.htmx import HTMX
from tests.people import PASSWORD, give_password, sign_in, signed_in_as
from twofactor.signin.pending import after_password

__all__ = ["handler400", "handler403", "handler404", "handler500"]

LOGIN = "https://sso.example.com/login/?realm=staff"
FIRST = "https://app.example.com/start#top"
VERIFY = "/two-factor/verify/"
BY_HTMX = {**HTMX, "HX-Current-URL": "http://testserver/two-factor/"}


@login_not_required
def own_login(request):
    user = authenticate(request, username="alice@example.com", password=PASSWORD)
    return after_password(request, user, request.GET.get("next", ""))


urlpatterns = [*urlpatterns, path("own/login/", own_login)]


@pytest.fixture(autouse=True)
def other_hosts(settings):
    settings.LOGIN_URL, settings.LOGIN_REDIRECT_URL, settings.ROOT_URLCONF = LOGIN, FIRST, __name__


def test_a_right_code_leads_to_the_first_page(pending_client, phone, alice):
    answer = pending_client.post(VERIFY, {"code": phone.code()})
    assert (answer.status_code, answer["Location"]) == (303, FIRST)
    assert signed_in_as(pending_client) == alice


def test_a_right_code_leads_to_the_first_page_over_htmx_too(pending_client, phone):
    answer = pending_client.post(VERIFY, {"code": phone.code()}, headers=BY_HTMX)
    assert (answer.status_code, answer["HX-Redirect"]) == (200, FIRST)


def test_who_has_no_second_factor_is_led_there_at_once(client, alice):
    assert give_password(client)["Location"] == FIRST


def test_a_sign_in_that_is_held_goes_on_there(client, phone):
    client.get("/own/login/")
    assert client.post(VERIFY, {"code": phone.code()})["Location"] == FIRST


@pytest.mark.parametrize("headers", [{}, BY_HTMX], ids=["plain", "htmx"])
@pytest.mark.parametrize("address", ["/two-factor/", "/two-factor/setup/", "/two-factor/disable/"])
def test_a_stranger_is_led_to_sign_in_and_back(client, db, address, headers):
    answer = client.get(address, headers=headers)
    back = "/two-factor/" if headers else address
    to = answer.headers.get("Location") or answer["HX-Redirect"]
    assert unquote(to) == f"https://sso.example.com/login/?realm=staff&next=http://testserver{back}"


def test_a_pending_sign_in_that_is_none_leads_to_sign_in(client, db):
    answer = client.get(VERIFY)
    assert (answer.status_code, answer["Location"]) == (303, LOGIN)


def test_a_sign_in_that_took_too_long_begins_there_again(pending_client, clock):
    clock.shift(601)
    assert pending_client.get(VERIFY)["Location"] == LOGIN


def test_a_session_that_is_over_leads_there(signed_in_client, clock):
    clock.shift(61 * 60)
    assert signed_in_client.get("/two-factor/")["Location"].startswith(
        "https://sso.example.com/login/?realm=staff&next="
    )


def test_who_comes_back_from_there_is_led_on(client, alice):
    answer = client.get("/own/login/?next=http%3A//testserver/two-factor/")
    assert answer["Location"] == "/two-factor/"


@pytest.mark.proves("V-25")
@pytest.mark.parametrize(
    "to",
    [
        *("//evil.example/", "https://evil.example/", "http://testserver.evil.example/", "evil.example"),
        *("http://testserver//evil.example/", "http://testserver@evil.example/", "javascript:alert(1)", ""),
    ],
)
@pytest.mark.parametrize("on", [True, False])
def test_a_request_leads_nowhere_else(request, alice, to, on):
    client = Client()
    if on:
        phone = request.getfixturevalue("phone")
    answer = client.get("/own/login/", {"next": to})
    if on:
        answer = client.post(VERIFY, {"code": phone.code()})
    assert answer["Location"] == FIRST


def test_a_page_that_takes_a_step_up_is_left_for_no_other_host(signed_in_client, phone):
    answer = signed_in_client.post(
        "/two-factor/confirm/?next=https://evil.example/", {"password": PASSWORD, "code": phone.code()}
    )
    assert answer["Location"] == FIRST


def test_signing_in_again_is_as_before(client, phone):
    sign_in(client, phone)
    assert client.get(VERIFY)["Location"] == FIRST
