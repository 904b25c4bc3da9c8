"""Which programs a person has signed in with: those that send back the token they were given.

Anybody can write a User-Agent. A program that keeps no token is a new one each time.
"""

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest

from twofactor import sealing
from twofactor.sessions import credential_digests

HEADER = "X-Client-Token"
PURPOSE = "api client"
MAX_AGE = timedelta(days=90)  # since its last sign-in


def make_token(user: Any, now: datetime) -> str:
    """Dead with the password that it was given for."""
    return sealing.seal(
        PURPOSE,
        sealing.owner_of(user.pk),
        credential_digests.digest(user, credential_digests.PASSWORD_PURPOSE),
        now,
    )


def is_known(user: Any, request: HttpRequest, now: datetime) -> bool:
    token = request.headers.get(HEADER, "")
    try:
        digest = sealing.unseal(PURPOSE, sealing.owner_of(user.pk), token, now, MAX_AGE)
    except sealing.Unopenable:
        return False
    return credential_digests.has_digest(user, credential_digests.PASSWORD_PURPOSE, digest)
