"""Helping somebody who cannot get in. Each verb leaves its reason in the audit log and tells the person."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest

from twofactor import enrolment, events
from twofactor.factors import backup_codes, code_text
from twofactor.limits import guesses
from twofactor.models import Authenticator, BackupCode, Draft, GuessBudget, Phone, Standing, TrustedBrowser
from twofactor.sessions import epoch

LONGEST = timedelta(hours=24)  # that an emergency code works
LONGEST_REASON = 200  # characters


class NothingToDo(Exception):
    """This person has no second factor."""


class NeedsNewPassword(Exception):
    """After a hundred wrong codes in a row no code helps before the password has changed."""


def may_help(helper: Any, person: Any) -> bool:
    """Whoever helps somebody could sign in as them: so not people with rights that the helper lacks."""
    if helper.is_superuser:
        return True
    stronger = person.is_superuser or rights_if_active(person) - helper.get_all_permissions()
    return not stronger and helper.pk != person.pk


def rights_if_active(person: Any) -> set[str]:
    """Back-ends give an inactive person no rights at all, but whoever helps could let them in again.

    Asked of a fresh copy: the object at hand remembers the rights it was asked for before.
    """
    fresh = type(person)._base_manager.get(pk=person.pk)
    fresh.is_active = True
    return set(fresh.get_all_permissions())


def reset(user: Any, reason: str, by: str, request: HttpRequest | None) -> None:
    """Two-factor sign-in is off, as if it had never been on; every session has ended."""
    with transaction.atomic():
        if not Authenticator.objects.filter(pk=user.pk).delete()[0]:
            raise NothingToDo
        for model in (BackupCode, Draft, Phone, GuessBudget, TrustedBrowser):
            model._default_manager.filter(user_id=user.pk).delete()
        epoch.end_sessions(user)
        events.record("reset_by_support", user, request, reason=reason, by=by)


def emergency_code(
    user: Any, reason: str, by: str, request: HttpRequest | None, now: datetime, valid_for: timedelta
) -> str:
    """One more backup code, with an end, in place of an earlier one. It is shown once, and never stored.

    It works at once: waits after wrong codes are over with it.
    """
    if not enrolment.is_on(user):
        raise NothingToDo
    code = code_text.generate_backup_code()
    row = backup_codes.make_extra_row(user, code, expires_at=now + min(valid_for, LONGEST))
    with transaction.atomic():
        if not guesses.unlock(user):
            raise NeedsNewPassword
        BackupCode.objects.filter(user_id=user.pk, used_at=None).exclude(expires_at=None).delete()
        row.save()
        events.record("emergency_code_made", user, request, reason=reason, by=by)
    return code_text.format_backup_code(code)


def end_sessions(user: Any, reason: str, by: str, request: HttpRequest | None) -> None:
    with transaction.atomic():
        TrustedBrowser.objects.filter(user_id=user.pk).delete()
        epoch.end_sessions(user)
        events.record("sessions_ended_by_support", user, request, reason=reason, by=by)


def after_restore(now: datetime, *, dry_run: bool = False) -> dict[str, int]:
    """A backup knows nothing of codes used and sessions ended since: none of them may live again."""
    codes = BackupCode.objects.filter(used_at=None)
    browsers = TrustedBrowser.objects.all()
    holders = get_user_model() if epoch.is_on_user() else Standing
    people = holders._default_manager.all()
    if dry_run:
        return {
            "people signed out": people.count(),
            "backup codes": codes.count(),
            "browsers": browsers.count(),
        }
    return {
        "people signed out": people.update(security_epoch=F("security_epoch") + 1),
        "backup codes": codes.update(used_at=now),
        "browsers": browsers.delete()[0],
    }
