"""Sign-ins of other code that open no session of this browser, and people whom a backend keeps in memory."""

import json

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import BACKEND_SESSION_KEY, authenticate, get_user_model
from django.contrib.auth.signals import user_logged_in
from django.http import HttpResponse, JsonResponse
from django.test import AsyncClient, Client
from django.urls import include, path

from tests.people import PASSWORD, person, sign_in
from twofactor import testing
from twofactor.backends import ModelBackend
from twofactor.middleware import TwoFactor

KEPT, ASKED = {}, []


def give_tokens(request):
    """To several people in one request, as GraphQL does."""
    tokens = {}
    for name in json.loads(request.body):
        user = authenticate(request, username=name, password=PASSWORD)
        user_logged_in.send(type(user), request=request, user=user)
        tokens[name] = f"token of {user.pk}"
    return JsonResponse(tokens)


def who(request):
    ASKED.append(request)
    return HttpResponse(f"{request.user} {request.user.is_verified()}")


urlpatterns = [path("tokens/", give_tokens), path("who/", who), path("", include("config.urls"))]


class NameInHeader:
    """A middleware that signs people in without a session."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if name := request.headers.get("X-Name"):
            request.user = authenticate(request, username=name, password=PASSWORD)
            user_logged_in.send(get_user_model(), request=request, user=request.user)
        return self.get_response(request)


class KeepingBackend(ModelBackend):
    def get_user(self, user_id):
        if user_id not in KEPT:
            KEPT[user_id] = super().get_user(user_id)
        return KEPT[user_id]


class Strict(TwoFactor):
    def process_view(self, request, *view):
        return HttpResponse("closed", status=403) if request.path == "/who/" else None


@pytest.fixture(autouse=True)
def bob(db):
    return person("bob@example.com")


@pytest.fixture(autouse=True)
def site(settings):
    left_out = ("LoginRequired", "Csrf", "Axes", "KnownBrowser")
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if not any(word in name for word in left_out)]


@pytest.mark.parametrize("names", [["alice"], ["alice", "bob"], ["bob", "alice"]])
def test_no_token_is_given_where_one_of_several_people_has_a_factor(alice, phone, names):
    emails = [f"{name}@example.com" for name in names]
    answer = Client().post("/tokens/", json.dumps(emails), content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_needed")


def test_people_without_a_factor_get_theirs(bob):
    answer = Client().post("/tokens/", json.dumps([bob.email]), content_type="application/json")
    assert answer.json() == {bob.email: f"token of {bob.pk}"}


def test_no_page_opens_to_whom_a_middleware_has_signed_in_by_the_password_alone(alice, phone, settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.NameInHeader"]
    assert Client().get("/who/", headers={"X-Name": alice.email}).status_code == 403
    assert Client().get("/who/", headers={"X-Name": "bob@example.com"}).status_code == 200


def test_nobody_is_verified_in_the_session_of_someone_who_was_deactivated(client, alice, phone):
    sign_in(client, phone)
    get_user_model().objects.filter(pk=alice.pk).update(is_active=False)
    assert client.get("/who/").text == "AnonymousUser False"


def test_two_sessions_with_one_object_of_a_person_have_answers_of_their_own(client, alice, phone, settings):
    """Also while both requests are answered at once."""
    testing.sign_in(client, alice)
    trusting = Client()
    testing.sign_in(trusting, alice, verified=False)
    settings.AUTHENTICATION_BACKENDS = [f"{__name__}.KeepingBackend", *settings.AUTHENTICATION_BACKENDS]
    for browser in (client, trusting):
        session = browser.session
        session[BACKEND_SESSION_KEY] = f"{__name__}.KeepingBackend"
        session.save()
        assert browser.get("/who/").status_code == 200
    assert [request.user.is_verified() for request in ASKED[-2:]] == [True, False]


def test_a_process_view_of_a_subclass_is_called_under_asgi_too(client, alice, phone, settings):
    sign_in(client, phone)
    able = [name for name in settings.MIDDLEWARE if name.startswith("django.")]
    settings.MIDDLEWARE = [*able, f"{__name__}.Strict"]
    asking = AsyncClient()
    asking.cookies = client.cookies
    assert async_to_sync(asking.get)("/who/").status_code == 403
