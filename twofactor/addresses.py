"""What a site says of an address: someone has shown that they read mail there, or nobody has yet."""

from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from twofactor import drafts
from twofactor.sessions import epoch
from twofactor.users import TwoFactorUser, email_of


def confirm_address(user: TwoFactorUser) -> bool:
    """The person has shown that they read mail at the address that this object has.

    False if the address is another one by now. For a user who signed up by themselves, the first confirmation
    ends all sessions, because someone else may have signed up with the address.
    """
    record = epoch.security_record(user)  # perhaps request.user, whose type() is that of a lazy object
    address = {f"{'' if record is user else 'user__'}{user.get_email_field_name()}": email_of(user)}
    new: dict[str, Any] = {"email_verified_at": timezone.now()}
    is_first = getattr(user, "unconfirmed_since", None) is not None
    if is_first:
        new["unconfirmed_since"] = None
    with transaction.atomic(using=record._state.db):
        if not record._meta.model._default_manager.filter(pk=user.pk, **address).update(**new):
            return False
        if is_first and has_signed_in(user):
            drafts.end_unconfirmed_sessions(user)
    for name, value in new.items():
        setattr(record, name, value)
    return True


def forget_confirmation(user: TwoFactorUser) -> None:
    """The address is a new one that nobody has confirmed: no codes go to it."""
    record = epoch.security_record(user)
    record._meta.model._default_manager.filter(pk=user.pk).update(email_verified_at=None)
    record.email_verified_at = None


def has_signed_in(user: TwoFactorUser) -> bool:
    """Before that there is nothing to end, and a sign-in may wait for the address in this very request."""
    return get_user_model()._default_manager.filter(pk=user.pk).exclude(last_login=None).exists()
