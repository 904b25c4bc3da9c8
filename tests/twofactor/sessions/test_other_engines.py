"""Sessions that Django keeps: in the database, in the cache, or in both."""

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client

from tests.people import sign_in
from tests.twofactor.code_forms import enter_code

ENGINES = ["db", "cache", "cached_db"]


@pytest.fixture(params=ENGINES)
def engine(request, settings):
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{request.param}"
    cache.clear()
    return request.param


def copy_of(client, settings):
    """A thief's browser, with the cookie of this one."""
    thief, name = Client(), settings.SESSION_COOKIE_NAME
    thief.cookies[name] = client.cookies[name].value
    return thief


def test_a_code_signs_in_and_nothing_else_does(engine, pending_client, phone):
    before = pending_client.get("/two-factor/").status_code
    enter_code(pending_client, phone.code())
    assert (before, pending_client.get("/two-factor/").status_code) == (302, 200)


@pytest.mark.proves("7.4.1")
def test_signing_out_ends_every_copy(engine, client, phone, settings):
    sign_in(client, phone)
    thief = copy_of(client, settings)
    client.post("/accounts/logout/")
    assert thief.get("/two-factor/").status_code == 302


def test_ending_all_others_ends_them(engine, client, phone, clock):
    sign_in(client, phone)
    clock.shift(60)
    other = Client()
    sign_in(other, phone)
    other.post("/two-factor/sessions/end/")
    assert [browser.get("/two-factor/").status_code for browser in (client, other)] == [302, 200]


@pytest.mark.proves("F-04")
def test_a_session_that_is_only_in_the_cache_has_ended(client, phone, settings):
    """As after signing out while the cache could not be reached."""
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
    sign_in(client, phone)
    assert client.get("/two-factor/").status_code == 200
    Session.objects.all().delete()
    assert client.get("/accounts/profile/").url == "/accounts/login/?next=%2Faccounts%2Fprofile%2F"
    assert client.get("/two-factor/").status_code == 302


@pytest.mark.parametrize(("kept_in", "queries"), [("cached_db", 1), ("cache", 0)])
def test_what_that_costs(client, phone, settings, django_assert_num_queries, kept_in, queries):
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{kept_in}"
    sign_in(client, phone)
    client.get("/healthz/live")
    with django_assert_num_queries(queries + 1):  # and one for the person
        client.get("/healthz/live")
