"""How passwords are hashed, and how long a wrong one takes."""

import hashlib
import time
from functools import lru_cache

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import Argon2PasswordHasher, PBKDF2PasswordHasher, make_password
from django.db.models import Q
from django.db.models.functions import Substr

from twofactor.clocks import HOUR

OTHER = (
    f"{PBKDF2PasswordHasher.algorithm}$"  # what another site stored stands behind it: iterations, salt, hash
)
FROM_ANOTHER_SITE = Q(password__startswith=OTHER)
NUMBER_LENGTH = 8  # of iterations, and the $ behind them
LOOK_AGAIN = HOUR


class Argon2(Argon2PasswordHasher):
    """OWASP's figures for Argon2id: a tenth of the time of Django's PBKDF2, and dearer to attack."""

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1


def spend_the_rest(encoded: str) -> None:
    """After a wrong password: whatever a check of the dearest hash would have cost more.

    Else the time would list everybody who came from another site and has not signed in here yet. Nobody's
    hash is an empty text; Django has spent one of ours on them.
    """
    most, spent = dearest(), iterations(encoded)
    if most > spent:
        hashlib.pbkdf2_hmac("sha256", b"wrong", b"salt", most - spent)
    if spent:
        make_password("wrong")


def iterations(encoded: str) -> int:
    number = encoded.removeprefix(OTHER).partition("$")[0]
    return int(number) if encoded.startswith(OTHER) and number.isdecimal() else 0


def dearest() -> int:
    return most_iterations(int(time.monotonic() / LOOK_AGAIN.total_seconds()))


@lru_cache(maxsize=1)
def most_iterations(hour: int) -> int:
    """Of all such hashes that there are. Once an hour the index of these people, ever fewer, is read."""
    people = get_user_model()._default_manager.filter(FROM_ANOTHER_SITE)
    found = people.annotate(cost=Substr("password", 1, len(OTHER) + NUMBER_LENGTH)).values_list(
        "cost", flat=True
    )
    return max((iterations(cost) for cost in found.distinct()), default=0)
