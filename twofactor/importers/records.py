"""What an importer has read from the tables of another app. Reading changes nothing."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

# Reasons for LeftOut that need no action.
UNCONFIRMED = "not confirmed"
NOT_DEFAULT = "not named default"
SECURITY_KEY = "security key"

NO_AUTHENTICATOR = "uses another method there, but no authenticator app"


class SourceError(Exception):
    """Nothing can be read from this source. The message is one sentence that says why."""


@dataclass(frozen=True)
class ReadOptions:
    now: datetime
    only_default: bool = False  # of the devices of django-otp, only those named "default"


@dataclass(frozen=True)
class ForeignApp:
    """One authenticator app. Every value is as it is stored there, and may be of any type."""

    key: str = field(repr=False)  # base32
    last_step: int
    digits: int = 6
    period: int = 30
    t0: int = 0
    drift: int = 0
    name: str = ""
    added_at: datetime | None = None
    last_used_at: datetime | None = None


@dataclass(frozen=True)
class ForeignFactor:
    """The second factor of one user in the other app."""

    user_id: Any
    apps: tuple[ForeignApp, ...]  # the most important first: there may be more than can be imported
    backup_codes: tuple[str, ...] = field(default=(), repr=False)  # unused ones, as on paper
    phone: str = field(default="", repr=False)
    faults: tuple[str, ...] = ()  # what cannot be imported with it, and why


@dataclass(frozen=True)
class LeftOut:
    """Something that is not imported. A fault needs action, and is listed with the user's name."""

    user_id: Any
    reason: str
    is_fault: bool = False
