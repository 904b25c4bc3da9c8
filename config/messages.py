from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage


class PrefixedCookieStorage(CookieStorage):
    """In a signed cookie: a visitor who has not signed in needs no session row to be told something."""

    cookie_name = f"{settings.COOKIE_PREFIX}messages"
