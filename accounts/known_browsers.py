"""Browsers in which people have signed in before. Each has tries of its own: strangers lock nobody out.

The browser keeps a token for each of its people. What a token is worth stands in its row: a browser may bring
back an old copy of its cookie, or a stolen one.
"""

import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.models import KnownBrowser, User
from twofactor import events, sealing
from twofactor.clocks import CLOCKS_APART
from twofactor.operations import prune
from twofactor.web import cookies

COOKIE = "accounts_known"
AGE = timedelta(days=90)
PURPOSE = "known browser"
PEOPLE_PER_BROWSER = 5
BROWSERS_PER_PERSON = 10  # the newest
TOKEN_BYTES = 32
LIMIT = 5  # wrong passwords within COOL_OFF, wherever the browser is
COOL_OFF = timedelta(minutes=15)
LAST_TRY = 100  # in a row; then the browser is one like any other


def read_digests(request: HttpRequest) -> list[str]:
    tokens = [token for token in cookies.read(request, COOKIE).split(".") if token]
    return [digest(token) for token in tokens[:PEOPLE_PER_BROWSER]]


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def state_of(user: User) -> str:
    """What a row is bound to: a new password ends it, and so does signing out everywhere."""
    return f"{user.pk}|{user.password}|{user.security_epoch}"


def find(request: HttpRequest, email: str, now: datetime) -> KnownBrowser | None:
    """The row that this browser's tries for this person count in."""
    presented = read_digests(request)
    if not presented:
        return None
    rows = KnownBrowser.objects.filter(
        digest__in=presented, user__email=email, expires_at__gt=now, in_a_row__lt=LAST_TRY
    )
    for row in rows.select_related("user"):
        if sealing.has_fingerprint(PURPOSE, state_of(row.user), row.state):
            return row
    return None


def is_recent(now: datetime) -> Q:
    return Q(last_try_at__gt=now - COOL_OFF, last_try_at__lte=now + CLOCKS_APART)


def recent_tries(row: KnownBrowser, now: datetime) -> int:
    at = row.last_try_at
    return row.tries if at and now - COOL_OFF < at <= now + CLOCKS_APART else 0


def charge(row: KnownBrowser, now: datetime) -> bool:
    """One try, paid for before the password is looked at. One UPDATE counts and decides."""
    free = KnownBrowser.objects.filter(~is_recent(now) | Q(last_try_at=None) | Q(tries__lt=LIMIT))
    charged = free.filter(pk=row.pk, in_a_row__lt=LAST_TRY).update(
        tries=Case(When(is_recent(now), then=F("tries") + 1), default=Value(1)),
        in_a_row=F("in_a_row") + 1,
        last_try_at=now,
    )
    return charged == 1


def give_back(row: KnownBrowser) -> None:
    """The password was right."""
    charged = KnownBrowser.objects.filter(pk=row.pk, tries__gt=0, in_a_row__gt=0)
    charged.update(tries=F("tries") - 1, in_a_row=F("in_a_row") - 1)


def remember(request: HttpRequest, response: HttpResponse, user: User, now: datetime) -> bool:
    """A new token for this person, in place of the one there was; whether that one was still good."""
    tokens = {digest(token): token for token in cookies.read(request, COOKIE).split(".") if token}
    rows = KnownBrowser.objects.filter(digest__in=read_digests(request), expires_at__gt=now)
    found = {row.digest: row for row in rows} if tokens else {}
    mine = [known for known, row in found.items() if row.user_id == user.pk]
    # One from before a new password may be a stolen copy: its owner is told.
    is_known = any(sealing.has_fingerprint(PURPOSE, state_of(user), found[known].state) for known in mine)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    fresh = {
        "digest": digest(token),
        "state": sealing.fingerprint(PURPOSE, state_of(user)),
        "tries": 0,
        "in_a_row": 0,
        "last_try_at": None,
        "expires_at": now + AGE,
    }
    if not mine or not KnownBrowser.objects.filter(digest=mine[0]).update(**fresh):
        KnownBrowser.objects.create(user_id=user.pk, **fresh)
        # Sorted here: asked to sort, a database may walk through the dates of everybody.
        dated = sorted(KnownBrowser.objects.filter(user_id=user.pk).values_list("expires_at", "pk"))
        too_many = [pk for _, pk in dated[:-BROWSERS_PER_PERSON]]
        if too_many:
            KnownBrowser.objects.filter(pk__in=too_many).delete()
    others = [tokens[known] for known in found if known not in mine]
    kept = [token, *others][:PEOPLE_PER_BROWSER]
    cookies.write(response, COOKIE, ".".join(kept), max_age=int(AGE.total_seconds()))
    return is_known


def expired(now: datetime) -> QuerySet[KnownBrowser]:
    return KnownBrowser.objects.filter(expires_at__lt=now)


prune.OTHER_APPS["known browsers"] = expired


class Remember:
    """After a sign-in the browser is known. It stays so when its own person changes password or factors.

    A person who has signed in before, and not with this browser, is told.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        before = request.session.get(HASH_SESSION_KEY)
        response = self.get_response(request)
        signed_in = hasattr(request, "signed_in_before")
        changed = before is not None and before != request.session.get(HASH_SESSION_KEY)
        if (signed_in or changed) and SESSION_KEY in request.session:  # not where the code is still missing
            was_known = remember(request, response, request.user, timezone.now())  # type: ignore[arg-type]
            if signed_in and not was_known and vars(request)["signed_in_before"]:
                events.record("new_browser", request.user, request)
        return response
