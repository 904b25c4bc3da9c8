"""What ends a person's sessions, and what is known of their address.

It stands on the user model if that has room for it (user.SecurityMixin), which costs nothing. In a site
whose model has none, a row of ours stands in, at one query a request.
"""

from typing import Any

from django.contrib.auth.hashers import get_hasher, identify_hasher

from twofactor import sealing
from twofactor.models import GuessBudget
from twofactor.users import email_of

PASSWORD_PURPOSE = "password"  # noqa: S105 - what a digest is for
ADDRESS_PURPOSE = "address of a person"
DIGESTS = {
    "password_digest": PASSWORD_PURPOSE,
    "proven_password_digest": PASSWORD_PURPOSE,
    "proven_address_digest": ADDRESS_PURPOSE,
}


def text_of(user: Any, purpose: str) -> str:
    return f"{user.pk}|{user.password if purpose == PASSWORD_PURPOSE else email_of(user)}"


def digest(user: Any, purpose: str) -> str:
    return sealing.fingerprint(purpose, text_of(user, purpose))


def has_digest(user: Any, purpose: str, stored: str) -> bool:
    return sealing.has_fingerprint(purpose, text_of(user, purpose), stored)


def proof(user: Any) -> dict[str, str]:
    """For the row of a person who has just given password and factor."""
    return {
        "proven_password_digest": digest(user, PASSWORD_PURPOSE),
        "proven_address_digest": digest(user, ADDRESS_PURPOSE),
    }


def is_unchanged(user: Any, guesses: GuessBudget | None) -> bool:
    """Are password and address those of the last proof with a factor? Without one, no."""
    return guesses is not None and all(
        has_digest(user, DIGESTS[column], getattr(guesses, column)) for column in proof(user)
    )


def renewed(guesses: GuessBudget) -> dict[str, str]:
    """The digests under the newest key; of what has changed since, one that fits no password or address.

    One whose key is lost stays as it is: it may not begin to say that the password is a new one.
    """
    user, new = guesses.user, {}
    for column, purpose in DIGESTS.items():
        stored = getattr(guesses, column)
        if sealing.can_check(stored):
            is_same = has_digest(user, purpose, stored)
            new[column] = digest(user, purpose) if is_same else sealing.fingerprint(purpose, "")
    return new


def keep_digests(sender: Any, instance: Any, update_fields: Any = None, **kwargs: Any) -> None:
    """Django hashes a password anew when somebody gives it and its hash is outdated: no new password.

    It then saves that column alone, after setting _password to None, where a new password leaves its text.
    """
    if update_fields != {"password"} or vars(instance).get("_password", "") is not None:
        return
    stored = sender._base_manager.filter(pk=instance.pk).only("password").first()
    guesses = GuessBudget.objects.filter(pk=instance.pk).first()
    if stored is None or guesses is None or not is_outdated(stored.password):
        return
    digests = {
        name: getattr(guesses, name) for name, purpose in DIGESTS.items() if purpose == PASSWORD_PURPOSE
    }
    same = {name: value for name, value in digests.items() if has_digest(stored, PASSWORD_PURPOSE, value)}
    if same:
        new = dict.fromkeys(same, digest(instance, PASSWORD_PURPOSE))
        GuessBudget.objects.filter(pk=instance.pk, **same).update(**new)


def is_outdated(password: str) -> bool:
    """As Django's check_password() decides."""
    try:
        hasher = identify_hasher(password)
    except ValueError:
        return False
    preferred = get_hasher()
    return hasher.algorithm != preferred.algorithm or preferred.must_update(password)
