"""How often a wrong password may be tried, and how often it has been.

Three counts limit the tries for a name: from one address; from one address for all names together; and from
all browsers in which the person has never signed in. A browser in which they have signed in has a count of
its own instead (known_browsers.py says which those are).

A try is charged before the password is looked at. A right password takes its own try back, and a whole
sign-in clears the counts. lockout.py calls these functions, and shows the page to people who have to wait.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial, reduce
from typing import Any

from django.db import IntegrityError, router, transaction
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts import known_browsers
from accounts.models import KnownBrowser, PasswordTries, User
from twofactor import ip, statements
from twofactor.clocks import CLOCKS_APART
from twofactor.operations import prune
from twofactor.outgoing.email_address import normalise
from twofactor.users import TwoFactorUser
from twofactor.web.client_address import client_address, has_address

# How many wrong passwords, then wait for COOL_OFF.
TRIES_PER_BROWSER = 5  # for one person, in a known browser; from one address, if the browser is unknown
ADDRESS_LIMIT = 50  # for all people, from one address
COOL_OFF = timedelta(minutes=15)
STRANGERS_LIMIT = 100  # for one person, in a row; then the password has to be reset by mail
STRANGERS = "strangers"
KEPT = timedelta(days=90)
ANYWHERE = "255.255.255.255"  # in the row that counts unknown browsers, from whatever address
NEVER = datetime.max.replace(tzinfo=UTC)


def typed_name(credentials: dict[str, Any]) -> str:
    """Returns the name in the spelling that is counted: ALICE has no tries besides those of alice."""
    name = credentials.get("username") or credentials.get(User.USERNAME_FIELD) or ""
    return normalise(str(name).replace("\0", ""))


def digest_of(name: str, tried_by: str = "") -> str:
    """What a count stands under. Not the name itself: people also type their password into that field.

    With a word of its own for the strangers, whose row is then no row of any address.
    """
    # The module's former name: another salt would make every count start anew.
    salt = f"accounts.lockout {tried_by}"
    return salted_hmac(salt, normalise(name), algorithm="sha256").hexdigest()


@dataclass(frozen=True)
class Counts:
    """The tries that limit the next one, each with the time of the last."""

    own: int = 0
    """Tries for this name from this address, or in this known browser."""

    own_at: datetime | None = None
    address: int = 0
    """Tries from this address, for all names."""

    address_at: datetime | None = None
    strangers: int = 0
    """Tries for this name, from all browsers that the person has never used."""

    has_own_row: bool = False
    has_strangers_row: bool = False

    def locked_until(self) -> datetime | None:
        """None if there is a try left, NEVER if only a new password helps."""
        ends = [NEVER] if self.strangers >= STRANGERS_LIMIT else []
        if self.own >= TRIES_PER_BROWSER and self.own_at:
            ends.append(self.own_at + COOL_OFF)
        if self.address >= ADDRESS_LIMIT and self.address_at:
            ends.append(self.address_at + COOL_OFF)
        return max(ends, default=None)

    def one_more(self, now: datetime) -> "Counts":
        return replace(
            self,
            own=self.own + 1,
            own_at=now,
            address=self.address + 1,
            address_at=now,
            strangers=self.strangers + 1,
        )


@dataclass(frozen=True)
class Try:
    """A try that is paid for, until the password is known to be right or wrong."""

    digest: str
    strangers_digest: str
    address: str
    browser: KnownBrowser | None
    counts: Counts
    """They include this try."""


def charge(request: HttpRequest, credentials: dict[str, Any]) -> bool:
    """Pay for one try before the password is looked at, if there is one left."""
    now, address = timezone.now(), client_address(request)
    name = typed_name(credentials)
    browser = known_browsers.find(request, name, now)
    counts = counts_of_browser(browser, now) if browser else counts_of_address(name, address, now)
    if counts.locked_until():
        return False
    paying = Try(digest_of(name), digest_of(name, STRANGERS), address, browser, counts.one_more(now))
    paid = charge_browser(browser, now) if browser else charge_rows(paying, now)
    if paid:
        request.password_try = paying  # type: ignore[attr-defined]  # a SignInRequest from here on
    return paid


def charge_rows(paying: Try, now: datetime) -> bool:
    """Charge the name at this address, then the strangers, then check the sum of the address: all or nothing.

    Always in this order, so that two tries never wait for each other. The sum is read with the try in it: of
    any number at once, those that find it above the limit take their try back.
    """
    own, strangers = own_row(paying), strangers_row(paying)
    since, until = now - COOL_OFF, now + CLOCKS_APART
    charge = partial(charge_recent, own, TRIES_PER_BROWSER, since, until, now)
    if not charge_row(charge, own, now, exists=paying.counts.has_own_row):
        return False
    charge = partial(charge_in_a_row, strangers, STRANGERS_LIMIT, now)
    if not charge_row(charge, strangers, now, exists=paying.counts.has_strangers_row):
        subtract_one(own)
        return False
    if has_address(paying.address):
        tries = counts_at(paying.address, since, until)
        if sum(count for (count,) in tries) > ADDRESS_LIMIT:
            subtract_one(own)
            subtract_one(strangers)
            return False
    return True


@statements.rows
def counts_at(address: str, since: datetime, until: datetime) -> Any:
    recent = PasswordTries.objects.filter(last_at__gt=since, last_at__lte=until, address=address)
    return recent.values_list("count")


def own_row(tried: Try) -> dict[str, str]:
    return {"name_digest": tried.digest, "address": tried.address}


def strangers_row(tried: Try) -> dict[str, str]:
    return {"name_digest": tried.strangers_digest, "address": ANYWHERE}


def is_recent(now: datetime, column: str = "last_at") -> Q:
    return Q(**{f"{column}__gt": now - COOL_OFF, f"{column}__lte": now + CLOCKS_APART})


def charge_row(charge: Callable[[], int], row: dict[str, str], now: datetime, *, exists: bool) -> bool:
    """One UPDATE counts and decides; if there is no row yet, one INSERT."""
    for _attempt in range(2):
        if exists:
            if charge():
                return True
            if PasswordTries.objects.filter(**row).exists():
                return False
        try:
            with transaction.atomic(using=router.db_for_write(PasswordTries)):
                statements.insert(PasswordTries(**row, last_at=now))
        except IntegrityError:  # another request has created it
            exists = True
        else:
            return True
    return False


@statements.update
def charge_recent(row: dict[str, str], limit: int, since: datetime, until: datetime, now: datetime) -> Any:
    """The count begins anew when the last try is long ago."""
    recent = Q(last_at__gt=since, last_at__lte=until)
    count = Case(When(recent, then=F("count") + 1), default=Value(1))
    free = ~recent | Q(count__lt=limit)
    return PasswordTries.objects.filter(free, **row), {"count": count, "last_at": now}


@statements.update
def charge_in_a_row(row: dict[str, str], limit: int, now: datetime) -> Any:
    return PasswordTries.objects.filter(count__lt=limit, **row), {"count": F("count") + 1, "last_at": now}


def subtract_one(row: dict[str, str]) -> None:
    one_less(row)


@statements.update
def one_less(row: dict[str, str]) -> Any:
    return PasswordTries.objects.filter(**row, count__gt=0), {"count": F("count") - 1}


def charge_browser(browser: KnownBrowser, now: datetime) -> bool:
    """One UPDATE counts and decides."""
    since, until = now - COOL_OFF, now + CLOCKS_APART
    limit = known_browsers.LAST_TRY
    return charge_known(browser.pk, TRIES_PER_BROWSER, limit, since, until, now) == 1


@statements.update
def charge_known(pk: int, tries: int, in_a_row: int, since: datetime, until: datetime, now: datetime) -> Any:
    recent = Q(last_try_at__gt=since, last_try_at__lte=until)
    free = Q(pk=pk, in_a_row__lt=in_a_row) & (~recent | Q(last_try_at=None) | Q(tries__lt=tries))
    count = Case(When(recent, then=F("tries") + 1), default=Value(1))
    return KnownBrowser.objects.filter(free), {
        "tries": count,
        "in_a_row": F("in_a_row") + 1,
        "last_try_at": now,
    }


@statements.update
def refund_known(pk: int) -> Any:
    charged = KnownBrowser.objects.filter(pk=pk, tries__gt=0, in_a_row__gt=0)
    return charged, {"tries": F("tries") - 1, "in_a_row": F("in_a_row") - 1}


def take_password_try(request: HttpRequest) -> Try | None:
    """Returns the try only once, because one request may call authenticate() several times."""
    paid: Try | None = getattr(request, "password_try", None)
    request.password_try = None  # type: ignore[attr-defined]
    return paid


def refund(request: HttpRequest) -> None:
    """The password was right. Wrong ones before it stay counted until the whole sign-in is done."""
    paid = take_password_try(request)
    if paid is None:
        return
    if paid.browser:
        refund_known(paid.browser.pk)
        return
    subtract_one(own_row(paid))
    subtract_one(strangers_row(paid))


def clear(request: HttpRequest, user: TwoFactorUser) -> None:
    """After a whole sign-in: the person's count at this address, and that of the strangers."""
    name = user.get_username()
    delete_rows(digest_of(name), client_address(request), digest_of(name, STRANGERS))


@statements.delete
def delete_rows(own: str, address: str, strangers: str) -> Any:
    either = Q(name_digest=own, address=address) | Q(name_digest=strangers, address=ANYWHERE)
    return PasswordTries.objects.filter(either)


def of_strangers(name: str) -> Q:
    return Q(name_digest=digest_of(name, STRANGERS), address=ANYWHERE)


def clear_strangers(name: str) -> None:
    PasswordTries.objects.filter(of_strangers(name)).delete()


def clear_by_command(name: str | None, address: str | None, *, either: bool) -> int:
    """Without name and address, all. Returns how many rows were deleted."""
    named = []
    if address:
        parsed = ip.parse(address)
        named.append(Q(address=ip.customer(parsed) if parsed else None))
    if name:
        named.append(Q(name_digest__in=[digest_of(name), digest_of(name, STRANGERS)]))
    both = reduce(operator.or_ if either else operator.and_, named, Q())
    return PasswordTries.objects.filter(both).delete()[0]


def read_counts(request: HttpRequest, credentials: dict[str, Any]) -> Counts:
    now, name = timezone.now(), typed_name(credentials)
    browser = known_browsers.find(request, name, now)
    if browser:
        return counts_of_browser(browser, now)
    return counts_of_address(name, client_address(request), now)


def counts_of_browser(browser: KnownBrowser, now: datetime) -> Counts:
    """No other count matters to a known browser."""
    at = browser.last_try_at
    return Counts(browser.tries if at and now - COOL_OFF < at <= now + CLOCKS_APART else 0, at)


def counts_of_address(name: str, address: str, now: datetime) -> Counts:
    """Reads all counts in one query."""
    own_digest, strangers_digest = digest_of(name), digest_of(name, STRANGERS)
    own, own_at, has_own_row, strangers, has_strangers_row = 0, None, False, 0, False
    recent: list[tuple[int, datetime]] = []
    # Not many more than ADDRESS_LIMIT rows. To add them up in SQL, Django takes longer than this loop.
    since = now - COOL_OFF if has_address(address) else now + COOL_OFF  # then of nobody
    for digest, count, at in rows_of(own_digest, strangers_digest, address, since):
        if digest == strangers_digest:
            strangers, has_strangers_row = count, True
            continue
        is_own = digest == own_digest
        has_own_row = has_own_row or is_own
        if not now - COOL_OFF < at <= now + CLOCKS_APART:
            continue
        recent.append((count, at))
        if is_own:
            own, own_at = count, at
    return Counts(
        own,
        own_at,
        address=sum(count for count, _ in recent),
        address_at=max((at for _, at in recent), default=None),
        strangers=strangers,
        has_own_row=has_own_row,
        has_strangers_row=has_strangers_row,
    )


@statements.rows
def rows_of(own: str, strangers: str, address: str, since: datetime) -> Any:
    wanted = Q(name_digest=own, address=address) | Q(name_digest=strangers, address=ANYWHERE)
    found = PasswordTries.objects.filter(wanted | Q(address=address, last_at__gt=since))
    return found.values_list("name_digest", "count", "last_at")


def old_rows(now: datetime) -> QuerySet[PasswordTries]:
    return PasswordTries.objects.filter(last_at__lt=now - KEPT)


prune.OTHER_APPS["wrong passwords"] = old_rows
