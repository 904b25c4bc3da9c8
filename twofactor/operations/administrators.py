"""Whether a rule or setting would lock out every administrator."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import PermissionsMixin
from django.utils import timezone

from twofactor.factors import authenticator_app, backup_codes, enrolled, passkeys, required
from twofactor.users import TwoFactorUser, only_active


def superusers() -> list[Any]:
    """Who can open the administration to take a rule back; none where the user model has no permissions."""
    people = get_user_model()
    if not issubclass(people, PermissionsMixin):
        return []
    active = only_active(people._default_manager.filter(is_superuser=True))
    return [user for user in active if user.is_active and (user.has_usable_password() or has_passkey(user))]


def has_passkey(user: TwoFactorUser) -> bool:
    return bool(passkeys.usable_alone(enrolled.passkeys_of(user)))


def are_all_locked_out(is_held: Callable[[Any], bool]) -> bool:
    return are_all_held(is_held, can_sign_in)


def have_no_passkey(is_held: Callable[[Any], bool]) -> bool:
    """If all of them have to use one, at least one must be able to."""
    return are_all_held(is_held, required.has_passkey)


def are_all_held(is_held: Callable[[Any], bool], can: Callable[[Any], bool]) -> bool:
    found = superusers()
    return bool(found) and all(map(is_held, found)) and not any(map(can, found))


def can_sign_in(user: TwoFactorUser) -> bool:
    """By setting up, with a backup code, with a passkey, or with an app whose key can be unsealed."""
    if not enrolled.is_on(user) or backup_codes.count_unused(user):
        return True
    if passkeys.usable(enrolled.passkeys_of(user)):
        return True
    return any(authenticator_app.opens(app, timezone.now()) for app in enrolled.apps_of(user))
