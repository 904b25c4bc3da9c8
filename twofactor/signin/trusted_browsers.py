"""Browsers that may leave out the second factor. The cookie has the token, the database its hash."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from twofactor import events, sealing
from twofactor.devices import AlreadyEnded, describe
from twofactor.models import TrustedBrowser
from twofactor.sessions import epoch
from twofactor.sessions.device_ids import id_of_device
from twofactor.users import TwoFactorUser, is_staff
from twofactor.web import cookies
from twofactor.web.visitor import browser_and_address

COOKIE = "twofactor_trusted"
AGE = timedelta(days=30)
BROWSERS_PER_PERSON = 10
PEOPLE_PER_BROWSER = 10
TOKEN_BYTES = 32
FORGOTTEN = "forgotten browser"  # what the proof for trust_again() is sealed for
UNDO_FOR = timedelta(minutes=10)


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
    newest = TrustedBrowser.objects.filter(user_id=user.pk, expires_at__gt=now).order_by("-id")
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


def forget(pk: int, user: TwoFactorUser, request: HttpRequest) -> str:
    """The row expires, and a session there goes on. Returns the proof that trust_again() takes."""
    now = timezone.now()
    working = TrustedBrowser.objects.filter(pk=pk, user_id=user.pk, expires_at__gt=now)
    browser = working.first()
    with events.atomic():
        if not browser or not working.filter(expires_at=browser.expires_at).update(expires_at=now):
            raise AlreadyEnded
        events.record("browser_forgotten", user, request, device=describe(browser))
    value = [pk, now.isoformat(), browser.expires_at.isoformat(), str(id_of_device(request))]
    return sealing.seal(FORGOTTEN, sealing.owner_of(user.pk), value, now)


def trust_again(proof: str, user: TwoFactorUser, request: HttpRequest) -> TrustedBrowser:
    """Only for the session that has forgotten it, soon after, and if nothing has ended all sessions since.

    The moment in the proof is the one in the row, so each proof works once.
    """
    now, this_session = timezone.now(), str(id_of_device(request))
    try:
        value = sealing.unseal(FORGOTTEN, sealing.owner_of(user.pk), proof, now, UNDO_FOR)
    except sealing.UnsealError:
        raise AlreadyEnded from None
    pk, forgotten_at, until, session = value
    rows = TrustedBrowser.objects.filter(pk=pk, user_id=user.pk, session_hash=epoch.auth_hash(user))
    forgotten = rows.filter(expires_at=datetime.fromisoformat(forgotten_at))
    with events.atomic():
        if session != this_session or not forgotten.update(expires_at=datetime.fromisoformat(until)):
            raise AlreadyEnded
        browser = rows.get()
        events.record("browser_trusted_again", user, request, device=describe(browser))
    return browser
