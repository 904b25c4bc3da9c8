"""Keyed digests of a person's password hash and email address, in their rows of GuessBudget and Recovery.

They tell whether either has changed since a moment, in any site and by anyone. epoch.auth_hash()
cannot, because it also differs once the epoch or SECRET_KEY has changed.
"""

from typing import Any

from django.contrib.auth.hashers import get_hasher, identify_hasher

from twofactor import sealing
from twofactor.models import GuessBudget, Recovery
from twofactor.users import TwoFactorUser, email_for_codes

PASSWORD_PURPOSE = "password"  # noqa: S105 - what a digest is for
ADDRESS_PURPOSE = "address of a person"
DIGESTS = {
    "password_digest": PASSWORD_PURPOSE,
    "proven_password_digest": PASSWORD_PURPOSE,
    "proven_address_digest": ADDRESS_PURPOSE,
}
OF_MODELS: dict[type[GuessBudget | Recovery], dict[str, str]] = {
    GuessBudget: DIGESTS,
    Recovery: {"password_digest": PASSWORD_PURPOSE, "address_digest": ADDRESS_PURPOSE},
}


def digested_text(user: TwoFactorUser, purpose: str) -> str:
    return f"{user.pk}|{user.password if purpose == PASSWORD_PURPOSE else email_for_codes(user)}"


def digest(user: TwoFactorUser, purpose: str) -> str:
    return sealing.fingerprint(purpose, digested_text(user, purpose))


def has_digest(user: TwoFactorUser, purpose: str, stored: str) -> bool:
    return sealing.has_fingerprint(purpose, digested_text(user, purpose), stored)


def current(user: TwoFactorUser) -> dict[str, str]:
    """To be stored when a person has given password and factor."""
    return {
        "proven_password_digest": digest(user, PASSWORD_PURPOSE),
        "proven_address_digest": digest(user, ADDRESS_PURPOSE),
    }


def are_unchanged(user: TwoFactorUser, guesses: GuessBudget | None) -> bool:
    """Since password and factor were given last? False if they never were."""
    return guesses is not None and all(
        has_digest(user, DIGESTS[column], getattr(guesses, column)) for column in current(user)
    )


def with_newest_key(row: GuessBudget | Recovery) -> dict[str, str]:
    """For key rotation. A digest that no longer matches becomes one that matches nothing.

    One whose key is lost is left out: made anew, it would say that the password has not changed.
    """
    user, new = row.user, {}
    for column, purpose in OF_MODELS[type(row)].items():
        stored = getattr(row, column)
        if sealing.can_check(stored):
            is_same = has_digest(user, purpose, stored)
            new[column] = digest(user, purpose) if is_same else sealing.fingerprint(purpose, "")
    return new


def keep_digests(sender: Any, instance: Any, update_fields: Any = None, **kwargs: Any) -> None:
    """Before Django saves the same password with a newer hasher, so that it does not count as a new one.

    Django then saves this column alone, with _password set to None. A new password leaves its text there.
    """
    if update_fields != {"password"} or vars(instance).get("_password", "") is not None:
        return
    stored = sender._base_manager.filter(pk=instance.pk).only("password").first()
    if stored is None or not is_outdated(stored.password):
        return
    for model, columns in OF_MODELS.items():
        keep_digests_of(model._default_manager.filter(pk=instance.pk), columns, stored, instance)


def keep_digests_of(rows: Any, columns: dict[str, str], before: TwoFactorUser, after: TwoFactorUser) -> None:
    row = rows.first()
    names = [name for name, purpose in columns.items() if row and purpose == PASSWORD_PURPOSE]
    digests = {name: getattr(row, name) for name in names}
    same = {name: value for name, value in digests.items() if has_digest(before, PASSWORD_PURPOSE, value)}
    if same:
        rows.filter(**same).update(**dict.fromkeys(same, digest(after, PASSWORD_PURPOSE)))


def is_outdated(password: str) -> bool:
    """Decides as Django's check_password() does."""
    try:
        hasher = identify_hasher(password)
    except ValueError:
        return False
    preferred = get_hasher()
    return hasher.algorithm != preferred.algorithm or preferred.must_update(password)
