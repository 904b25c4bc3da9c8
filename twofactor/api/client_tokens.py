"""Recognises the programs a person has signed in with before, so that only a new one is reported by mail.

A User-Agent would prove nothing, because anyone can send one. A program that does not keep its client token
counts as a new one at every sign-in.
"""

from datetime import datetime, timedelta

from django.http import HttpRequest

from twofactor import sealing
from twofactor.sessions import credential_digests
from twofactor.users import TwoFactorUser

HEADER = "X-Client-Token"
PURPOSE = "api client"
MAX_AGE = timedelta(days=90)  # since its last sign-in


def make_token(user: TwoFactorUser, now: datetime) -> str:
    """Sealed with a digest of the password, so that it stops working when the password changes."""
    return sealing.seal(
        PURPOSE,
        sealing.owner_of(user.pk),
        credential_digests.digest(user, credential_digests.PASSWORD_PURPOSE),
        now,
    )


def is_known(user: TwoFactorUser, request: HttpRequest, now: datetime) -> bool:
    token = request.headers.get(HEADER, "")
    try:
        digest = sealing.unseal(PURPOSE, sealing.owner_of(user.pk), token, now, MAX_AGE)
    except sealing.UnsealError:
        return False
    return credential_digests.has_digest(user, credential_digests.PASSWORD_PURPOSE, digest)
