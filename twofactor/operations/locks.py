"""Who has to wait now, and where wrong passwords and codes come from: for support, and a page of the admin.

Wrong codes are counted in this app; wrong passwords in another of the site, which adds its functions.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from twofactor.clocks import CLOCKS_APART, HOUR, format_duration
from twofactor.event_kinds import GROUPS, EventGroup, EventKind
from twofactor.limits import allowances, guesses
from twofactor.limits.allowances import Limit
from twofactor.models import Allowance, Event, GuessBudget
from twofactor.users import TwoFactorUser

MOST_LOCKS = 200  # of each kind on the page
MOST_ADDRESSES = 20
LOOKS_BACK = HOUR
WRONG_CODES = (EventKind.SECOND_FACTOR_REFUSED, EventKind.SECOND_FACTOR_LOCKED, EventKind.CODE_REPLAYED)


@dataclass(frozen=True)
class Lock:
    """Someone who has to wait before they may try again."""

    user: Any  # None where the name that was tried belongs to nobody, or was not looked up
    what: Any  # in words
    until: datetime | None  # None: until there is a new password
    address: str = ""  # from where; empty: from everywhere


@dataclass(frozen=True)
class AddressTries:
    """What came from one address within LOOKS_BACK."""

    address: str
    passwords: int = 0
    names: int = 0  # for how many names those passwords were tried
    codes: int = 0


@dataclass(frozen=True)
class ReachedLimit:
    name: Any  # in words
    limit: Limit
    subjects: int  # people, addresses or networks for which it is reached

    @property
    def window(self) -> str:
        return format_duration(self.limit.window)


# Another app of the site adds to these.
LOCKS_OF: list[Callable[[TwoFactorUser, datetime], Iterable[Lock]]] = []
ALL_LOCKS: list[Callable[[datetime, int], Iterable[Lock]]] = []  # the second argument: no more than so many
WRONG_PASSWORDS: list[Callable[[datetime, int], Iterable[AddressTries]]] = []
# Limits of messages, with what a page calls them. Without those of one message, which each message reaches.
LIMITS: list[tuple[Any, Limit]] = [
    *((_("Codes to one address or number"), limit) for limit in allowances.CODES_TO_TARGET[1:]),
    *((_("Codes to one person"), limit) for limit in allowances.CODES_TO_PERSON),
    (_("Codes for the sign-ins of one person"), allowances.CODES_AT_SIGN_IN),
    (_("Codes from one network"), allowances.CODES_FROM_NETWORK),
    (_("Sign-ins of one person that need a code we send"), allowances.CONFIRMATIONS_BEGUN),
    (_("Codes sent again to one person"), allowances.CONFIRMATIONS_RESENT),
    (_("Codes to confirm sign-ins of one person"), allowances.CONFIRMATIONS_A_DAY),
    (_("Codes to confirm sign-ins from one network"), allowances.CONFIRMATIONS_FROM_NETWORK),
]


def code_lock(budget: GuessBudget | None, user: TwoFactorUser, now: datetime) -> Iterable[Lock]:
    if found := guesses.lock_of(budget, user, now):
        yield Lock(user, pgettext_lazy("two-factor", "Wrong codes"), found.until)


def locks_of(user: TwoFactorUser, now: datetime) -> list[Lock]:
    budget = GuessBudget.objects.filter(pk=user.pk).first()
    return [*code_lock(budget, user, now), *password_locks_of(user, now)]


def password_locks_of(user: TwoFactorUser, now: datetime) -> list[Lock]:
    return [lock for find in LOCKS_OF for lock in find(user, now)]


def all_locks(now: datetime) -> list[Lock]:
    """Those that last longest first; no more than MOST_LOCKS of each kind."""
    budgets = guesses.locked_now(now).select_related("user").order_by("pk")[:MOST_LOCKS]
    found = [lock for budget in budgets for lock in code_lock(budget, budget.user, now)]
    found += [lock for find in ALL_LOCKS for lock in find(now, MOST_LOCKS)]
    return sorted(found, key=lambda lock: (lock.until is not None, lock.until and -lock.until.timestamp()))


def tries_by_address(now: datetime) -> list[AddressTries]:
    """The addresses with the most wrong passwords and codes within LOOKS_BACK."""
    since = now - LOOKS_BACK
    passwords = {row.address: row for find in WRONG_PASSWORDS for row in find(since, MOST_ADDRESSES)}
    wrong = Event.objects.filter(at__gt=since, kind__in=WRONG_CODES).exclude(ip_address=None)
    by_address: Any = wrong.values_list("ip_address").annotate(n=Count("pk"))
    codes = Counter(dict(by_address.order_by("-n", "ip_address")[:MOST_ADDRESSES]))
    found = []
    for address in {*passwords, *codes}:
        row = passwords.get(address, AddressTries(address))
        found.append(AddressTries(address, row.passwords, row.names, codes[address]))
    return sorted(found, key=lambda row: (-row.passwords - row.codes, row.address))[:MOST_ADDRESSES]


def warnings_by_kind(now: datetime) -> list[tuple[str, int]]:
    """What the audit log has of attacks within LOOKS_BACK, in words."""
    found: Any = Event.objects.filter(at__gt=now - LOOKS_BACK, kind__in=GROUPS[EventGroup.WARNINGS])
    counted = found.values_list("kind").annotate(n=Count("pk")).order_by("-n", "kind")
    return [(str(EventKind(kind).label), count) for kind, count in counted]


def reached_limits(now: datetime) -> list[ReachedLimit]:
    """Of messages: whoever is there gets no more of them now. One query, of the windows that are not over."""
    full = {
        f"limit_{place}": Count("pk", filter=is_reached(limit, now))
        for place, (_name, limit) in enumerate(LIMITS)
    }
    longest = max(limit.window for _name, limit in LIMITS)
    recent = Allowance.objects.filter(began_at__gt=now - longest, began_at__lte=now + CLOCKS_APART)
    counted = recent.aggregate(**full)
    found = [ReachedLimit(*named, counted[name]) for named, name in zip(LIMITS, full, strict=True)]
    return [row for row in found if row.subjects]


def is_reached(limit: Limit, now: datetime) -> Q:
    return Q(key__startswith=limit.key(""), count__gte=limit.count, began_at__gt=now - limit.window)
