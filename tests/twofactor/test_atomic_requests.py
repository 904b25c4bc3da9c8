"""In a site that wraps each view in a transaction (ATOMIC_REQUESTS), as many do."""

import pytest
from django.contrib.auth import authenticate, login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.signals import user_logged_in
from django.db import connection
from django.db.models.signals import post_save
from django.http import HttpResponse
from django.test import Client
from django.urls import path

from config.urls import handler400, handler403, handler404, handler500, urlpatterns
from tests.people import PASSWORD, enrol, give_password, person, signed_in_as
from tests.twofactor.code_forms import enter_code, step_up
from twofactor.decorators import recently_confirmed
from twofactor.models import Event, GuessBudget
from twofactor.signin.pending import after_password

__all__ = ["handler400", "handler403", "handler404", "handler500"]

VERIFY = "/two-factor/verify/"


# Views of the site


def alice_with_password(request):
    return authenticate(request, username="alice@example.com", password=PASSWORD)


@login_not_required
def own_login(request):
    return after_password(request, alice_with_password(request), "/two-factor/")


@login_not_required
def django_login(request):
    login(request, alice_with_password(request))
    return HttpResponse("signed in")


@login_not_required
def failing_login(request):
    login(request, alice_with_password(request))
    raise RuntimeError


@recently_confirmed()
def show_transaction(request):
    return HttpResponse(str(connection.in_atomic_block))


urlpatterns = [
    *urlpatterns,
    path("own/login/", own_login),
    path("plain/login/", django_login),
    path("failing/login/", failing_login),
    path("dangerous/", show_transaction),
]


@pytest.fixture(autouse=True)
def atomic_requests(transactional_db, clock, settings, monkeypatch):
    settings.ROOT_URLCONF = __name__
    monkeypatch.setitem(settings.DATABASES["default"], "ATOMIC_REQUESTS", True)


@pytest.fixture
def phone():
    return enrol(person())


@pytest.fixture
def client():
    return Client(raise_request_exception=False)


def test_a_right_code_signs_in(client, phone):
    give_password(client)
    assert (enter_code(client, phone.code()).status_code, bool(signed_in_as(client))) == (303, True)


@pytest.mark.proves("C-06")
def test_a_guess_is_counted_even_when_the_answer_breaks(client, phone):
    def breaks(sender, **kwargs):
        raise RuntimeError

    give_password(client)
    post_save.connect(breaks, Event)
    answer = enter_code(client, "000000").status_code
    post_save.disconnect(breaks, Event)
    assert (answer, GuessBudget.objects.get().failures) == (500, 1)


def test_a_right_code_is_spent_even_when_the_answer_breaks(clock, client, phone):
    def breaks(sender, **kwargs):
        raise RuntimeError

    give_password(client)
    user_logged_in.connect(breaks)
    enter_code(client, phone.code())
    user_logged_in.disconnect(breaks)
    give_password(client)
    assert b"You&#x27;ve already used that code" in enter_code(client, phone.code()).content


def test_a_login_view_of_the_site_hands_over(client, phone):
    assert client.get("/own/login/").url == f"{VERIFY}?next=%2Ftwo-factor%2F"
    assert enter_code(client, phone.code()).url == "/two-factor/"


def test_a_login_view_that_knows_nothing_of_us_is_held(client, phone):
    assert client.get("/plain/login/").url == f"{VERIFY}?next=%2Fplain%2Flogin%2F"
    assert (enter_code(client, phone.code()).status_code, bool(signed_in_as(client))) == (303, True)


def test_a_login_view_of_other_code_signs_in_someone_without_a_factor(client):
    person()
    client.get("/plain/login/")
    assert (signed_in_as(client).email, Event.objects.count()) == ("alice@example.com", 1)


@pytest.mark.parametrize("on", [True, False])
def test_a_login_view_that_breaks_signs_nobody_in(client, on):
    alice = person()
    if on:
        enrol(alice)
    client.get("/failing/login/")
    assert signed_in_as(client) is None


def test_a_page_of_the_site_keeps_its_transaction_behind_our_guard(client, phone, clock):
    give_password(client)
    enter_code(client, phone.code())
    clock.shift(60)
    step_up(client, phone)
    assert client.get("/dangerous/").text == "True"
