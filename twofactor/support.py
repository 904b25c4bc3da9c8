"""Helping somebody who cannot get in. Each verb leaves its reason in the audit log and tells the person."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.http import HttpRequest

from twofactor import alphabet, backup_codes, enrolment, events, standing
from twofactor.models import Authenticator, BackupCode, Draft, GuessBudget, Phone

LONGEST = timedelta(hours=24)


class NothingToDo(Exception):
    """This person has no second factor."""


def reset(user: Any, reason: str, by: str, request: HttpRequest | None) -> None:
    """Two-factor sign-in is off, as if it had never been on; every session has ended."""
    with transaction.atomic():
        if not Authenticator.objects.filter(pk=user.pk).delete()[0]:
            raise NothingToDo
        for model in (BackupCode, Draft, Phone, GuessBudget):
            model._default_manager.filter(user_id=user.pk).delete()
        standing.end_sessions(user)
        events.record("reset_by_support", user, request, reason=reason, by=by)


def emergency_code(
    user: Any, reason: str, by: str, request: HttpRequest | None, now: datetime, valid_for: timedelta
) -> str:
    """One more backup code, with an end. It is shown once, to whoever helps, and never stored."""
    if not enrolment.is_on(user):
        raise NothingToDo
    code = alphabet.backup_code()
    row = backup_codes.one_more(user, code, expires_at=now + min(valid_for, LONGEST))
    with transaction.atomic():
        row.save()
        events.record("emergency_code_made", user, request, reason=reason, by=by)
    return alphabet.grouped(code)


def end_sessions(user: Any, reason: str, by: str, request: HttpRequest | None) -> None:
    with transaction.atomic():
        standing.end_sessions(user)
        events.record("sessions_ended", user, request, reason=reason, by=by)
