"""What a site calls in its own views, tasks and commands."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from twofactor import drafts
from twofactor.factor_changes import turn_off
from twofactor.factors.accept import Overtaken, Proof, accept_code
from twofactor.factors.enrolled import is_on as has_two_factor
from twofactor.factors.refusal import Refused
from twofactor.limits.guesses import Locked
from twofactor.sessions import epoch
from twofactor.signin.pending import after_password
from twofactor.users import TwoFactorUser, email_of, is_verified

__all__ = [
    "Locked",
    "Overtaken",
    "Proof",
    "Refused",
    "accept_code",
    "after_password",
    "confirm_address",
    "end_sessions",
    "forget_confirmation",
    "has_two_factor",
    "is_verified",
    "turn_off",
]


def end_sessions(user: TwoFactorUser) -> None:
    """Everywhere, also over the API, and trust in browsers with them."""
    epoch.end_sessions(user)


def confirm_address(user: TwoFactorUser) -> bool:
    """The person has shown that they read mail at the address that this object has.

    False if the address is another one by now. For a user who signed up by themselves, the first confirmation
    ends all sessions, because someone else may have signed up with the address.
    """
    record = epoch.security_record(user)
    address = {f"{'' if record is user else 'user__'}{user.get_email_field_name()}": email_of(user)}
    new: dict[str, Any] = {"email_verified_at": timezone.now()}
    is_first = getattr(user, "unconfirmed_since", None) is not None
    if is_first:
        new["unconfirmed_since"] = None
    with transaction.atomic(using=record._state.db):
        if not type(record)._default_manager.filter(pk=user.pk, **address).update(**new):
            return False
        if is_first:
            drafts.end_unconfirmed_sessions(user)
    vars(record).update(new)
    return True


def forget_confirmation(user: TwoFactorUser) -> None:
    """The address is a new one that nobody has confirmed: no codes go to it."""
    record = epoch.security_record(user)
    type(record)._default_manager.filter(pk=user.pk).update(email_verified_at=None)
    record.email_verified_at = None
