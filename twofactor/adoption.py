"""How far two-factor sign-in has come: numbers for the report and for the page in the administration."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Count
from django.db.models.functions import TruncDate

from twofactor import backup_codes, sms
from twofactor.models import Authenticator, BackupCode, Event, GuessBudget, Phone


def numbers(now: datetime) -> dict[str, int]:
    people = get_user_model()._default_manager.filter(is_active=True)
    low = (
        BackupCode.objects.filter(used_at=None, expires_at=None)
        .values("user_id")
        .annotate(left=Count("pk"))
        .filter(left__gt=backup_codes.FEW)
    )
    on = Authenticator.objects.filter(user__is_active=True)
    return {
        "people": people.count(),
        "with_two_factor": on.count(),
        "staff": people.filter(is_staff=True).count(),
        "staff_with_two_factor": on.filter(user__is_staff=True).count(),
        "with_phone": Phone.objects.exclude(verified_at=None).count() if sms.is_configured() else 0,
        "few_backup_codes": on.exclude(pk__in=low.values("user_id")).count(),
        "locked_now": GuessBudget.objects.filter(blocked_until__gt=now).count(),
    }


def by_day(now: datetime, days: int, kind: str) -> dict[str, int]:
    """Events of a kind for each of the last days, days without any included."""
    first = (now - timedelta(days=days - 1)).date()
    counted: Any = (
        Event.objects.filter(kind=kind, at__gte=datetime.combine(first, time.min, UTC))
        .annotate(day=TruncDate("at"))
        .values_list("day")
        .annotate(n=Count("pk"))
    )
    found = dict(counted)
    span = [first + timedelta(days=offset) for offset in range(days)]
    return {day.isoformat(): found.get(day, 0) for day in span}


def growth(now: datetime, days: int) -> dict[str, int]:
    """People with two-factor sign-in at the end of each day, of those who have it today."""
    dates = sorted(at.date() for at in Authenticator.objects.values_list("enabled_at", flat=True))
    span = [(now - timedelta(days=days - 1 - offset)).date() for offset in range(days)]
    return {day.isoformat(): sum(1 for date in dates if date <= day) for day in span}
