"""Browsers that may leave out the second factor. The cookie has the token, the database its hash."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare

from twofactor.models import TrustedBrowser
from twofactor.sessions import epoch
from twofactor.users import TwoFactorUser, is_staff
from twofactor.web import cookies
from twofactor.web.visitor import browser_and_address

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


def add(request: HttpRequest, response: HttpResponse, user: TwoFactorUser, now: datetime) -> TrustedBrowser:
    token = secrets.token_urlsafe(TOKEN_BYTES)
    added = TrustedBrowser.objects.create(
        user_id=user.pk,
        digest=digest(token),
        session_hash=epoch.auth_hash(user),
        began_at=now,
        expires_at=now + AGE,
        last_used_at=now,
        **browser_and_address(request),
    )
    newest = TrustedBrowser.objects.filter(user_id=user.pk).order_by("-id")
    TrustedBrowser.objects.filter(
        pk__in=list(newest.values_list("pk", flat=True)[BROWSERS_PER_PERSON:])
    ).delete()
    kept = [token, *working_tokens(tokens(request))][:PEOPLE_PER_BROWSER]
    cookies.write(response, COOKIE, ".".join(kept), max_age=int(AGE.total_seconds()))
    return added


def working_tokens(presented: list[str]) -> list[str]:
    rows = TrustedBrowser.objects.filter(digest__in=[digest(token) for token in presented])
    good = set(rows.values_list("digest", flat=True))
    return [token for token in presented if digest(token) in good]


def use(request: HttpRequest, user: TwoFactorUser, now: datetime) -> TrustedBrowser | None:
    """To be asked once the password was right. The row decides when it ends, not the cookie."""
    presented = [digest(token) for token in tokens(request)]
    if not presented or not may_trust(user):
        return None
    mine = TrustedBrowser.objects.filter(user_id=user.pk, digest__in=presented, expires_at__gt=now)
    current = epoch.auth_hash(user)
    for found in mine:
        if constant_time_compare(found.session_hash, current):
            TrustedBrowser.objects.filter(pk=found.pk).update(
                last_used_at=now, **browser_and_address(request)
            )
            return found
    return None
