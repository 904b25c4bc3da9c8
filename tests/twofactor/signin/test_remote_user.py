"""A web server in front says who somebody is at each request: the second factor is asked for all the same."""

import pytest
from django.test import Client

from tests.people import signed_in_as

VERIFY = "/two-factor/verify/"
TO_PROFILE = f"{VERIFY}?next=%2Faccounts%2Fprofile%2F"
GATE = "twofactor.middleware.TwoFactor"
REMOTE = [
    "django.contrib.auth.middleware.RemoteUserMiddleware",
    "django.contrib.auth.middleware.PersistentRemoteUserMiddleware",
]


@pytest.fixture(params=REMOTE, ids=["each request", "first request"])
def remote(request):
    return request.param


@pytest.fixture(params=[0, 1], ids=["before the gate", "after the gate"])
def at_work(request, settings, remote, alice):
    """Alice's browser behind that web server."""
    place = settings.MIDDLEWARE.index(GATE) + request.param
    settings.MIDDLEWARE = [*settings.MIDDLEWARE[:place], remote, *settings.MIDDLEWARE[place:]]
    backend = "django.contrib.auth.backends.RemoteUserBackend"
    settings.AUTHENTICATION_BACKENDS = [*settings.AUTHENTICATION_BACKENDS, backend]
    return Client(enforce_csrf_checks=True, REMOTE_USER="alice@example.com")


def give(client, code):
    token = client.get(VERIFY).context["csrf_token"]
    return client.post(VERIFY, {"code": code, "csrfmiddlewaretoken": str(token)})


def test_somebody_without_a_factor_is_in(at_work):
    assert at_work.get("/accounts/profile/").status_code == 200


def test_somebody_with_a_factor_is_led_to_the_code(at_work, phone):
    assert at_work.get("/accounts/profile/").url == TO_PROFILE


def test_the_page_for_the_code_opens(at_work, phone):
    assert at_work.get("/accounts/profile/", follow=True).redirect_chain == [(TO_PROFILE, 303)]


def test_the_page_for_the_code_opens_for_who_begins_there(at_work, phone):
    assert len(at_work.get(VERIFY, follow=True).redirect_chain) == 1


def test_the_code_opens_the_account(at_work, phone):
    at_work.get("/accounts/profile/?x=1")
    assert give(at_work, phone.code()).url == "/accounts/profile/?x=1"
    assert at_work.get("/accounts/profile/").status_code == 200


def test_a_wrong_code_opens_nothing(at_work, phone):
    at_work.get("/accounts/profile/")
    assert give(at_work, phone.code(off=9)).status_code == 422
    assert (at_work.get("/accounts/profile/").url, signed_in_as(at_work)) == (TO_PROFILE, None)


def test_without_the_code_nothing_is_done(at_work, alice, phone):
    at_work.handler.enforce_csrf_checks = False
    at_work.post("/accounts/profile/", {"name": "Mallory", "language": ""})
    alice.refresh_from_db()
    assert alice.name == ""
