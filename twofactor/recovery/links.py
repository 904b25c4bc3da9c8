"""The two links of a recovery: the one that stops it needs nothing else, the one that finishes it does."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.urls import reverse

from twofactor import sealing
from twofactor.clocks import DAY
from twofactor.models import Recovery

STOP = "stop a recovery"
FINISH = "finish a recovery"
FINISH_FOR = DAY
STOP_FOR = timedelta(days=60)  # longer than any wait; it is dead with its request


class DeadLink(Exception):
    """The link is too old or not ours, or its request is over."""


@dataclass(frozen=True)
class Named:
    """Which request a link is about."""

    user_pk: str
    request_id: UUID
    told_at: str = ""


def make_stop(row: Recovery, now: datetime) -> str:
    """The path."""
    token = sealing.seal(STOP, "", [str(row.pk), str(row.request_id)], now)
    return reverse("twofactor:recovery_stop", args=[token])


def make_finish(row: Recovery, now: datetime) -> str:
    """The path, for a request whose wait is over. A wait that begins anew ends the link."""
    told_at = row.told_at.isoformat() if row.told_at else ""
    token = sealing.seal(FINISH, "", [str(row.pk), str(row.request_id), told_at], now)
    return reverse("twofactor:recovery_finish", args=[token])


def read_stop(token: str, now: datetime) -> Named:
    return Named(*read(STOP, token, now, STOP_FOR))


def read_finish(token: str, now: datetime) -> Named:
    return Named(*read(FINISH, token, now, FINISH_FOR))


def read(purpose: str, token: str, now: datetime, age: timedelta) -> list[Any]:
    try:
        pk, request_id, *more = sealing.unseal(purpose, "", token, now, age)
    except sealing.UnsealError:
        raise DeadLink from None
    return [pk, UUID(request_id), *more]
