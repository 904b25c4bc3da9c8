"""Where Django's messages wait until a page shows them."""

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage


class PrefixedCookieStorage(CookieStorage):
    """Messages in a signed cookie, so that a visitor without a session gets them, too."""

    cookie_name = f"{settings.COOKIE_PREFIX}messages"
