"""The reminder to set up two-factor authentication. Dismissing it hides it for REST."""

from datetime import datetime, timedelta

from django.contrib.auth.models import AnonymousUser

from twofactor import drafts, policy
from twofactor.factors import enrolled
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


def dismiss(user: TwoFactorUser, now: datetime) -> None:
    Reminder.objects.update_or_create(pk=user.pk, defaults={"dismissed_at": now})
