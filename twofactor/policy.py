"""Who must have a second factor, and from when: by the setting, and by the rules in the database."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, cast

from django.utils import timezone
from django.utils.module_loading import import_string

from twofactor import conf
from twofactor.models import Rule
from twofactor.users import TwoFactorUser, has_relation, is_staff

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)  # for a user model without date_joined
SETTINGS: dict[str, Callable[[TwoFactorUser], bool]] = {
    conf.NOBODY: lambda user: False,
    conf.STAFF: is_staff,
    conf.EVERYONE: lambda user: True,
}


def applies_to(user: TwoFactorUser) -> bool:
    """Must this user have a second factor, now or later?

    Nothing is kept from one request to the next, so that a change works at once.
    """
    return setting_applies_to(user) or bool(rules_for(user))


def setting_applies_to(user: TwoFactorUser) -> bool:
    applies = SETTINGS.get(conf.required_for()) or import_string(conf.required_for())
    return bool(applies(user))


def rules_for(user: TwoFactorUser) -> list[Rule]:
    """One query. As a union each part has an index: there may be a rule for each of many people."""
    scopes = [Rule.Scope.EVERYONE, *([Rule.Scope.STAFF] if is_staff(user) else [])]
    parts = [Rule.objects.filter(scope=Rule.Scope.PERSON, user_id=user.pk)]
    if has_relation("groups"):
        groups = cast(Any, user).groups.all()
        parts.append(Rule.objects.filter(scope=Rule.Scope.GROUP, group__in=groups))
    return list(Rule.objects.filter(scope__in=scopes).union(*parts, all=True))


def deadline(user: TwoFactorUser) -> datetime | None:
    """The time from which the user reaches only the setup, or None if nothing requires a second factor.

    The setting is the least there is: a rule can only make it earlier.
    """
    joined: datetime = getattr(user, "date_joined", LONG_AGO)
    ends = [
        max(joined, start_of(rule.starts_on)) + timedelta(days=rule.grace_days) for rule in rules_for(user)
    ]
    if setting_applies_to(user):
        first_day = conf.required_from()
        ends.append(max([joined + conf.grace_period(), *([start_of(first_day)] if first_day else [])]))
    return min(ends, default=None)


def start_of(day: date) -> datetime:
    return datetime.combine(day, time.min, timezone.get_current_timezone())


def is_enforced_for(user: TwoFactorUser, now: datetime) -> bool:
    """Has the deadline of the user passed?"""
    due = deadline(user)
    return due is not None and due <= now
