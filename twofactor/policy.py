"""Who must have a second factor, and from when."""

from datetime import UTC, datetime, time
from typing import Any

from django.utils import timezone
from django.utils.module_loading import import_string

from twofactor import conf
from twofactor.users import is_staff

EVER = datetime(2000, 1, 1, tzinfo=UTC)  # for a user model that does not know when somebody came
RULES = {
    "nobody": lambda user: False,
    "staff": is_staff,
    "everyone": lambda user: True,
}


def applies_to(user: Any) -> bool:
    """Read at each request: a change of the rule holds from the next one."""
    rule = RULES.get(conf.required_for()) or import_string(conf.required_for())
    return bool(rule(user))


def deadline(user: Any) -> datetime | None:
    """From when on this person reaches nothing but set-up; None: never."""
    if not applies_to(user):
        return None
    starts: list[datetime] = [getattr(user, "date_joined", EVER) + conf.grace()]
    if from_date := conf.required_from():
        starts.append(datetime.combine(from_date, time.min, timezone.get_current_timezone()))
    return max(starts)


def holds_for(user: Any, now: datetime) -> bool:
    due = deadline(user)
    return due is not None and due <= now
