"""A web server in front of the site names the user (REMOTE_USER): the second factor is asked for as well."""

import pytest
from django.test import Client

from tests.people import signed_in_as

VERIFY = "/two-factor/verify/"
TO_PROFILE = f"{VERIFY}?next=%2Faccounts%2Fprofile%2F"
TWO_FACTOR = "twofactor.middleware.TwoFactor"
REMOTE = [
    "django.contrib.auth.middleware.RemoteUserMiddleware",
    "django.contrib.auth.middleware.PersistentRemoteUserMiddleware",
]


@pytest.fixture(params=REMOTE, ids=["each request", "first request"])
def remote_middleware(request):
    return request.param


@pytest.fixture(params=[0, 1], ids=["before the gate", "after the gate"])
def remote_client(request, settings, remote_middleware, alice):
    """Alice's browser, behind a web server that names her."""
    place = settings.MIDDLEWARE.index(TWO_FACTOR) + request.param
    settings.MIDDLEWARE = [*settings.MIDDLEWARE[:place], remote_middleware, *settings.MIDDLEWARE[place:]]
    backend = "django.contrib.auth.backends.RemoteUserBackend"
    settings.AUTHENTICATION_BACKENDS = [*settings.AUTHENTICATION_BACKENDS, backend]
    return Client(enforce_csrf_checks=True, REMOTE_USER="alice@example.com")


def enter_code_with_token(client, code):
    token = client.get(VERIFY).context["csrf_token"]
    return client.post(VERIFY, {"code": code, "csrfmiddlewaretoken": str(token)})


def test_someone_without_a_factor_is_in(remote_client):
    assert remote_client.get("/accounts/profile/").status_code == 200


def test_someone_with_a_factor_is_led_to_the_code(remote_client, phone):
    assert remote_client.get("/accounts/profile/").url == TO_PROFILE


def test_the_page_for_the_code_opens(remote_client, phone):
    assert remote_client.get("/accounts/profile/", follow=True).redirect_chain == [(TO_PROFILE, 303)]


def test_the_page_for_the_code_opens_for_who_begins_there(remote_client, phone):
    assert len(remote_client.get(VERIFY, follow=True).redirect_chain) == 1


def test_the_code_opens_the_account(remote_client, phone):
    remote_client.get("/accounts/profile/?x=1")
    assert enter_code_with_token(remote_client, phone.code()).url == "/accounts/profile/?x=1"
    assert remote_client.get("/accounts/profile/").status_code == 200


def test_a_wrong_code_opens_nothing(remote_client, phone):
    remote_client.get("/accounts/profile/")
    assert enter_code_with_token(remote_client, phone.code(off=9)).status_code == 422
    assert (remote_client.get("/accounts/profile/").url, signed_in_as(remote_client)) == (TO_PROFILE, None)


def test_without_the_code_nothing_is_done(remote_client, alice, phone):
    remote_client.handler.enforce_csrf_checks = False
    remote_client.post("/accounts/profile/", {"name": "Mallory", "language": ""})
    alice.refresh_from_db()
    assert alice.name == ""
