"""Browsers that may leave out the second factor. The cookie has the token, the database its hash."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare

from twofactor.models import TrustedBrowser
from twofactor.sessions import epoch
from twofactor.users import TwoFactorUser, is_staff
from twofactor.web import browser_names, cookies

COOKIE = "twofactor_trusted"
AGE = timedelta(days=30)
BROWSERS_PER_PERSON = 10
PEOPLE_PER_BROWSER = 10
TOKEN_BYTES = 32


def may_trust(user: TwoFactorUser) -> bool:
    """Staff give the second factor every time."""
    return not is_staff(user)


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def tokens(request: HttpRequest) -> list[str]:
    """The cookie has one for each person who trusts this browser."""
    return [token for token in cookies.read(request, COOKIE).split(".") if token][:PEOPLE_PER_BROWSER]


def add(request: HttpRequest, response: HttpResponse, user: TwoFactorUser, now: datetime) -> None:
    token = secrets.token_urlsafe(TOKEN_BYTES)
    TrustedBrowser.objects.create(
        user_id=user.pk,
        digest=digest(token),
        session_hash=epoch.auth_hash(user),
        browser=browser_names.name_of(request.headers.get("User-Agent", "")) or "?",
        began_at=now,
        last_used_at=now,
        expires_at=now + AGE,
    )
    newest = TrustedBrowser.objects.filter(user_id=user.pk).order_by("-id")
    TrustedBrowser.objects.filter(
        pk__in=list(newest.values_list("pk", flat=True)[BROWSERS_PER_PERSON:])
    ).delete()
    kept = [token, *working_tokens(tokens(request))][:PEOPLE_PER_BROWSER]
    cookies.write(response, COOKIE, ".".join(kept), max_age=int(AGE.total_seconds()))


def working_tokens(presented: list[str]) -> list[str]:
    rows = TrustedBrowser.objects.filter(digest__in=[digest(token) for token in presented])
    good = set(rows.values_list("digest", flat=True))
    return [token for token in presented if digest(token) in good]


def is_trusted(request: HttpRequest, user: TwoFactorUser, now: datetime) -> bool:
    """To be asked once the password was right. The row decides when it ends, not the cookie."""
    presented = [digest(token) for token in tokens(request)]
    if not presented or not may_trust(user):
        return False
    mine = TrustedBrowser.objects.filter(user_id=user.pk, digest__in=presented, expires_at__gt=now)
    current = epoch.auth_hash(user)
    for found in mine:
        if constant_time_compare(found.session_hash, current):
            TrustedBrowser.objects.filter(pk=found.pk).update(last_used_at=now)
            return True
    return False


def list_trusted(user: TwoFactorUser, now: datetime) -> list[TrustedBrowser]:
    """Those that still work, newest use first. What ends sessions ends trust, too."""
    current = epoch.auth_hash(user)
    mine = TrustedBrowser.objects.filter(user_id=user.pk, expires_at__gt=now).order_by("-last_used_at")
    return [found for found in mine if constant_time_compare(found.session_hash, current)]
