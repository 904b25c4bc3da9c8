"""How often anything but a wrong code may happen: the limits themselves stand at the end of this module.

Counted in the database that all servers share.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connections, router, transaction
from django.db.models import F

from twofactor import conf, statements
from twofactor.clocks import CLOCKS_APART, DAY, HOUR, MINUTE
from twofactor.models import Allowance
from twofactor.transactions import atomic

BEGAN_AT = Allowance._meta.get_field("began_at")
# Django can write such an INSERT, but none with a condition. SQLite and PostgreSQL both know it.
COUNT_ONE_MORE = """
    INSERT INTO "twofactor_allowance" AS counted ("key", "count", began_at) VALUES (%(key)s, 1, %(now)s)
    ON CONFLICT ("key") DO UPDATE SET
        "count" = CASE WHEN counted.began_at <= %(began)s OR counted.began_at > %(ahead)s
            THEN 1 ELSE counted."count" + 1 END,
        began_at = CASE WHEN counted.began_at <= %(began)s OR counted.began_at > %(ahead)s
            THEN %(now)s ELSE counted.began_at END
    WHERE counted.began_at <= %(began)s OR counted.began_at > %(ahead)s OR counted."count" < %(limit)s
"""

# Characters. With the longest name and window, the key fits its column; some user models have long keys.
LONGEST_SUBJECT = 40


class TooOften(Exception):
    """A limit is reached. It may happen again at `until`."""

    def __init__(self, until: datetime) -> None:
        self.until = until


@dataclass(frozen=True)
class Limit:
    """So many times within a window, for each subject: a person, an address, a browser or a network."""

    name: str
    """In plain words. docs/reference/limits.md has it as a row."""

    count: int
    window: timedelta

    def key(self, subject: object) -> str:
        """With the window, because one name can stand for a limit of an hour and one of a day."""
        text = str(subject)
        if len(text) > LONGEST_SUBJECT:
            text = hashlib.sha256(text.encode()).hexdigest()[:LONGEST_SUBJECT]
        return f"{self.name} {self.window.total_seconds():.0f}:{text}"

    def charge(self, subject: object, now: datetime) -> bool:
        """Count one more, if the limit allows it. One statement counts and decides, so no race exceeds it."""
        alias = router.db_for_write(Allowance)
        moments = [now, now - self.window, now + CLOCKS_APART]
        at, began, ahead = (BEGAN_AT.get_db_prep_value(each, connections[alias]) for each in moments)
        given = {"key": self.key(subject), "now": at, "began": began, "ahead": ahead, "limit": self.count}
        with transaction.mark_for_rollback_on_error(alias), connections[alias].cursor() as cursor:
            cursor.execute(COUNT_ONE_MORE, given)
            return bool(cursor.rowcount == 1)

    def charge_or_raise(self, subject: object, now: datetime) -> None:
        """Count one more, or raise TooOften."""
        charge_all([(self, subject)], now)

    def full_until(self, subject: object, now: datetime) -> datetime | None:
        """When the window ends, if the limit is reached. Counts nothing."""
        row = find_row(self.key(subject))
        return self.full_until_by(row, now) if row else None

    def full_until_by(self, row: Allowance, now: datetime) -> datetime | None:
        ends_at = row.began_at + self.window
        is_full = row.count >= self.count and row.began_at <= now + CLOCKS_APART
        return ends_at if is_full and ends_at > now else None

    def refund(self, subject: object) -> None:
        """Undo one charge, for something that then did not happen."""
        Allowance.objects.filter(pk=self.key(subject), count__gt=0).update(count=F("count") - 1)


Charge = tuple[Limit, object]  # and its subject


def charge_all(charges: Sequence[Charge], now: datetime) -> None:
    """Count one more in each limit, or in none and raise TooOften with the longest wait of those reached.

    Callers name the limits always in the same order, so that two requests never wait for each other.
    """
    try:
        with atomic(router.db_for_write(Allowance)):
            for place, (limit, subject) in enumerate(charges):
                if not limit.charge(subject, now):
                    raise Full(place)  # counts none
    except Full as full:
        raise TooOften(full_until(charges[full.place :], now) or now + MINUTE) from None


class Full(Exception):
    def __init__(self, place: int) -> None:
        self.place = place


def full_until(charges: Sequence[Charge], now: datetime) -> datetime | None:
    """When the last of those that are reached ends. One query."""
    limits = {limit.key(subject): limit for limit, subject in charges}
    rows = Allowance.objects.using(router.db_for_write(Allowance)).filter(pk__in=limits)
    ends = [limits[row.key].full_until_by(row, now) for row in rows]
    return max(filter(None, ends), default=None)


@statements.row
def find_row(key: str) -> Any:
    return Allowance.objects.filter(pk=key)


def refund_all(charges: Iterable[Charge]) -> None:
    for limit, subject in charges:
        limit.refund(subject)


# The limits of this app. A list stands for several windows, which all have to allow it.

# New backup codes are counted apart from setups.
SETUPS_STARTED = Limit("setups begun by one person", 10, HOUR)

CODES_TO_TARGET = [
    Limit("codes sent to one address or number", 1, MINUTE),
    Limit("codes sent to one address or number", 5, HOUR),
    Limit("codes sent to one address or number", 10, DAY),
]
CODES_TO_PERSON = [
    Limit("codes sent to one person", 5, HOUR),
    Limit("codes sent to one person", 10, DAY),
]
CODES_AT_SIGN_IN = Limit("codes sent for the sign-ins of one person", 6, HOUR)
CODES_FROM_NETWORK = Limit("codes sent from one network", 20, HOUR)

# For people without a second factor, where the site asks them for a code. To one target a minute as above.
CONFIRMATIONS_BEGUN = Limit("sign-ins of one person that a first code is sent for", 12, HOUR)
CONFIRMATIONS_RESENT = Limit("codes sent again to confirm sign-ins of one person", 6, HOUR)
CONFIRMATIONS_A_DAY = Limit("codes sent to confirm sign-ins of one person", 40, DAY)
CONFIRMATIONS_FROM_NETWORK = Limit("codes sent to confirm sign-ins from one network", 300, HOUR)

# Nobody can guess what a passkey signs: this keeps a network from keeping the server busy.
PASSKEYS_REFUSED = Limit("passkeys refused from one network", 60, 10 * MINUTE)

# The rest are heeded all the same.
NOT_ME = Limit("records that something was not one person", 10, DAY)

# Whoever stops a recovery with a factor alone needs no password, so the limits of wrong codes do not hold.
# A thief must not keep the owner from it: what comes from other networks is counted apart, and the limit for
# all of them is only for codes that could be guessed, in networks where the owner has never given one.
STOPS_FOR_NAME = [
    Limit("tries to stop one recovery from one network", 5, HOUR),
    Limit("tries to stop one recovery from one network", 20, DAY),
]
STOPS_FROM_NETWORK = Limit("tries to stop recoveries from one network", 30, HOUR)
STOPS_BY_GUESSES = Limit("guesses to stop one recovery from new networks", 60, HOUR)
# By whichever administrator.
REMINDERS = Limit("reminders to one person by administrators", 1, 7 * DAY)

# For events that an attacker can repeat.
MAILS_ABOUT_EVENT = Limit("mails about the same event", 1, DAY)
# The address may belong to someone who never signed up.
MAILS_TO_UNCONFIRMED = Limit("mails to an address that nobody has confirmed", 1, DAY)


def api_requests() -> Limit:
    """A setting of the site."""
    count, window = conf.throttle_rate()
    return Limit("API requests of each kind, by one person or network", count, window)
