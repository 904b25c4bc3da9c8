"""Browsers that may leave out the second factor. The cookie has the token, the database its hash.

A row `without_factor` is of someone who has none: their browser leaves out the code that confirms a sign-in
(confirmation.py), and such a row never stands for the other.
"""

import hashlib
import secrets
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from twofactor import conf, events
from twofactor.clocks import CLOCKS_APART
from twofactor.devices import AlreadyEnded, describe
from twofactor.models import TrustedBrowser
from twofactor.sessions import epoch
from twofactor.users import TwoFactorUser, is_staff
from twofactor.web import cookies
from twofactor.web.visitor import browser_and_address

COOKIE = "twofactor_trusted"
BROWSERS_PER_PERSON = 10
PEOPLE_PER_BROWSER = 10
TOKEN_BYTES = 32


def may_trust(user: TwoFactorUser, *, without_factor: bool = False) -> bool:
    """Staff give the second factor every time."""
    if without_factor:
        return bool(conf.trusted_age()) and conf.code_without_app() == conf.NEW_BROWSERS
    return bool(conf.trusted_age()) and not is_staff(user)


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def tokens(request: HttpRequest) -> list[str]:
    """The cookie has one for each person who trusts this browser."""
    return [token for token in cookies.read(request, COOKIE).split(".") if token][:PEOPLE_PER_BROWSER]


def add(
    request: HttpRequest,
    response: HttpResponse,
    user: TwoFactorUser,
    now: datetime,
    *,
    without_factor: bool = False,
) -> TrustedBrowser:
    token = secrets.token_urlsafe(TOKEN_BYTES)
    added = TrustedBrowser.objects.create(
        user_id=user.pk,
        digest=digest(token),
        session_hash=epoch.auth_hash(user),
        began_at=now,
        expires_at=now + conf.trusted_age(),
        last_used_at=now,
        without_factor=without_factor,
        **browser_and_address(request),
    )
    keep_newest(user, now)
    kept = [token, *working_tokens(tokens(request))][:PEOPLE_PER_BROWSER]
    cookies.write(response, COOKIE, ".".join(kept), max_age=int(conf.trusted_age().total_seconds()))
    return added


def keep_newest(user: TwoFactorUser, now: datetime) -> None:
    newest = TrustedBrowser.objects.filter(user_id=user.pk, expires_at__gt=now).order_by("-id")
    TrustedBrowser.objects.filter(
        pk__in=list(newest.values_list("pk", flat=True)[BROWSERS_PER_PERSON:])
    ).delete()


def working_tokens(presented: list[str]) -> list[str]:
    rows = TrustedBrowser.objects.filter(digest__in=[digest(token) for token in presented])
    good = set(rows.values_list("digest", flat=True))
    return [token for token in presented if digest(token) in good]


def use(
    request: HttpRequest, user: TwoFactorUser, now: datetime, *, without_factor: bool = False
) -> TrustedBrowser | None:
    """To be asked once the password was right."""
    found = find(request, user, now, without_factor=without_factor)
    if found:
        seen = browser_and_address(request)
        TrustedBrowser.objects.filter(pk=found.pk).update(last_used_at=now, **seen)
    return found


def find(
    request: HttpRequest, user: TwoFactorUser, now: datetime, *, without_factor: bool = False
) -> TrustedBrowser | None:
    """The row decides when it ends, not the cookie. A setting that was lowered since holds for it, too."""
    presented = [digest(token) for token in tokens(request)]
    if not presented or not may_trust(user, without_factor=without_factor):
        return None
    working = TrustedBrowser.objects.filter(expires_at__gt=now, began_at__gt=now - conf.trusted_age())
    mine = working.filter(user_id=user.pk, digest__in=presented, without_factor=without_factor)
    current = epoch.auth_hash(user)
    for found in mine:
        if constant_time_compare(found.session_hash, current):
            return found
    return None


# Of each row its key, when it was forgotten, and until when it was good.
Forgotten = list[tuple[int, str, str]]


def forget(user: TwoFactorUser, request: HttpRequest, pk: int | None = None) -> Forgotten:
    """One browser, or all. Sessions there go on. Returns what trust_again() takes.

    The rows expire, by the clock of each server, and are deleted when they can be trusted again no more
    (operations/prune.py).
    """
    now, forgotten = timezone.now(), []
    working = TrustedBrowser.objects.filter(user_id=user.pk, expires_at__gt=now)
    with events.atomic():
        browsers = list((working.filter(pk=pk) if pk else working).order_by("pk"))
        over = now - CLOCKS_APART
        for each in browsers:
            if working.filter(pk=each.pk, expires_at=each.expires_at).update(expires_at=over):
                forgotten.append((each.pk, over.isoformat(), each.expires_at.isoformat()))
        if not forgotten:
            raise AlreadyEnded
        if pk:
            events.record("browser_forgotten", user, request, device=describe(browsers[0]))
        else:
            events.record("browsers_forgotten", user, request)
    return forgotten


def trust_again(forgotten: Forgotten, user: TwoFactorUser, request: HttpRequest) -> list[TrustedBrowser]:
    """Returns those for which nothing has changed meanwhile. Nothing that ends all sessions may have.

    The moment at which it was forgotten is the one in the row, so each works once.
    """
    now, keys = timezone.now(), []
    kinds = [kind for kind in (True, False) if may_trust(user, without_factor=kind)]
    rows = TrustedBrowser.objects.filter(
        user_id=user.pk, session_hash=epoch.auth_hash(user), without_factor__in=kinds
    )
    with events.atomic():
        for pk, forgotten_at, until in forgotten:
            ends_at = datetime.fromisoformat(until)
            row = rows.filter(pk=pk, expires_at=datetime.fromisoformat(forgotten_at))
            if ends_at > now and row.update(expires_at=ends_at):
                keys.append(pk)
        keep_newest(user, now)
        again = list(rows.filter(pk__in=keys).order_by("pk"))
        for browser in again:
            device = describe(browser)
            events.record("browser_trusted_again", user, request, browser.pk, device=device)
    return again
