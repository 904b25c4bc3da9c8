"""Who must have a second factor, and from when."""

from collections.abc import Callable
from datetime import UTC, datetime, time

from django.utils import timezone
from django.utils.module_loading import import_string

from twofactor import conf
from twofactor.users import TwoFactorUser, is_staff

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)  # for a user model without date_joined
RULES: dict[str, Callable[[TwoFactorUser], bool]] = {
    conf.NOBODY: lambda user: False,
    conf.STAFF: is_staff,
    conf.EVERYONE: lambda user: True,
}


def applies_to(user: TwoFactorUser) -> bool:
    """Must this user have a second factor, now or later? Asked at each request, so a change works at once."""
    rule = RULES.get(conf.required_for()) or import_string(conf.required_for())
    return bool(rule(user))


def deadline(user: TwoFactorUser) -> datetime | None:
    """The time from which the user reaches only the setup, or None if the policy does not apply."""
    if not applies_to(user):
        return None
    starts: list[datetime] = [getattr(user, "date_joined", LONG_AGO) + conf.grace_period()]
    if from_date := conf.required_from():
        starts.append(datetime.combine(from_date, time.min, timezone.get_current_timezone()))
    return max(starts)


def is_enforced_for(user: TwoFactorUser, now: datetime) -> bool:
    """Has the deadline of the user passed?"""
    due = deadline(user)
    return due is not None and due <= now
