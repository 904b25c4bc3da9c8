"""How many people use two-factor authentication: for the report, the metrics and a page of the admin."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db.models import Count, QuerySet
from django.db.models.functions import TruncDate
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from twofactor import policy
from twofactor.event_kinds import FACTOR_ACCEPTED
from twofactor.factors import backup_codes, methods, required
from twofactor.limits import guesses
from twofactor.models import BackupCode, Event, Phone, Rule, TwoFactor
from twofactor.outgoing import sms
from twofactor.users import has_column, has_relation, only_active


def counts(now: datetime) -> dict[str, int]:
    people = only_active(get_user_model()._default_manager.all())
    enough_codes = (
        BackupCode.objects.filter(used_at=None, expires_at=None)
        .values("user_id")
        .annotate(left=Count("pk"))
        .filter(left__gt=backup_codes.FEW_LEFT)
    )
    enrolled = only_active(TwoFactor.objects.all(), "user__")
    has_staff = has_column("is_staff")
    return {
        "people": people.count(),
        "with_two_factor": enrolled.count(),
        "staff": people.filter(is_staff=True).count() if has_staff else 0,
        "staff_with_two_factor": enrolled.filter(user__is_staff=True).count() if has_staff else 0,
        "with_phone": Phone.objects.exclude(verified_at=None).count() if sms.is_configured() else 0,
        "few_backup_codes": enrolled.exclude(pk__in=enough_codes.values("user_id")).count(),
        "locked_now": guesses.locked_now(now).count(),
    }


def names_short_of_passkeys() -> dict[int, list[str]]:
    """Of those who must use one, now or later: who has none, and who has exactly one, which may be lost."""
    found: dict[int, set[str]] = {0: set(), 1: set()}
    for people in policy.people_who_need_passkeys():
        for name, count in required.count_by_name(people):
            if count in found:
                found[count].add(name)
    return {count: sorted(names) for count, names in found.items()}


@dataclass(frozen=True)
class Share:
    """How many of these people have two-factor authentication."""

    name: str
    scope: str  # as a Rule has it
    group_id: Any
    people: int
    enrolled: int

    @property
    def percent(self) -> int:
        """Rounded down: 100 means everyone."""
        return self.enrolled * 100 // self.people if self.people else 0


def shares(*, with_groups: bool = True) -> list[Share]:
    """Of everyone and of staff, then of each group that has people. Three queries."""
    people = only_active(get_user_model()._default_manager.all())
    found = [share(_("Everyone"), Rule.Scope.EVERYONE, people)]
    if has_column("is_staff"):
        found.append(share(_("Staff"), Rule.Scope.STAFF, people.filter(is_staff=True)))
    if with_groups and has_relation("groups"):
        by_group: Any = (
            people.exclude(groups=None).order_by("groups__name").values_list("groups", "groups__name")
        )
        for group_id, name, count, enrolled in by_group.annotate(n=Count("pk"), on=Count("two_factor")):
            found.append(Share(name, Rule.Scope.GROUP, group_id, count, enrolled))
    return found


def share(name: str, scope: str, people: QuerySet[Any]) -> Share:
    counted = people.aggregate(n=Count("pk"), on=Count("two_factor"))
    return Share(name, scope, None, counted["n"], counted["on"])


def names_without(scope: str, group_id: str) -> Iterator[str]:
    """Of those of a share who have no two-factor authentication. Raises ValueError or DoesNotExist."""
    name = get_user_model().USERNAME_FIELD
    people = policy.people_of(rule_of_share(scope, group_id)).filter(two_factor=None).order_by(name)
    return people.values_list(name, flat=True).iterator()


def rule_of_share(scope: str, group_id: str) -> Rule:
    """One that would be for the people of a share, not saved. Raises ValueError or DoesNotExist."""
    if scope not in {Rule.Scope.EVERYONE, Rule.Scope.STAFF, Rule.Scope.GROUP}:
        raise ValueError(scope)
    return Rule(scope=scope, group=Group.objects.get(pk=int(group_id)) if scope == Rule.Scope.GROUP else None)


def last_days(now: datetime, days: int) -> list[date]:
    """Oldest first; the last of them is today, in UTC."""
    today = now.astimezone(UTC).date()
    return [today - timedelta(days=ago) for ago in reversed(range(days))]


def start_of(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def rows_per_day(rows: QuerySet[Any], column: str, days: list[date]) -> dict[date, int]:
    """Days without a row are included, with 0."""
    recent = rows.filter(**{f"{column}__gte": start_of(days[0])})
    by_day: Any = recent.annotate(day=TruncDate(column, tzinfo=UTC)).values_list("day")
    count_of = dict(by_day.annotate(n=Count("pk")).order_by())
    return {day: count_of.get(day, 0) for day in days}


def events_per_day(now: datetime, days: int, *kinds: str) -> dict[date, int]:
    return rows_per_day(Event.objects.filter(kind__in=kinds), "at", last_days(now, days))


def growth(now: datetime, days: int) -> dict[date, int]:
    """How many people had it on at the end of each day. Who has turned it off since is not counted."""
    dates = last_days(now, days)
    total = TwoFactor.objects.filter(enabled_at__lt=start_of(dates[0])).count()
    totals = {}
    for day, new in rows_per_day(TwoFactor.objects.all(), "enabled_at", dates).items():
        total += new
        totals[day] = total
    return totals


def codes_by_method(now: datetime, days: int) -> dict[str, int]:
    """How many codes of each kind were accepted, at sign-in and on the confirm page."""
    names = {
        methods.TOTP: _("Authenticator app"),
        methods.BACKUP: _("Backup code"),
        methods.SMS: pgettext("two-factor", "Text message"),
        methods.RECOVERY: pgettext("two-factor", "Email"),
    }
    since = start_of(last_days(now, days)[0])
    accepted = Event.objects.filter(kind__in=FACTOR_ACCEPTED, at__gte=since)
    by_method: Any = accepted.values_list("detail__method").annotate(n=Count("pk"))
    count_of = dict(by_method.order_by())
    return {name: count_of.get(method, 0) for method, name in names.items()}
