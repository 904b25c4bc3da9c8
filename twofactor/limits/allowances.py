"""How often anything but a wrong code may happen: the limits themselves stand at the end of this module.

Counted in the database that all servers share.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Case, F, Q, Value, When

from twofactor import conf
from twofactor.clocks import CLOCKS_APART, DAY, HOUR, MINUTE
from twofactor.models import Allowance

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
    """In plain words. The table of limits in the README has it as a row."""

    count: int
    window: timedelta

    def key(self, subject: object) -> str:
        """With the window, because one name can stand for a limit of an hour and one of a day."""
        text = str(subject)
        if len(text) > LONGEST_SUBJECT:
            text = hashlib.sha256(text.encode()).hexdigest()[:LONGEST_SUBJECT]
        return f"{self.name} {self.window.total_seconds():.0f}:{text}"

    def charge(self, subject: object, now: datetime) -> bool:
        """Count one more, if the limit allows it. One UPDATE counts and decides, so no race exceeds it."""
        is_over = Q(began_at__lte=now - self.window) | Q(began_at__gt=now + CLOCKS_APART)
        row = Allowance.objects.filter(pk=self.key(subject))
        for _attempt in range(3):
            counted = row.filter(is_over | Q(count__lt=self.count)).update(
                count=Case(When(is_over, then=Value(1)), default=F("count") + 1),
                began_at=Case(When(is_over, then=Value(now)), default=F("began_at")),
            )
            if counted or self.full_until(subject, now):
                return bool(counted)
            try:
                with transaction.atomic():
                    Allowance.objects.create(key=self.key(subject), count=1, began_at=now)
            except IntegrityError:
                continue  # another request has created the row since the UPDATE: count in it
            return True
        return False

    def charge_or_raise(self, subject: object, now: datetime) -> None:
        """Count one more, or raise TooOften."""
        charge_all([(self, subject)], now)

    def full_until(self, subject: object, now: datetime) -> datetime | None:
        """When the window ends, if the limit is reached. Counts nothing."""
        is_running = Q(began_at__gt=now - self.window, began_at__lte=now + CLOCKS_APART)
        row = Allowance.objects.filter(is_running, pk=self.key(subject), count__gte=self.count).first()
        return row.began_at + self.window if row else None

    def refund(self, subject: object) -> None:
        """Undo one charge, for something that then did not happen."""
        Allowance.objects.filter(pk=self.key(subject), count__gt=0).update(count=F("count") - 1)


Charge = tuple[Limit, object]  # and its subject


def charge_all(charges: Sequence[Charge], now: datetime) -> None:
    """Count one more in each limit, or in none and raise TooOften with the longest wait of those reached."""
    for place, (limit, subject) in enumerate(charges):
        if not limit.charge(subject, now):
            refund_all(charges[:place])
            ends = [limit.full_until(subject, now) for limit, subject in charges[place:]]
            raise TooOften(max((end for end in ends if end), default=now + MINUTE))


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

# The rest are heeded all the same.
NOT_ME = Limit("records that something was not one person", 10, DAY)

# For events that an attacker can repeat.
MAILS_ABOUT_EVENT = Limit("mails about the same event", 1, DAY)
# The address may belong to someone who never signed up.
MAILS_TO_UNCONFIRMED = Limit("mails to an address that nobody has confirmed", 1, DAY)


def api_requests() -> Limit:
    """A setting of the site."""
    count, window = conf.throttle_rate()
    return Limit("API requests of each kind, by one person or network", count, window)
