"""Browsers in which a person has signed in before. Each has tries of its own, so strangers lock nobody out.

A cookie holds a token for each person who signs in with the browser. Everything else is in the token's row,
because a browser can send an old copy of the cookie, or a stolen one.
"""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.signals import user_logged_in
from django.db.models import QuerySet
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.models import KnownBrowser, User
from twofactor import events, sealing, statements
from twofactor.api import client_tokens
from twofactor.operations import prune
from twofactor.signals import said_not_me, signed_in_over_api
from twofactor.signin.trusted_browsers import digest
from twofactor.users import TwoFactorUser, signed_in_user
from twofactor.web import cookies

COOKIE = "accounts_known"
AGE = timedelta(days=90)
PURPOSE = "known browser"
PEOPLE_PER_BROWSER = 5
BROWSERS_PER_PERSON = 10  # the newest are kept
TOKEN_BYTES = 32
LAST_TRY = 100  # wrong passwords in a row (password_tries.py); then the browser counts as unknown


def read_digests(request: HttpRequest) -> list[str]:
    tokens = [token for token in cookies.read(request, COOKIE).split(".") if token]
    return [digest(token) for token in tokens[:PEOPLE_PER_BROWSER]]


def state_of(user: User) -> str:
    """Changes with a new password and with signing out everywhere; a row with another state is not known."""
    return f"{user.pk}|{user.password}|{user.security_epoch}"


def find(request: HttpRequest, email: str, now: datetime) -> KnownBrowser | None:
    """The row that counts the tries of this browser for this person."""
    for presented in read_digests(request):  # mostly one: of whoever uses this browser
        row: KnownBrowser | None = browser_of_person(presented, email, now)
        if row is None or row.in_a_row >= LAST_TRY:
            continue
        if sealing.has_fingerprint(PURPOSE, state_of(row.user), row.state):
            return row
    return None


@statements.row
def browser_of_person(digest: str, email: str, now: datetime) -> Any:
    known = KnownBrowser.objects.filter(digest=digest, user__email=email, expires_at__gt=now)
    return known.select_related("user")


@statements.row
def browser_with_digest(digest: str, now: datetime) -> Any:
    return KnownBrowser.objects.filter(digest=digest, expires_at__gt=now)


@statements.update
def renew_known_browser(digest: str, user_id: Any, state: str, now: datetime, new: dict[str, Any]) -> Any:
    same = KnownBrowser.objects.filter(digest=digest, user_id=user_id, state=state, expires_at__gt=now)
    return same, new


@statements.update
def renew_browser(digest: str, new: dict[str, Any]) -> Any:
    return KnownBrowser.objects.filter(digest=digest), new


def remember(request: HttpRequest, response: HttpResponse, user: User, now: datetime) -> bool:
    """Set a new token for this person, in place of the old one. Returns whether the old one was valid."""
    tokens = {digest(token): token for token in cookies.read(request, COOKIE).split(".") if token}
    token, state = secrets.token_urlsafe(TOKEN_BYTES), sealing.fingerprint(PURPOSE, state_of(user))
    fresh = {
        "digest": digest(token),
        "state": state,
        "tries": 0,
        "in_a_row": 0,
        "last_try_at": None,
        "expires_at": now + AGE,
    }
    presented = next(iter(tokens), "")
    if len(tokens) == 1 and renew_known_browser(presented, user.pk, state, now, fresh):  # as mostly
        write_cookie(response, [token])
        return True
    rows = [browser_with_digest(presented, now) for presented in read_digests(request)]
    found = {row.digest: row for row in rows if row}
    mine = [known for known, row in found.items() if row.user_id == user.pk]
    # A token from before a new password may be a stolen copy: such a browser counts as a new one.
    is_known = any(sealing.has_fingerprint(PURPOSE, state_of(user), found[known].state) for known in mine)
    if not mine or not renew_browser(mine[0], fresh):
        statements.insert(KnownBrowser(user_id=user.pk, **fresh))
        # Sorted in Python: to sort, PostgreSQL may read the index on the dates of all people.
        dated = sorted(KnownBrowser.objects.filter(user_id=user.pk).values_list("expires_at", "pk"))
        too_many = [pk for _, pk in dated[:-BROWSERS_PER_PERSON]]
        if too_many:
            KnownBrowser.objects.filter(pk__in=too_many).delete()
    others = [tokens[known] for known in found if known not in mine]
    write_cookie(response, [token, *others][:PEOPLE_PER_BROWSER])
    return is_known


def write_cookie(response: HttpResponse, tokens: list[str]) -> None:
    cookies.write(response, COOKIE, ".".join(tokens), max_age=int(AGE.total_seconds()))


def expired_rows(now: datetime) -> QuerySet[KnownBrowser]:
    return KnownBrowser.objects.filter(expires_at__lt=now)


prune.OTHER_APPS["known browsers"] = expired_rows


class SignedInRequest(HttpRequest):
    signed_in_before: bool
    """The person had signed in before, in any browser. Set only when a session is opened."""


@receiver(user_logged_in, dispatch_uid="accounts.known_browsers.mark_request")
def mark_request(sender: Any, request: SignedInRequest | None, user: TwoFactorUser, **kwargs: Any) -> None:
    """Runs before twofactor sets last_login, because accounts stands before twofactor in INSTALLED_APPS."""
    if request is not None:
        request.signed_in_before = user.last_login is not None


class KnownBrowserMiddleware:
    """Remembers the browser after a sign-in, and again when its person changes the password or the factors.

    A person who has signed in before, but not in this browser, is told by mail.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        hash_before = request.session.get(HASH_SESSION_KEY)
        response = self.get_response(request)
        signed_in = hasattr(request, "signed_in_before")
        changed = hash_before is not None and hash_before != request.session.get(HASH_SESSION_KEY)
        if (signed_in or changed) and SESSION_KEY in request.session:  # not while the code is still missing
            was_known = remember(request, response, request.user, timezone.now())  # type: ignore[arg-type]
            if signed_in and request.signed_in_before and not was_known:  # type: ignore[attr-defined]
                events.record("new_browser", signed_in_user(request), request)
        return response


@receiver(said_not_me, dispatch_uid="accounts.known_browsers.forget_all")
def forget_all(sender: Any, user: TwoFactorUser, **kwargs: Any) -> None:
    """Nobody knows in which it was someone else. The next sign-in in each is told by mail again."""
    KnownBrowser.objects.filter(user_id=user.pk).delete()


@receiver(signed_in_over_api, dispatch_uid="accounts.known_browsers.tell_of_new_client")
def tell_of_new_client(sender: Any, request: HttpRequest, user: TwoFactorUser, **kwargs: Any) -> None:
    if user.last_login is not None and not client_tokens.is_known(user, request, timezone.now()):
        events.record("new_browser", user, request)
