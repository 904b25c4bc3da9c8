"""The pages of a site that mounts the app stay as its caches need them."""

import pytest
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path

from config.urls import handler400, handler403, handler404, handler500, urlpatterns
from tests.people import give_password

__all__ = ["handler400", "handler403", "handler404", "handler500"]

HTMX = {"HX-Request": "true"}


@login_not_required
def catalogue(request):
    return HttpResponse("for everyone")


@login_not_required
def rendered(request):
    return render(request, "twofactor/mail/code_subject.txt")


urlpatterns = [*urlpatterns, path("catalogue/", catalogue), path("rendered/", rendered)]
pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]
PUBLIC = pytest.mark.parametrize("address", ["/catalogue/", "/rendered/", "/no-such-page/"])


@pytest.fixture(autouse=True)
def middleware_of_another_site(settings):
    """That of startproject, with ours. LoginRequiredMiddleware would read the session for each page."""
    ours = (
        "config.",
        "accounts.",
        "axes.",
        "django.middleware.locale",
        "django.contrib.auth.middleware.Login",
    )
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if not name.startswith(ours)]


@PUBLIC
def test_a_page_for_strangers_varies_with_nothing_and_sets_no_cookie(client, address):
    answer = client.get(address)
    assert (answer.get("Vary"), dict(answer.cookies)) == (None, {})


@PUBLIC
def test_an_answer_for_htmx_says_so(client, address):
    assert "HX-Request" in client.get(address, headers=HTMX)["Vary"]


def test_a_page_of_ours_says_so(client):
    assert "HX-Request" in client.get("/accounts/login/")["Vary"]


@pytest.mark.proves("14.2.2")
@pytest.mark.parametrize("address", ["/two-factor/", "/two-factor/setup/", "/two-factor/devices/"])
def test_no_page_of_ours_is_stored(client, alice, address):
    give_password(client)
    assert client.get(address)["Cache-Control"] == "no-store, private"


def test_a_person_who_is_signed_in_gets_a_page_of_their_own(client, alice):
    give_password(client)
    assert "Cookie" in client.get("/catalogue/")["Vary"]
