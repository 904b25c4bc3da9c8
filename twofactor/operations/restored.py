"""People for whom two-factor authentication was on, and whose row TwoFactor is missing.

That happens when some tables are restored and others are not. Whoever has an app or a backup code left is
asked for a second factor all the same (enrolled.is_on). Of the others only the audit log knows.
"""

from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db import router
from django.db.models import Exists, OuterRef, QuerySet, Subquery

from twofactor.factors.enrolled import ONLY_WHILE_ON
from twofactor.models import Event, TwoFactor
from twofactor.transactions import atomic

BATCH = 1000
ON = (Event.Kind.TWO_FACTOR_ENABLED, Event.Kind.TWO_FACTOR_IMPORTED)
OFF = (Event.Kind.TWO_FACTOR_DISABLED, Event.Kind.RESET_BY_SUPPORT)


def has_row_of(model: Any) -> Exists:
    return Exists(model.objects.filter(user_id=OuterRef("pk")))


def people_without_row() -> QuerySet[Any]:
    return get_user_model()._default_manager.exclude(has_row_of(TwoFactor))


def people_still_asked() -> QuerySet[Any]:
    """They have an app or a backup code, which may be spent."""
    apps, codes = (has_row_of(model) for model in ONLY_WHILE_ON if model is not TwoFactor)
    return people_without_row().filter(apps | codes)


def people_not_asked() -> QuerySet[Any]:
    """They have neither, and the newest event about it says that it is on. The password lets them in."""
    about_it = Event.objects.filter(user=OuterRef("pk"), kind__in=[*ON, *OFF]).order_by("-at", "-pk")
    newest = Subquery(about_it.values("kind")[:1])
    people: QuerySet[Any] = people_without_row().annotate(newest=newest).filter(newest__in=ON)
    return people.exclude(pk__in=people_still_asked().values("pk"))


def people_to_turn_on() -> set[Any]:
    return {
        *people_still_asked().values_list("pk", flat=True),
        *people_not_asked().values_list("pk", flat=True),
    }


def turn_on_again(now: datetime) -> int:
    """Also for those who have no factor left: an email and support are their ways back."""
    rows = [TwoFactor(user_id=pk, enabled_at=now, changed_at=now) for pk in people_to_turn_on()]
    with atomic(router.db_for_write(TwoFactor)):
        TwoFactor.objects.bulk_create(rows, batch_size=BATCH, ignore_conflicts=True)
    return len(rows)
