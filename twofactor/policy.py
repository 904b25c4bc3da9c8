"""Who must have a second factor, and from when."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.module_loading import import_string

RULES = {
    "nobody": lambda user: False,
    "staff": lambda user: user.is_staff,
    "everyone": lambda user: True,
}


def applies_to(user: Any) -> bool:
    """Read at each request: a change of the rule holds from the next one."""
    name = getattr(settings, "TWOFACTOR_REQUIRED_FOR", "nobody")
    rule = RULES.get(name) or import_string(name)
    return bool(rule(user))


def deadline(user: Any) -> datetime | None:
    """From when on this person reaches nothing but set-up; None: never."""
    if not applies_to(user):
        return None
    from_date: date | None = getattr(settings, "TWOFACTOR_REQUIRED_FROM", None)
    grace = timedelta(days=getattr(settings, "TWOFACTOR_GRACE_DAYS", 0))
    starts: list[datetime] = [user.date_joined + grace]
    if from_date:
        starts.append(datetime.combine(from_date, time.min, timezone.get_current_timezone()))
    return max(starts)


def holds_for(user: Any, now: datetime) -> bool:
    due = deadline(user)
    return due is not None and due <= now
