"""What stands in another app's tables, before anything here is touched."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

# Reasons to stay behind that nobody has to do anything about.
UNCONFIRMED = "not confirmed"
ANOTHER = "another device of the same person"
NOT_DEFAULT = "not named default"
SECURITY_KEY = "security key"

NO_AUTHENTICATOR = "has a second factor there, but no authenticator app"


class Unreadable(Exception):
    """Nothing can be read from this source; why, in one sentence."""


@dataclass(frozen=True)
class Found:
    """One person's second factor."""

    user_id: Any
    key: str = field(repr=False)  # base32
    last_step: int
    digits: int = 6
    period: int = 30
    t0: int = 0
    drift: int = 0
    since: datetime | None = None
    last_used_at: datetime | None = None
    codes: tuple[str, ...] = field(default=(), repr=False)  # unused, as people have them on paper
    phone: str = field(default="", repr=False)
    lost: tuple[str, ...] = ()  # what of theirs cannot come along, and why


@dataclass(frozen=True)
class LeftOut:
    user_id: Any
    reason: str
    is_fault: bool = False
