"""Where signing in leads, and that it never leads to another site."""

import pytest

from tests.htmx import HTMX
from tests.people import PASSWORD, give_password
from tests.twofactor.code_forms import enter_code

VERIFY = "/two-factor/verify/"


OTHER_SITES = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https:evil.example",
    "https://evil.example",
    "http://testserver@evil.example",
    "http://testserver:81/",
    "http://testserver.evil.example/",
    "javascript:alert(1)",
    "data:text/html,x",
    " //evil.example",
    "\t//evil.example",
    "http:///evil.example",
    "//evil.example%0d%0aHX-Redirect:x",
]


@pytest.mark.proves("3.7.2", "V-25")
@pytest.mark.parametrize("to", OTHER_SITES)
def test_nobody_is_sent_to_another_site(client, phone, to):
    give_password(client, next=to)
    assert enter_code(client, phone.code()).url == "/"


@pytest.mark.proves("V-25")
@pytest.mark.parametrize("to", OTHER_SITES)
def test_nobody_is_sent_to_another_site_under_htmx(client, phone, to):
    give_password(client, next=to)
    assert client.post(VERIFY, {"code": phone.code()}, headers=HTMX).headers["HX-Redirect"] == "/"


@pytest.mark.parametrize("to", OTHER_SITES)
def test_nobody_without_a_second_factor_is_sent_to_another_site(client, alice, to):
    assert give_password(client, next=to).url == "/"


@pytest.mark.parametrize("to", OTHER_SITES)
def test_a_next_beside_the_code_is_not_looked_at(pending_client, phone, to):
    assert enter_code(pending_client, phone.code(), f"{VERIFY}?next={to}", next=to).url == "/"


@pytest.mark.parametrize("to", ["/accounts/profile/", "/two-factor/?x=1&y=2", "/help/#codes"])
def test_a_person_who_wanted_a_page_gets_there(client, phone, to):
    give_password(client, next=to)
    assert enter_code(client, phone.code()).url == to


def test_under_htmx_signing_in_is_a_full_navigation(pending_client, phone):
    response = pending_client.post(VERIFY, {"code": phone.code()}, headers=HTMX)
    assert (response.status_code, response.headers["HX-Redirect"], response.content) == (200, "/", b"")


def test_from_the_password_to_the_code_is_a_step_in_place_under_htmx(client, phone):
    response = client.post(
        "/accounts/login/", {"username": "alice@example.com", "password": PASSWORD}, headers=HTMX
    )
    assert (response.status_code, response.url) == (303, VERIFY)


@pytest.mark.parametrize("to", ["nowhere", "x", "twofactor", "?"])
def test_a_next_that_is_no_path_is_not_followed(client, phone, to):
    give_password(client, next=to)
    assert client.post("/two-factor/verify/", {"code": phone.code()}).status_code == 303


@pytest.mark.parametrize("to", ["nowhere", "login"])
def test_a_next_that_is_a_name_is_not_followed(client, alice, to):
    assert give_password(client, next=to).url in {"/", to}


@pytest.mark.parametrize("to", ["nowhere"])
def test_after_confirming_a_next_that_is_a_name_is_not_followed(signed_in_client, phone, to):
    form = {"password": PASSWORD, "code": phone.code(), "next": to}
    assert signed_in_client.post("/two-factor/confirm/", form).url in {"/", to}
