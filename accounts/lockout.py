"""Who may still try a password: django-axes, with rows of our own counting.

Three limits count together: a person from one address, an address whoever it tries, and a person from
browsers they have never signed in with. A browser they have signed in with has a count of its own
(known_browsers.py), so that strangers cannot lock the owner out.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from axes.backends import AxesBackend
from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.signals import user_logged_in
from django.db import IntegrityError, transaction
from django.db.models import Case, F, Q, Sum, Value, When
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import known_browsers, passwords
from accounts.known_browsers import COOL_OFF, LIMIT  # the same for a person from one address
from accounts.models import KnownBrowser, User
from twofactor import events
from twofactor.api import client_tokens
from twofactor.clocks import CLOCKS_APART
from twofactor.outgoing.email_address import normalise
from twofactor.signals import signed_in_over_api
from twofactor.signin.session import HELD, method_of_login
from twofactor.templatetags.two_factor import wait
from twofactor.web.client_address import client_address, has_address
from twofactor.web.pages import seconds_until

ADDRESS_LIMIT = 50
STRANGERS_LIMIT = 100  # in a row; then the password has to be reset by mail
NAME_LENGTH = 150
STRANGERS = "strangers"  # stands where the browser's name would, in the row that counts them
ANYWHERE = "255.255.255.255"  # and this, which nobody has, where their address would
NEVER = datetime.max.replace(tzinfo=UTC)


def username(request: HttpRequest, credentials: dict[str, Any]) -> str:
    """AXES_USERNAME_CALLABLE: whose tries are counted."""
    return counted(typed(credentials))


def typed(credentials: dict[str, Any]) -> str:
    """In the one spelling that is looked up and counted: ALICE has no tries that alice has used up."""
    name = credentials.get("username") or credentials.get(User.USERNAME_FIELD) or ""
    return normalise(str(name).replace("\0", ""))


def counted(name: str) -> str:
    """Cut to what a column has room for."""
    return normalise(name)[:NAME_LENGTH]


class Backend(AxesBackend):  # type: ignore[misc]
    """Whoever has no try left is refused before the password is looked at; a right one costs no try."""

    def authenticate(
        self, request: HttpRequest | None, username: Any = None, password: Any = None, **kwargs: Any
    ) -> Any:
        super().authenticate(request, username, password, **kwargs)
        name = typed({"username": username, **kwargs})
        user = ModelBackend.authenticate(self, request, name, password, **kwargs)
        if user is not None and request is not None:
            give_back(request)
        return user


class Handler(AxesDatabaseHandler):  # type: ignore[misc]  # axes has no types
    """Counts in one row per person and address, stores nothing of what was typed, and never cleans up.

    Cleaning is the work of `prune`: axes would do it inside somebody's sign-in.
    """

    def is_allowed(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> bool:
        """Of any number of tries at once, only as many are looked at as there are left."""
        return charge(request, credentials or {})

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
        if not hasattr(request, "password_try"):  # by a back-end that did not ask us first
            charge(request, credentials)
        tried: Try | None = vars(request).pop("password_try", None)
        found = tried.tallies if tried else tallies(request, credentials)
        is_locked = found.locked_until() is not None
        vars(request)["axes_locked_out"] = is_locked
        vars(request)["last_try"] = found.mine == LIMIT - 1
        kind = "password_locked" if is_locked else "password_refused"
        passwords.take_equally_long(note(kind, request, credentials))

    def user_logged_in(self, sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
        """Only after a whole sign-in: some other app's login view knows the password alone."""
        if method_of_login(request, user) != HELD:
            forget(request, user)

    def user_logged_out(self, sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
        pass

    def post_save_access_attempt(self, instance: Any, **kwargs: Any) -> None:
        pass

    def post_delete_access_attempt(self, instance: Any, **kwargs: Any) -> None:
        pass


def note(kind: str, request: HttpRequest, credentials: dict[str, Any]) -> str:
    """With the hash of the password, or nothing. One query, whether or not there is such a person."""
    same = User.objects.filter(email=typed(credentials)).values_list("pk", "password")
    who, encoded = same.first() or (None, "")
    events.log_only(kind, who, request, method="password")
    return encoded


def forget(request: HttpRequest, user: Any) -> None:
    """In one DELETE: this person's count here, and the count of strangers, whose row is then broken."""
    name = counted(user.get_username())
    here = Q(username=name, ip_address=client_address(request))
    rows = AccessAttempt.objects.filter(here | Q(username=name, user_agent=STRANGERS))
    rows._raw_delete(rows.db)  # delete() would load them first, because axes listens to it


@dataclass(frozen=True)
class Tallies:
    """Every count that can matter, and when the last try was that went into it."""

    mine: int
    mine_at: datetime | None
    address: int = 0
    address_at: datetime | None = None
    strangers: int = 0
    has_row: bool = False  # for this person and address, however old
    has_strangers: bool = False  # a row that counts them

    def locked_until(self) -> datetime | None:
        """None when there is a try left; NEVER when only a new password helps."""
        ends = [NEVER] if self.strangers >= STRANGERS_LIMIT else []
        if self.mine >= LIMIT and self.mine_at:
            ends.append(self.mine_at + COOL_OFF)
        if self.address >= ADDRESS_LIMIT and self.address_at:
            ends.append(self.address_at + COOL_OFF)
        return max(ends, default=None)

    def one_more(self, now: datetime) -> "Tallies":
        return Tallies(self.mine + 1, now, self.address + 1, now, self.strangers + 1)


@dataclass(frozen=True)
class Try:
    """A password that is being looked at, and paid for."""

    name: str
    address: str
    browser: KnownBrowser | None
    tallies: Tallies


def charge(request: HttpRequest, credentials: dict[str, Any]) -> bool:
    """Pay for one try, if there is one left."""
    now, name, address = timezone.now(), username(request, credentials), client_address(request)
    browser = known_browsers.find(request, typed(credentials), now)
    found = tallies_of(browser, now) if browser else tallies_at(name, address, now)
    if found.locked_until():
        return False
    paying = Try(name, address, browser, found.one_more(now))
    paid = known_browsers.charge(browser, now) if browser else charge_rows(paying, found, now)
    if paid:
        vars(request)["password_try"] = paying
    return paid


def charge_rows(paying: Try, found: Tallies, now: datetime) -> bool:
    """The person's count from this address, the count of strangers, then the sum of the address: all or none.

    Always in this order, so that two tries never wait for each other. The sum is asked after the try is in
    it: of any number at once, those that find it too high give back what they paid.
    """
    recent, one_more = is_recent(now), F("failures_since_start") + 1
    free = ~recent | Q(failures_since_start__lt=LIMIT)
    count = Case(When(recent, then=one_more), default=Value(1))
    if not charge_row(own_place(paying), free, count, now, has_row=found.has_row):
        return False
    place, free = strangers_place(paying), Q(failures_since_start__lt=STRANGERS_LIMIT)
    if not charge_row(place, free, one_more, now, has_row=found.has_strangers):
        take_off(own_place(paying))
        return False
    if has_address(paying.address):
        rows = AccessAttempt.objects.filter(recent, ip_address=paying.address)
        if rows.aggregate(tries=Sum("failures_since_start", default=0))["tries"] > ADDRESS_LIMIT:
            take_off(own_place(paying))
            take_off(place)
            return False
    return True


def own_place(tried: Try) -> dict[str, str]:
    return {"username": tried.name, "ip_address": tried.address, "user_agent": ""}


def strangers_place(tried: Try) -> dict[str, str]:
    return {"username": tried.name, "ip_address": ANYWHERE, "user_agent": STRANGERS}


def is_recent(now: datetime) -> Q:
    return Q(attempt_time__gt=now - COOL_OFF, attempt_time__lte=now + CLOCKS_APART)


def charge_row(place: dict[str, str], free: Q, count: Any, now: datetime, *, has_row: bool) -> bool:
    """One UPDATE counts and decides; where there is no row yet, one INSERT."""
    row = AccessAttempt.objects.filter(**place)
    for _attempt in range(2):
        if has_row:
            if row.filter(free).update(failures_since_start=count, attempt_time=now):
                return True
            if row.exists():
                return False
        try:
            with transaction.atomic():
                AccessAttempt.objects.create(**place, failures_since_start=1)
        except IntegrityError:  # another try was first; count with it
            has_row = True
        else:
            return True
    return False


def take_off(place: dict[str, str]) -> None:
    row = AccessAttempt.objects.filter(**place, failures_since_start__gt=0)
    row.update(failures_since_start=F("failures_since_start") - 1)


def give_back(request: HttpRequest) -> None:
    """The password was right. What was wrong before it stays counted until the whole sign-in is done."""
    tried: Try | None = vars(request).pop("password_try", None)
    if tried is None:
        return
    if tried.browser:
        known_browsers.give_back(tried.browser)
        return
    take_off(own_place(tried))
    take_off(strangers_place(tried))


def tallies(request: HttpRequest, credentials: dict[str, Any]) -> Tallies:
    """To a known browser, only its own count matters."""
    now = timezone.now()
    browser = known_browsers.find(request, typed(credentials), now)
    if browser:
        return tallies_of(browser, now)
    return tallies_at(username(request, credentials), client_address(request), now)


def tallies_of(browser: KnownBrowser, now: datetime) -> Tallies:
    return Tallies(known_browsers.recent_tries(browser, now), browser.last_try_at)


def tallies_at(name: str, address: str, now: datetime) -> Tallies:
    """In one query."""
    here = Q(username=name, ip_address=address, user_agent="")
    fresh = Q(ip_address=address, attempt_time__gt=now - COOL_OFF)
    strangers = Q(username=name, user_agent=STRANGERS)
    # Without an address nothing is known of a network.
    asked = here | strangers | fresh if has_address(address) else here | strangers
    # Told apart and added up here: there are some fifty rows at the most, and Django is slow to write more.
    found = list(
        AccessAttempt.objects.filter(asked).values_list(
            "username", "user_agent", "failures_since_start", "attempt_time"
        )
    )
    in_time = [
        (who, tries, at)
        for who, browser, tries, at in found
        if browser != STRANGERS and now - COOL_OFF < at <= now + CLOCKS_APART
    ]
    own = [(tries, at) for who, tries, at in in_time if who == name]
    return Tallies(
        mine=sum(tries for tries, _ in own),
        mine_at=max((at for _, at in own), default=None),
        address=sum(tries for _, tries, _ in in_time),
        address_at=max((at for *_, at in in_time), default=None),
        strangers=sum(tries for _, browser, tries, _ in found if browser == STRANGERS),
        has_row=any(who == name and browser != STRANGERS for who, browser, *_ in found),
        has_strangers=any(browser == STRANGERS for _, browser, *_ in found),
    )


@receiver(post_save, sender=User, dispatch_uid="accounts.lockout.forget_strangers")
def forget_strangers(sender: Any, instance: User, created: bool, **kwargs: Any) -> None:
    """The password is a new one, whoever set it: what they tried was the old one.

    Its text is still there then; it is not when Django only hashes the same password anew. Not for somebody
    new: signing up with a free address would cost more than with a taken one.
    """
    if created or instance._password is None:
        return
    rows = AccessAttempt.objects.filter(username=counted(instance.email), user_agent=STRANGERS)
    rows._raw_delete(rows.db)  # as in forget()


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


@receiver(user_logged_in, dispatch_uid="accounts.lockout.remember")
def remember(sender: Any, request: HttpRequest | None, user: Any, **kwargs: Any) -> None:
    if request is None:
        return
    vars(request)["signed_in_before"] = user.last_login is not None


@receiver(signed_in_over_api, dispatch_uid="accounts.lockout.forgive")
def forgive(sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    """A whole sign-in clears what was counted, with or without a session."""
    forget(request, user)
    if user.last_login is not None and not client_tokens.is_known(user, request, timezone.now()):
        events.record("new_browser", user, request)
