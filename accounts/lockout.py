"""Who may still try a password: django-axes, with rows of our own counting.

Three limits count together: a person from one address, an address whoever it tries, and a person from
browsers they have never signed in with. A browser they have signed in with has a count of its own, so that
strangers cannot lock the owner out.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.signals import user_logged_in
from django.db import IntegrityError, transaction
from django.db.models import Case, F, Q, Value, When
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from twofactor import cookies, events, signin, vault
from twofactor.api import clients
from twofactor.budget import CLOCKS_APART
from twofactor.email_address import normalise
from twofactor.http import client_address, has_address, seconds_until
from twofactor.signals import signed_in_over_api
from twofactor.templatetags.two_factor import wait

COOL_OFF = timedelta(minutes=15)
LIMIT = 5  # one person, one address (or one known browser)
ADDRESS_LIMIT = 50
STRANGERS_LIMIT = 100  # in a row; then the password has to be reset by mail
NAME_LENGTH = 150
STRANGERS = "strangers"  # stands where the browser's name would, in the row that counts them
ANYWHERE = "255.255.255.255"  # and this, which nobody has, where their address would
NEVER = datetime.max.replace(tzinfo=UTC)

COOKIE = "known"
COOKIE_AGE = timedelta(days=365)
PURPOSE = "known browser"
PEOPLE_PER_BROWSER = 5


def username(request: HttpRequest, credentials: dict[str, Any]) -> str:
    """AXES_USERNAME_CALLABLE: whose tries are counted."""
    return counted(typed(credentials))


def typed(credentials: dict[str, Any]) -> str:
    return str(credentials.get("username", "")).replace("\0", "")


def counted(name: str) -> str:
    """One spelling, so that ALICE has no tries that alice has used up; cut to what a column has room for."""
    return normalise(name)[:NAME_LENGTH]


class Handler(AxesDatabaseHandler):  # type: ignore[misc]  # axes has no types
    """Counts in one row per person and address, stores nothing of what was typed, and never cleans up.

    Cleaning is the work of `prune`: axes would do it inside somebody's sign-in.
    """

    def is_locked(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> bool:
        return tallies(request, credentials or {}).locked_until() is not None

    def user_login_failed(
        self, sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any
    ) -> None:
        if request is None:
            raise ValueError("authenticate() needs the request: a failure that nobody counts is a free guess")
        vars(request)["axes_credentials"] = credentials
        if getattr(request, "axes_locked_out", False):
            note("password_locked", request, credentials)
            return  # a refused try does not make the wait longer
        name, address, now = username(request, credentials), client_address(request), timezone.now()
        known = known_as(request, name)
        count(known or name, address, now)
        if not known:
            count(name, ANYWHERE, now, browser=STRANGERS)
        found = tallies(request, credentials)
        vars(request)["axes_locked_out"] = found.locked_until() is not None
        vars(request)["last_try"] = found.mine == LIMIT - 1
        note("password_locked" if found.locked_until() else "password_refused", request, credentials)

    def user_logged_in(self, sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
        """Only after a whole sign-in: some other app's login view knows the password alone."""
        if signin.method_of(request, user) != signin.HELD:
            forget(request, user)

    def user_logged_out(self, sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
        pass

    def post_save_access_attempt(self, instance: Any, **kwargs: Any) -> None:
        pass

    def post_delete_access_attempt(self, instance: Any, **kwargs: Any) -> None:
        pass


def note(kind: str, request: HttpRequest, credentials: dict[str, Any]) -> None:
    """Whether or not there is such a person, one more question is asked about them."""
    who = User.objects.filter(email=normalise(typed(credentials))).values_list("pk", flat=True).first()
    events.note(kind, who, request, method="password")


def forget(request: HttpRequest, user: Any) -> None:
    """In one DELETE: this person's count here, and the count of strangers, whose row is then broken."""
    name = counted(user.get_username())
    here = Q(username__in=[name, known_as(request, name) or name], ip_address=client_address(request))
    rows = AccessAttempt.objects.filter(here | Q(username=name, user_agent=STRANGERS))
    rows._raw_delete(rows.db)  # delete() would load them first, because axes listens to it


def count(name: str, address: str, now: datetime, browser: str = "") -> None:
    """One UPDATE; a count that is too old begins anew, unless it is that of strangers."""
    place = {"username": name, "ip_address": address, "user_agent": browser}
    row = AccessAttempt.objects.filter(**place)
    more = F("failures_since_start") + 1
    anew = Case(When(attempt_time__gt=now - COOL_OFF, then=more), default=Value(1))
    tries = more if browser == STRANGERS else anew
    if row.update(failures_since_start=tries, attempt_time=now):
        return
    try:
        with transaction.atomic():
            AccessAttempt.objects.create(**place, failures_since_start=1)
    except IntegrityError:  # another try was first
        row.update(failures_since_start=tries, attempt_time=now)


@dataclass(frozen=True)
class Tallies:
    """Every count that can matter, and when the last try was that went into it."""

    mine: int
    mine_at: datetime | None
    address: int
    address_at: datetime | None
    strangers: int

    def locked_until(self) -> datetime | None:
        """None when there is a try left; NEVER when only a new password helps."""
        ends = [NEVER] if self.strangers >= STRANGERS_LIMIT else []
        if self.mine >= LIMIT and self.mine_at:
            ends.append(self.mine_at + COOL_OFF)
        if self.address >= ADDRESS_LIMIT and self.address_at:
            ends.append(self.address_at + COOL_OFF)
        return max(ends, default=None)


def tallies(request: HttpRequest, credentials: dict[str, Any]) -> Tallies:
    """In one query. To a known browser, only its own count matters."""
    name, address = username(request, credentials), client_address(request)
    known = known_as(request, name)
    now = timezone.now()
    fresh = Q(ip_address=address, attempt_time__gt=now - COOL_OFF)
    if not has_address(address):
        fresh &= Q(username=name)
    mine = fresh & Q(username=known)
    strangers = Q(username=name, user_agent=STRANGERS)
    # Told apart and added up here: there are some fifty rows at the most, and Django is slow to write more.
    found = AccessAttempt.objects.filter(mine if known else fresh | strangers).values_list(
        "username", "user_agent", "failures_since_start", "attempt_time"
    )
    in_time = [
        (who, tries, at)
        for who, browser, tries, at in found
        if browser != STRANGERS and at <= now + CLOCKS_APART
    ]
    own = [(tries, at) for who, tries, at in in_time if who == (known or name)]
    return Tallies(
        mine=sum(tries for tries, _ in own),
        mine_at=max((at for _, at in own), default=None),
        address=sum(tries for _, tries, _ in in_time),
        address_at=max((at for *_, at in in_time), default=None),
        strangers=sum(tries for _, browser, tries, _ in found if browser == STRANGERS),
    )


def forget_strangers(name: str) -> None:
    """The password is a new one: what they tried was the old one."""
    AccessAttempt.objects.filter(username=counted(name), user_agent=STRANGERS).delete()


def response(request: HttpRequest, original: HttpResponse, credentials: dict[str, Any]) -> HttpResponse:
    """AXES_LOCKOUT_CALLABLE: the same page whether or not there is such a person."""
    until = tallies(request, credentials or {}).locked_until() or timezone.now() + COOL_OFF
    if original.headers.get("Content-Type") == "application/json":
        page: HttpResponse = JsonResponse({"detail": sentence(until), "code": "locked"}, status=429)
    else:
        shown = {"until": until if until < NEVER else None}
        page = render(request, "accounts/locked.html", shown, status=429)
    page.headers["Retry-After"] = str(seconds_until(min(until, timezone.now() + timedelta(days=1))))
    return page


def sentence(until: datetime) -> str:
    """As on the page."""
    if until == NEVER:
        return _("The wrong password was entered too many times. Reset your password to sign in again.")
    said = _(
        "The wrong password was entered too many times. "
        "You can try again in %(wait)s, at about %(time)s (UTC)."
    )
    return said % {"wait": wait(until), "time": f"{until:%H:%M}"}


def opened(request: HttpRequest) -> dict[str, Any]:
    try:
        found = vault.unseal(PURPOSE, "", cookies.read(request, COOKIE), timezone.now(), COOKIE_AGE)
    except vault.Unopenable:
        return {"id": secrets.token_hex(8), "people": []}
    return dict(found)


def known_as(request: HttpRequest, name: str) -> str | None:
    """The name under which this browser's own tries for this person are counted."""
    browser = opened(request)
    return f"{name} {browser['id']}" if name in browser["people"] else None


class KnownBrowser:
    """After a sign-in, the browser takes home a sealed note of who has signed in with it.

    A person who has signed in before, and not with this one, is told.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        name = getattr(request, "signed_in_as", None)
        if name and SESSION_KEY in request.session:  # not where the code is still missing
            browser = opened(request)
            if name not in browser["people"] and vars(request)["signed_in_before"]:
                events.record("new_browser", request.user, request)
            others = [person for person in browser["people"] if person != name]
            browser["people"] = [name, *others][:PEOPLE_PER_BROWSER]
            note = vault.seal(PURPOSE, "", browser, timezone.now())
            cookies.write(response, COOKIE, note, max_age=int(COOKIE_AGE.total_seconds()))
        return response


@receiver(user_logged_in, dispatch_uid="accounts.lockout.remember")
def remember(sender: Any, request: HttpRequest | None, user: Any, **kwargs: Any) -> None:
    if request is None:
        return
    vars(request)["signed_in_as"] = counted(user.get_username())
    vars(request)["signed_in_before"] = user.last_login is not None


@receiver(signed_in_over_api, dispatch_uid="accounts.lockout.forgive")
def forgive(sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    """A whole sign-in clears what was counted, with or without a session."""
    forget(request, user)
    if user.last_login is not None and not clients.is_known(user, request, timezone.now()):
        events.record("new_browser", user, request)
