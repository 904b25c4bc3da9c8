"""Which factors a person has, and what each of them proves."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, QuerySet

from twofactor import statements
from twofactor.models import Authenticator, GuessBudget, Passkey, TwoFactor
from twofactor.users import TwoFactorUser

MAX_APPS = 5
YOUNG_FOR = timedelta(hours=24)


def is_on(user: TwoFactorUser) -> bool:
    """Whether a second factor is asked for. One query.

    An app without the row TwoFactor counts too: after a restore of some tables only, nobody may get in by
    the password alone.
    """
    return has_factor(user.pk)


@statements.exists
def has_factor(user_id: Any) -> Any:
    apps = Authenticator.objects.filter(user_id=user_id).values_list("user_id")
    return TwoFactor.objects.filter(pk=user_id).values_list("pk").union(apps)


def lock(user: TwoFactorUser, now: datetime) -> bool:
    """First in each transaction that changes a person's factors, so that only one at a time does.

    On PostgreSQL it locks the rows, on SQLite it begins to write. That of the guesses first, as whoever
    enters a code does. False if two-factor authentication is off.
    """
    GuessBudget.objects.filter(pk=user.pk).update(failures=F("failures"))
    return lock_after_guesses(user, now)


def lock_after_guesses(user: TwoFactorUser, now: datetime) -> bool:
    """For a transaction that has changed the row of the guesses already."""
    return TwoFactor.objects.filter(pk=user.pk).update(changed_at=now) == 1


def apps_of(user: TwoFactorUser) -> QuerySet[Authenticator]:
    """The oldest first."""
    return Authenticator.objects.filter(user_id=user.pk).order_by("added_at", "pk")


def count_factors(user: TwoFactorUser) -> int:
    """Apps, passkeys and keys. Backup codes, phone and email are ways back, and never count.

    A passkey that the browser has made without asking counts from its first use.
    """
    passkeys = Passkey.objects.filter(user_id=user.pk).exclude(made_quietly=True, last_used_at=None)
    return apps_of(user).count() + passkeys.count()


def proves_everything(app: Authenticator, now: datetime) -> bool:
    """False for an app that a thief may have added: it removes no other factor and changes no address.

    The waiting time belongs to the app. It does not end when an older app goes, or an app of a thief would
    be the oldest one as soon as the owner changes phones.
    """
    return app.full_from is not None and app.full_from <= now


def start_waiting(user: TwoFactorUser, now: datetime) -> None:
    """After a removal: if none of the apps left would ever prove everything, they all do in a day."""
    if not apps_of(user).exclude(full_from=None).exists():
        apps_of(user).update(full_from=now + YOUNG_FOR)
