"""What support does for a user who cannot sign in; recorded with a reason, and mailed to the user."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_permission_codename, get_user_model
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone

from twofactor import devices, events, factor_changes
from twofactor.devices import ListedDevice
from twofactor.factors import backup_codes, code_text, enrolled
from twofactor.limits import guesses
from twofactor.models import BackupCode, GuessBudget, SecurityRecord, TrustedBrowser
from twofactor.operations import restored
from twofactor.recovery import requests
from twofactor.sessions import epoch
from twofactor.users import TwoFactorUser

MAX_VALIDITY = timedelta(hours=24)  # of an emergency code
MAX_REASON_LENGTH = 200


class NothingToDo(Exception):
    """The user has no second factor."""


class NeedsNewPassword(Exception):
    """After too many wrong codes in a row, no code is accepted until the password has changed."""


def may_help(helper: Any, user: Any) -> bool:  # of a model with permissions, as the admin needs it
    """Not a user with permissions that the helper lacks: the helper could sign in as that user."""
    if helper.is_superuser:
        return True
    has_more = user.is_superuser or permissions_if_active(user) - helper.get_all_permissions()
    return not has_more and helper.pk != user.pk


def may_see_people(helper: Any) -> bool:
    people = get_user_model()._meta
    return bool(helper.has_perm(f"{people.app_label}.{get_permission_codename('view', people)}"))


def permissions_if_active(user: Any) -> set[str]:
    """An inactive user has no permissions, but staff who may change users can also activate one.

    Asks a fresh copy, because a user object caches its permissions.
    """
    fresh = type(user)._base_manager.get(pk=user.pk)
    fresh.is_active = True
    return set(fresh.get_all_permissions())


def reset(user: TwoFactorUser, reason: str, by: str, request: HttpRequest | None) -> None:
    """Turn two-factor authentication off, delete everything that belongs to it, and end every session."""
    with events.atomic():
        enrolled.lock(user, timezone.now())
        if not factor_changes.forget_factors(user):
            raise NothingToDo
        GuessBudget.objects.filter(pk=user.pk).delete()
        factor_changes.end_sessions_and_trust(user)
        events.record("reset_by_support", user, request, reason=reason, by=by)


def make_emergency_code(
    user: TwoFactorUser,
    reason: str,
    by: str,
    request: HttpRequest | None,
    now: datetime,
    valid_for: timedelta,
) -> str:
    """A backup code that expires and replaces an earlier one. Only its hash is stored, so it is shown once.

    It also ends a wait after wrong codes, so that it works at once.
    """
    if not enrolled.is_on(user):
        raise NothingToDo
    code = code_text.generate_backup_code()
    row = backup_codes.make_extra_row(user, code, expires_at=now + min(valid_for, MAX_VALIDITY))
    with events.atomic():
        if not guesses.unlock(user):
            raise NeedsNewPassword
        if not enrolled.is_on(user):  # turned off meanwhile: a code would turn it on again
            raise NothingToDo
        BackupCode.objects.filter(user_id=user.pk, used_at=None).exclude(expires_at=None).delete()
        row.save()
        events.record("emergency_code_made", user, request, reason=reason, by=by)
    return code_text.format_backup_code(code)


def end_sessions(user: TwoFactorUser, reason: str, by: str, request: HttpRequest | None) -> None:
    with events.atomic():
        devices.end_others(user, None, timezone.now(), keep_trusted=False)
        events.record("sessions_ended_by_support", user, request, reason=reason, by=by)


def end_device(user: TwoFactorUser, device: ListedDevice, reason: str, by: str, request: HttpRequest) -> None:
    devices.end(device, user, request, "device_ended_by_support", reason=reason, by=by)


def refuse_recovery(user: TwoFactorUser, reason: str, by: str, request: HttpRequest | None) -> None:
    if not requests.refuse(user, request, timezone.now(), reason=reason, by=by):
        raise NothingToDo


def shorten_recovery(
    user: TwoFactorUser, hours: int, reason: str, by: str, request: HttpRequest | None
) -> None:
    """To so many hours from its beginning, and never fewer than 24."""
    if not requests.shorten(user, hours, request, timezone.now(), reason=reason, by=by):
        raise NothingToDo


def after_restore(now: datetime, *, dry_run: bool = False) -> dict[str, int]:
    """The backup does not know which codes were used and sessions ended since, so all of them are ended.

    For whoever has lost the row that says so, two-factor authentication is on again. Returns how many rows
    were changed, or would be.
    """
    codes = BackupCode.objects.filter(used_at=None)
    browsers = TrustedBrowser.objects.all()
    model = get_user_model() if epoch.is_on_user() else SecurityRecord
    epochs = model._default_manager.all()
    if dry_run:
        return {
            "people signed out": epochs.count(),
            "backup codes": codes.count(),
            "browsers": browsers.count(),
            "turned on again": len(restored.people_to_turn_on()),
        }
    return {
        "people signed out": epochs.update(security_epoch=F("security_epoch") + 1),
        "backup codes": codes.update(used_at=now),
        "browsers": browsers.delete()[0],
        "turned on again": restored.turn_on_again(now),
    }
