"""How often a person may guess or ask. Counted in the database before anything is verified or sent."""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Case, F, Q, Value, When

from twofactor.models import Allowance

CLOCKS_APART = timedelta(seconds=30)  # at most; whatever lies further ahead is of a clock that was set back


class TooOften(Exception):
    """Nothing was guessed, but this may not happen again before then."""

    def __init__(self, until: datetime) -> None:
        self.until = until


def give_back(key: str) -> None:
    """What was taken for something that then did not happen."""
    Allowance.objects.filter(pk=key, count__gt=0).update(count=F("count") - 1)


def full_until(key: str, limit: int, window: timedelta, now: datetime) -> datetime | None:
    """When it may happen again, if it may not now. Takes nothing."""
    running = Q(began_at__gt=now - window, began_at__lte=now + CLOCKS_APART)
    row = Allowance.objects.filter(running, pk=key, count__gte=limit).first()
    return row.began_at + window if row else None


def take(key: str, limit: int, window: timedelta, now: datetime) -> bool:
    """Whether this may happen once more. One UPDATE counts and decides."""
    stale = Q(began_at__lte=now - window) | Q(began_at__gt=now + CLOCKS_APART)
    mine = Allowance.objects.filter(pk=key)
    for _ in range(3):
        counted = mine.filter(stale | Q(count__lt=limit)).update(
            count=Case(When(stale, then=Value(1)), default=F("count") + 1),
            began_at=Case(When(stale, then=Value(now)), default=F("began_at")),
        )
        if counted or full_until(key, limit, window, now):
            return bool(counted)
        try:
            with transaction.atomic():
                Allowance.objects.create(key=key, count=1, began_at=now)
        except IntegrityError:
            continue  # somebody else began the window since the UPDATE; count in it
        return True
    return False
