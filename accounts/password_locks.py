"""Shows support who has to wait after wrong passwords, and where they come from (operations/locks.py).

The counts stand under digests of what was typed. So whose they are is found out from the people there are.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.utils.translation import gettext_lazy as _

from accounts import known_browsers, mail_limits
from accounts.models import KnownBrowser, PasswordTries, User
from accounts.password_tries import (
    ANYWHERE,
    COOL_OFF,
    STRANGERS,
    STRANGERS_LIMIT,
    TRIES_PER_BROWSER,
    digest_of,
    is_recent,
)
from twofactor.operations import locks
from twofactor.operations.locks import AddressTries, Lock
from twofactor.users import TwoFactorUser

# Of more people the names are not looked up: that takes a hash for each of them.
MOST_PEOPLE = 10_000
FROM_ADDRESS = _("Wrong passwords, from one address")
FROM_STRANGERS = _("Wrong passwords, in new browsers")
IN_BROWSER = _("Wrong passwords, in a browser of theirs")


def locked_rows(now: datetime) -> QuerySet[PasswordTries]:
    """That let nobody try again: for a while from one address, or not before there is a new password."""
    for_a_while = is_recent(now) & Q(count__gte=TRIES_PER_BROWSER) & ~Q(address=ANYWHERE)
    return PasswordTries.objects.filter(for_a_while | Q(address=ANYWHERE, count__gte=STRANGERS_LIMIT))


def locked_browsers(now: datetime) -> QuerySet[KnownBrowser]:
    live = KnownBrowser.objects.filter(is_recent(now, "last_try_at"), expires_at__gt=now)
    return live.filter(tries__gte=TRIES_PER_BROWSER, in_a_row__lt=known_browsers.LAST_TRY)


def in_browser(browser: Any, user: Any) -> Lock:  # of locked_browsers(), so there was a try
    return Lock(user, IN_BROWSER, browser.last_try_at + COOL_OFF)


def lock_of(row: PasswordTries, user: Any) -> Lock:
    if row.address == ANYWHERE:
        return Lock(user, FROM_STRANGERS, None)
    return Lock(user, FROM_ADDRESS, row.last_at + COOL_OFF, row.address)


def digests_of(name: str) -> list[str]:
    return [digest_of(name), digest_of(name, STRANGERS)]


def locks_of(user: TwoFactorUser, now: datetime) -> Iterator[Lock]:
    for row in locked_rows(now).filter(name_digest__in=digests_of(user.get_username())):
        yield lock_of(row, user)
    for browser in locked_browsers(now).filter(user_id=user.pk):
        yield in_browser(browser, user)


def all_locks(now: datetime, most: int) -> Iterator[Lock]:
    rows = list(locked_rows(now).order_by("-last_at")[:most])
    people = people_with({row.name_digest for row in rows})
    for row in rows:
        yield lock_of(row, people.get(row.name_digest))
    for browser in locked_browsers(now).select_related("user").order_by("-last_try_at")[:most]:
        yield in_browser(browser, browser.user)


def people_with(digests: set[str]) -> dict[str, User]:
    """Whose names have these digests; none where there are too many people to look through."""
    people = User.objects.only("email").order_by("pk")
    if not digests or people[MOST_PEOPLE:].exists():
        return {}
    return {
        digest: user for user in people.iterator() for digest in digests.intersection(digests_of(user.email))
    }


def wrong_passwords(since: datetime, most: int) -> Iterator[AddressTries]:
    """A count goes back to 1 after COOL_OFF, so there may have been more."""
    recent: Any = PasswordTries.objects.filter(last_at__gt=since).exclude(address=ANYWHERE)
    by_address = recent.values_list("address").annotate(tries=Sum("count"), names=Count("pk"))
    for address, tries, names in by_address.order_by("-tries", "address")[:most]:
        yield AddressTries(address, tries, names)


locks.LOCKS_OF.append(locks_of)
locks.ALL_LOCKS.append(all_locks)
locks.WRONG_PASSWORDS.append(wrong_passwords)
locks.LIMITS += [
    (_("Mails that strangers ask for to one address"), mail_limits.TO_ADDRESS),
    (_("Mails that strangers ask for from one browser"), mail_limits.FROM_BROWSER),
    (_("Mails that strangers ask for from one network"), mail_limits.FROM_NETWORK),
]
