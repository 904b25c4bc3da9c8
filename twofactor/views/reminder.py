"""The reminder to set up two-factor authentication. Dismissing it hides it for REST."""

from datetime import datetime, timedelta

from django.contrib.auth.models import AnonymousUser

from twofactor import drafts, policy
from twofactor.factors import enrolled, passkeys, required
from twofactor.models import Reminder
from twofactor.users import TwoFactorUser

REST = timedelta(days=30)


def is_due(user: TwoFactorUser | AnonymousUser, now: datetime) -> bool:
    """Says whether to show the reminder to this person now."""
    if not user.is_authenticated or drafts.needs_confirmed_address(user) or enrolled.is_on(user):
        return False
    if policy.applies_to(user):
        return True  # what will be demanded cannot be put off
    return not Reminder.objects.filter(pk=user.pk, dismissed_at__gt=now - REST).exists()


def passkey_due(user: TwoFactorUser) -> datetime | None:
    """From when this person needs a passkey, if they have none."""
    if not policy.may_require_passkey(user) or not passkeys.are_offered():
        return None
    due = policy.passkey_deadline(user)
    return None if due is None or required.has_passkey(user) else due


def dismiss(user: TwoFactorUser, now: datetime) -> None:
    Reminder.objects.update_or_create(pk=user.pk, defaults={"dismissed_at": now})
