"""What a passkey signs: random bytes that are good for one use, in one place, for a few minutes.

They travel in a hidden field of the form, sealed, so two tabs or two forms of one page never overwrite one
another. Nothing is stored before they are spent.
"""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils.crypto import constant_time_compare

from twofactor import sealing, statements
from twofactor.models import SpentChallenge

PURPOSE = "passkey challenge"
MAX_AGE = timedelta(minutes=10)
LENGTH = 32  # bytes

# What the answer is given for. A challenge for one is none for the others.
SIGN_IN = "signin"  # with the passkey alone
SECOND = "second"  # after the password
STEP_UP = "step_up"  # with the passkey alone
STEP_UP_WITH_PASSWORD = "step_up_with_password"  # noqa: S105 - a use
ADD_PASSKEY = "add_passkey"
ADD_KEY = "add_key"


class Invalid(Exception):
    """It is not ours, for another use, person or place, too old, or spent. The text is for the log."""


@dataclass(frozen=True)
class Purpose:
    use: str
    owner: str
    """The key of the person; empty for a sign-in, when nobody is known."""

    bound_to: str = field(repr=False)
    """The browser, the pending sign-in or the session that it was made for."""

    def digest(self) -> str:
        """Short, because each page carries it: for 16 bytes nobody finds another session with the same."""
        return as_text(hashlib.sha256(self.bound_to.encode()).digest()[:16])


@dataclass(frozen=True)
class Challenge:
    value: bytes = field(repr=False)
    handle: bytes = field(repr=False, default=b"")
    """With a new passkey: the random name of the person that their device is given."""


def make(purpose: Purpose, now: datetime, handle: bytes = b"") -> tuple[Challenge, str]:
    """The challenge, and the token that brings it back."""
    challenge = Challenge(secrets.token_bytes(LENGTH), handle)
    value = [purpose.use, purpose.digest(), as_text(challenge.value), as_text(handle)]
    return challenge, sealing.seal(PURPOSE, purpose.owner, value, now)


def as_text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def read(token: str, purpose: Purpose, now: datetime) -> Challenge:
    try:
        value: Any = sealing.unseal(PURPOSE, purpose.owner, token, now, MAX_AGE)
    except sealing.UnsealError:
        raise Invalid("the challenge does not open, or is too old") from None
    use, bound_to, challenge, handle = value
    if use != purpose.use or not constant_time_compare(bound_to, purpose.digest()):
        raise Invalid("the challenge was made for something else")
    return Challenge(base64.b64decode(challenge), base64.b64decode(handle))


def spend(challenge: Challenge, now: datetime) -> None:
    """First in the transaction of what it is given for. Of two that spend it, one raises IntegrityError."""
    statements.insert(SpentChallenge(digest=digest_of(challenge), spent_at=now))


def was_spent(challenge: Challenge) -> bool:
    """Asked after an IntegrityError: was this the reason?"""
    return SpentChallenge.objects.filter(pk=digest_of(challenge)).exists()


def digest_of(challenge: Challenge) -> str:
    return hashlib.sha256(challenge.value).hexdigest()
