"""Sessions that other code has opened are held until the code is given; and what the middleware costs."""

import asyncio
import threading

import pytest
from django.contrib.auth import get_user_model, login
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_in
from django.db import connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from tests.people import PASSWORD, enrol, give_password, person, sign_in, signed_in_as
from tests.twofactor.guarded_pages import DJANGO_LOGIN, GREETING_LOGIN
from twofactor.middleware import TwoFactor
from twofactor.models import Authenticator, Event, Session
from twofactor.sessions import SessionStore

VERIFY = "/two-factor/verify/"
SETUP = "/two-factor/setup/"
CONFIRM = "/two-factor/confirm/"


# Sessions that other code opened


@pytest.fixture
def sign_in_with_django(client, phone, guarded_pages):
    """Call it to give Alice's password on Django's own sign-in page; the answer."""
    form = {"username": "alice@example.com", "password": PASSWORD, "next": "/unguarded/"}
    return lambda **changes: client.post(DJANGO_LOGIN, {**form, **changes})


def test_another_login_view_leads_to_the_code(sign_in_with_django):
    assert sign_in_with_django().url.partition("?")[0] == VERIFY


@pytest.mark.proves("V-01")
def test_another_login_view_opens_no_session(client, sign_in_with_django):
    sign_in_with_django()
    assert (signed_in_as(client), Session.objects.count()) == (None, 0)


def test_after_the_code_the_way_goes_on(client, phone, sign_in_with_django):
    sign_in_with_django()
    assert client.post(VERIFY, {"code": phone.code()}, follow=True).content == b"verified: True"


def test_the_way_from_another_login_view_leads_to_no_other_site(client, phone, sign_in_with_django):
    sign_in_with_django(next="//evil.example")
    assert "evil" not in client.post(VERIFY, {"code": phone.code()}).url


def test_the_administration_opens_with_both_factors(client, alice, phone):
    get_user_model().objects.update(is_staff=True, is_superuser=True)
    sign_in(client, phone)
    assert client.get("/admin/").status_code == 200


def test_the_administration_is_closed_with_the_password_alone(client, alice, phone):
    get_user_model().objects.update(is_staff=True, is_superuser=True)
    give_password(client)
    assert client.get("/admin/").status_code == 302


def test_a_session_opened_by_other_code_is_held(client, alice, phone):
    client.force_login(alice)
    assert client.get("/two-factor/").url.partition("?")[0] == VERIFY


def test_a_held_session_is_gone(client, alice, phone):
    client.force_login(alice)
    client.get("/two-factor/")
    assert (signed_in_as(client), Session.objects.count()) == (None, 0)


@pytest.mark.proves("V-35")
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("address", ["/", "/accounts/profile/", "/two-factor/disable/", "/admin/", SETUP])
def test_a_held_session_shows_no_page(client, alice, phone, method, address):
    client.force_login(alice)
    response = getattr(client, method)(address)
    assert (response.status_code, response.url.partition("?")[0]) == (303, VERIFY)


def test_a_held_session_changes_nothing(client, alice, phone):
    client.force_login(alice)
    client.post("/accounts/profile/", {"name": "Mallory", "language": ""})
    alice.refresh_from_db()
    assert alice.name == ""


def test_a_held_session_goes_on_where_it_was_going(client, alice, phone):
    client.force_login(alice)
    client.get("/accounts/profile/?x=1")
    assert client.post(VERIFY, {"code": phone.code()}).url == "/accounts/profile/?x=1"


def test_a_held_session_says_what_is_missing(client, alice, phone):
    client.force_login(alice)
    assert b"One more step: enter your code." in client.get("/two-factor/", follow=True).content


@pytest.mark.parametrize("storage", ["cookie.Cookie", "session.Session", "fallback.Fallback"])
def test_another_login_view_welcomes_nobody_before_the_code(client, phone, guarded_pages, settings, storage):
    settings.MESSAGE_STORAGE = f"django.contrib.messages.storage.{storage}Storage"
    client.get("/put-into-cart/")
    form = {"username": "alice@example.com", "password": PASSWORD}
    page = client.post(GREETING_LOGIN, form, follow=True).text
    told = ["It is in your cart.", "One more step: enter your code.", "Welcome back."]
    assert [sentence in page for sentence in told] == [True, True, False]


def test_a_held_session_authenticates_nobody_whatever_loads_it(client, alice, phone):
    client.force_login(alice)
    assert signed_in_as(client) is None


def test_a_held_session_is_no_sign_in_yet(client, alice, phone):
    client.force_login(alice)
    alice.refresh_from_db()
    assert alice.last_login is None


def test_a_held_session_goes_nowhere_after_the_password_has_changed(client, alice, phone):
    client.force_login(alice)
    alice.set_password("another good one")
    alice.save()
    assert client.get("/accounts/profile/").url == "/accounts/login/"


def test_a_person_who_has_given_the_code_stays_signed_in_through_another_login_view(
    signed_in_client, guarded_pages
):
    signed_in_client.post(
        DJANGO_LOGIN, {"username": "alice@example.com", "password": PASSWORD, "next": "/unguarded/"}
    )
    assert signed_in_client.get("/unguarded/").content == b"verified: True"


def test_a_code_counts_for_nobody_else_in_the_same_request(client, phone, alice):
    bob = person("bob@example.com")
    enrol(bob)

    def become_bob(sender, request, user, **kwargs):
        if user == alice:
            become.append(request)

    become = []
    user_logged_in.connect(become_bob)
    sign_in(client, phone)
    user_logged_in.disconnect(become_bob)
    login(become[0], bob, backend="accounts.lockout.Backend")
    assert become[0].session["twofactor_amr"] == "held"


def test_a_session_of_someone_without_a_factor_is_not_held(client, alice):
    client.force_login(alice)
    assert client.get("/two-factor/").status_code == 200


def open_unmarked_session(client, user):
    """A session from before this app was installed."""
    client.force_login(user)
    session = client.session
    session.update(session.pop("twofactor_held_login", {}))
    for mark in ("twofactor_amr", "twofactor_auth_at", "twofactor_password_at"):
        session.pop(mark, None)
    session.save()


def test_a_session_without_a_mark_is_held(client, alice, phone):
    open_unmarked_session(client, alice)
    assert client.get("/two-factor/").url.partition("?")[0] == VERIFY


def test_a_session_without_a_mark_goes_on_without_a_factor(client, alice):
    open_unmarked_session(client, alice)
    assert client.get("/two-factor/").status_code == 200


def test_a_session_without_a_mark_is_asked_about_once(client, alice, django_assert_num_queries):
    open_unmarked_session(client, alice)
    client.get("/help/")
    with django_assert_num_queries(1):  # the session and its user
        client.get("/help/")


def test_a_held_session_dies_with_the_password(client, alice, phone):
    client.force_login(alice)
    alice.set_password("another good password")
    alice.save()
    client.get("/two-factor/")
    client.post("/two-factor/verify/", {"code": phone.code()})
    assert signed_in_as(client) is None


def test_a_held_session_of_someone_who_was_deleted_is_answered(client, alice, phone):
    client.force_login(alice)
    alice.delete()
    client.raise_request_exception = False
    assert client.get("/two-factor/").status_code in {302, 303}


def test_a_session_without_a_mark_has_given_no_password_just_now(client, alice):
    open_unmarked_session(client, alice)
    assert client.get(SETUP).url.startswith(CONFIRM)


def test_a_session_that_is_over_leaves_no_row(client, alice):
    open_unmarked_session(client, alice)
    alice.end_sessions()
    client.get("/help/")
    assert not Session.objects.exists()


def test_a_sign_in_without_a_factor_is_remembered_whichever_login_view_it_took(client, alice, guarded_pages):
    client.post(DJANGO_LOGIN, {"username": alice.email, "password": PASSWORD})
    assert Event.objects.filter(kind="signed_in_without_second_factor").count() == 1


def test_a_person_enrolled_elsewhere_keeps_the_sessions_of_others(client, alice, guarded_pages):
    give_password(client)
    enrol(person("bob@example.com"))
    assert client.get("/unguarded/").status_code == 200


def test_nobody_else_is_asked_when_one_person_has_a_factor(client, alice, phone):
    person("bob@example.com")
    give_password(client, "bob@example.com")
    assert (signed_in_as(client).email, Authenticator.objects.count()) == ("bob@example.com", 1)


# What it costs


@pytest.fixture
def without_middleware(settings):
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if name != "twofactor.middleware.TwoFactor"]


def count_queries(client, address="/help/"):
    fresh = Client()  # a client keeps the middleware of its first request
    fresh.cookies = client.cookies
    with CaptureQueriesContext(connection) as captured:
        fresh.get(address)
    return len(captured)


@pytest.mark.proves("S-06")
def test_with_a_factor_an_ordinary_page_costs_a_query_less(signed_in_client, request):
    """It reads session and person together, which Django reads one after the other."""
    signed_in_client.get("/help/")
    with_middleware = count_queries(signed_in_client)
    request.getfixturevalue("without_middleware")
    assert (with_middleware, count_queries(signed_in_client)) == (1, 2)


def test_without_a_factor_an_ordinary_page_costs_as_much_as_without_us(client, alice, request):
    """It asks for the rules, which may have changed since the last request."""
    give_password(client)
    with_middleware = count_queries(client, "/accounts/profile/")
    request.getfixturevalue("without_middleware")
    assert with_middleware == count_queries(client, "/accounts/profile/") == 2


def test_a_stranger_costs_no_query(client, db):
    assert count_queries(client) == 0


def test_a_page_within_the_same_minute_writes_nothing(signed_in_client, clock):
    signed_in_client.get("/help/")
    clock.shift(59)
    assert count_queries(signed_in_client) == 1


def test_a_guarded_page_costs_no_query_more(signed_in_client, guarded_pages):
    signed_in_client.get("/function/")
    assert count_queries(signed_in_client, "/function/") == count_queries(signed_in_client, "/unguarded/")


def test_a_stranger_passes_to_an_async_view_without_a_thread():
    async def view(request):
        assert not (await request.auser()).is_authenticated
        return HttpResponse(str(threading.active_count()))

    request = RequestFactory().get("/")
    request.session, request.user = SessionStore(), AnonymousUser()
    answer = asyncio.run(TwoFactor(view)(request))
    assert answer.text == str(threading.active_count())
