"""Who must have a second factor, and from when."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.module_loading import import_string

EVER = datetime(2000, 1, 1, tzinfo=UTC)  # for a user model that does not know when somebody came
RULES = {
    "nobody": lambda user: False,
    "staff": lambda user: user.is_staff,
    "everyone": lambda user: True,
}


def name() -> str:
    return getattr(settings, "TWOFACTOR_REQUIRED_FOR", "nobody")


def applies_to(user: Any) -> bool:
    """Read at each request: a change of the rule holds from the next one."""
    rule = RULES.get(name()) or import_string(name())
    return bool(rule(user))


def deadline(user: Any) -> datetime | None:
    """From when on this person reaches nothing but set-up; None: never."""
    if not applies_to(user):
        return None
    from_date: date | None = getattr(settings, "TWOFACTOR_REQUIRED_FROM", None)
    grace = timedelta(days=getattr(settings, "TWOFACTOR_GRACE_DAYS", 0))
    starts: list[datetime] = [getattr(user, "date_joined", EVER) + grace]
    if from_date:
        starts.append(datetime.combine(from_date, time.min, timezone.get_current_timezone()))
    return max(starts)


def holds_for(user: Any, now: datetime) -> bool:
    due = deadline(user)
    return due is not None and due <= now
