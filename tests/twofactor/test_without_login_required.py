"""Without LoginRequiredMiddleware, our own pages still show strangers nothing."""

import pytest
from django.urls import get_resolver, reverse

from tests.htmx import HTMX
from tests.machinery.test_crawl import writes
from tests.people import NOW
from tests.urls_of_site import example, routes
from twofactor.models import Event

LOGIN_REQUIRED = "django.contrib.auth.middleware.LoginRequiredMiddleware"
ROUTES = routes(get_resolver("twofactor.urls").url_patterns, "two-factor/")
FOR_STRANGERS = {  # links of mails, and the page for someone who cannot sign in
    "two-factor/not-me/<str:token>/",
    "two-factor/recovery/stop/<str:token>/",
    "two-factor/recovery/finish/<str:token>/",
    "two-factor/recovery/stop/",
}
URLS = [example(route) for route in ROUTES if route not in FOR_STRANGERS]
BODY = {"code": "000000", "password": "secret", "saved": "on", "channel": "email", "number": "+491701234567"}


@pytest.fixture(autouse=True)
def without_login_required(settings, db, clock):
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if name != LOGIN_REQUIRED]
    Event.objects.create(user=None, kind="sessions_ended", at=NOW)  # its person was deleted


def test_the_addresses_are_ours():
    assert reverse("twofactor:activity") in URLS
    assert len(URLS) > 20


@pytest.mark.proves("8.2.1-8.2.3")
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("address", URLS)
def test_a_stranger_is_led_to_sign_in_and_writes_nothing(client, address, method, headers):
    with writes() as written:
        answer = getattr(client, method)(address, BODY, headers=headers)
    to = answer.headers.get("Location", answer.headers.get("HX-Redirect", ""))
    assert (to.partition("?")[0], written) == ("/accounts/login/", [])
