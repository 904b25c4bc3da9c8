"""Which programs a person has signed in with: those that send back the token they were given.

Anybody can write a User-Agent. A program that keeps no token is a new one each time.
"""

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest

from twofactor import standing, vault
from twofactor.models import owner

HEADER = "X-Client-Token"
PURPOSE = "api client"
MAX_AGE = timedelta(days=90)  # since its last sign-in


def make_token(user: Any, now: datetime) -> str:
    """Dead with the password that it was given for."""
    return vault.seal(PURPOSE, owner(user.pk), standing.digest(user, standing.PASSWORD_PURPOSE), now)


def is_known(user: Any, request: HttpRequest, now: datetime) -> bool:
    token = request.headers.get(HEADER, "")
    try:
        digest = vault.unseal(PURPOSE, owner(user.pk), token, now, MAX_AGE)
    except vault.Unopenable:
        return False
    return standing.has_digest(user, standing.PASSWORD_PURPOSE, digest)
