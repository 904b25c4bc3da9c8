"""How passwords are hashed, and how long the check of a wrong one takes.

Accounts that came from another site have a PBKDF2 hash until they sign in here for the first time.
"""

import hashlib
import time
from functools import lru_cache

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import Argon2PasswordHasher, PBKDF2PasswordHasher, make_password
from django.db.models import Q
from django.db.models.functions import Substr

from twofactor.clocks import HOUR

PBKDF2 = f"{PBKDF2PasswordHasher.algorithm}$"  # then: iterations$salt$hash
FROM_ANOTHER_SITE = Q(password__startswith=PBKDF2)
ITERATIONS_LENGTH = 8  # of the number and the $ after it
LOOK_AGAIN = HOUR


class Argon2(Argon2PasswordHasher):
    """OWASP's parameters for Argon2id: ten times as fast as Django's PBKDF2, and harder to attack."""

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1


def take_equally_long(encoded: str) -> None:
    """Spend, after a wrong password, the difference to the check of the slowest hash in the table.

    Otherwise timing would list the accounts that came from another site and have not signed in here yet.
    `encoded` is empty if there is no such account; Django has then computed one Argon2 hash.
    """
    most, spent = most_iterations_now(), iterations(encoded)
    if most > spent:
        hashlib.pbkdf2_hmac("sha256", b"wrong", b"salt", most - spent)
    if spent:
        make_password("wrong")


def iterations(encoded: str) -> int:
    """0 for a hash that is not PBKDF2."""
    number = encoded.removeprefix(PBKDF2).partition("$")[0]
    return int(number) if encoded.startswith(PBKDF2) and number.isdecimal() else 0


def most_iterations_now() -> int:
    return most_iterations(int(time.monotonic() / LOOK_AGAIN.total_seconds()))


@lru_cache(maxsize=1)
def most_iterations(hour: int) -> int:
    """The most iterations in any PBKDF2 hash. Read once an hour, from an index of these accounts alone."""
    people = get_user_model()._default_manager.filter(FROM_ANOTHER_SITE)
    found = people.annotate(iterations=Substr("password", 1, len(PBKDF2) + ITERATIONS_LENGTH)).values_list(
        "iterations", flat=True
    )
    return max((iterations(start) for start in found.distinct()), default=0)
