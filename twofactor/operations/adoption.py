"""How far two-factor sign-in has come: numbers for the report and for the page in the administration."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Count, QuerySet
from django.db.models.functions import TruncDate
from django.utils.translation import gettext as _

from twofactor.factors import backup_codes, methods
from twofactor.limits import guesses
from twofactor.models import Authenticator, BackupCode, Event, Phone
from twofactor.outgoing import sms
from twofactor.users import has_column, only_active


def numbers(now: datetime) -> dict[str, int]:
    people = only_active(get_user_model()._default_manager.all())
    plenty = (
        BackupCode.objects.filter(used_at=None, expires_at=None)
        .values("user_id")
        .annotate(left=Count("pk"))
        .filter(left__gt=backup_codes.FEW_LEFT)
    )
    on = only_active(Authenticator.objects.all(), "user__")
    has_staff = has_column("is_staff")
    return {
        "people": people.count(),
        "with_two_factor": on.count(),
        "staff": people.filter(is_staff=True).count() if has_staff else 0,
        "staff_with_two_factor": on.filter(user__is_staff=True).count() if has_staff else 0,
        "with_phone": Phone.objects.exclude(verified_at=None).count() if sms.is_configured() else 0,
        "few_backup_codes": on.exclude(pk__in=plenty.values("user_id")).count(),
        "locked_now": guesses.locked_now(now).count(),
    }


def span(now: datetime, days: int) -> list[date]:
    today = now.astimezone(UTC).date()
    return [today - timedelta(days=ago) for ago in reversed(range(days))]


def start_of(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def per_day(rows: QuerySet[Any], moment: str, shown: list[date]) -> dict[date, int]:
    """How many rows on each of these days, days without any included."""
    since = rows.filter(**{f"{moment}__gte": start_of(shown[0])})
    found: Any = since.annotate(day=TruncDate(moment, tzinfo=UTC)).values_list("day").annotate(n=Count("pk"))
    counted = dict(found.order_by())
    return {day: counted.get(day, 0) for day in shown}


def by_day(now: datetime, days: int, *kinds: str) -> dict[date, int]:
    return per_day(Event.objects.filter(kind__in=kinds), "at", span(now, days))


def growth(now: datetime, days: int) -> dict[date, int]:
    """People with two-factor sign-in at the end of each day, of those who have it today."""
    shown = span(now, days)
    people = Authenticator.objects.filter(enabled_at__lt=start_of(shown[0])).count()
    grown = {}
    for day, new in per_day(Authenticator.objects.all(), "enabled_at", shown).items():
        people += new
        grown[day] = people
    return grown


def by_method(now: datetime, days: int) -> dict[str, int]:
    """What people signed in and proved themselves with."""
    names = {
        methods.TOTP: _("Authenticator app"),
        methods.BACKUP: _("Backup code"),
        methods.SMS: _("Text message"),
        methods.RECOVERY: _("E-mail"),
    }
    accepted = Event.objects.filter(kind="second_factor_accepted", at__gte=start_of(span(now, days)[0]))
    found: Any = accepted.values_list("detail__method").annotate(n=Count("pk"))
    counted = dict(found.order_by())
    return {name: counted.get(method, 0) for method, name in names.items()}
