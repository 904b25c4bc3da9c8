"""Browsers that people trust, and whether they may leave out the code."""

from django.conf import settings
from django.test import Client

from tests.people import give_password
from twofactor.models import TrustedBrowser

VERIFY = "/two-factor/verify/"


def new_trusted_client(phone, email="alice@example.com", client=None, **headers):
    """A browser that signed in with the box ticked, and has been closed since."""
    client = client or Client(headers=headers)
    give_password(client, email)
    client.post(VERIFY, {"code": phone.code(), "trust_browser": "on"})
    forget_session(client)
    return client


def trust_browser(client, phone):
    """Sign in with the box ticked; the row of the browser."""
    give_password(client)
    client.post(VERIFY, {"code": phone.code(), "trust_browser": "on"})
    return TrustedBrowser.objects.get()


def forget_session(client):
    client.cookies.pop(settings.SESSION_COOKIE_NAME, None)


def skips_the_code(client, email="alice@example.com"):
    forget_session(client)
    return give_password(client, email).url != VERIFY


def forget_url(browser):
    return f"/two-factor/browsers/{browser.pk}/forget/"
