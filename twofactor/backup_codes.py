"""Ten codes on paper, each of which lets somebody in once."""

import secrets
from base64 import b64decode
from datetime import datetime

from argon2.low_level import Type, hash_secret
from django.contrib.auth.base_user import AbstractBaseUser

from twofactor import alphabet
from twofactor.models import BackupCode

COUNT = 10
FEW = 3  # from here on the person is asked to make new ones
SALT_BYTES = 16
TIME_COST, MEMORY_COST, PARALLELISM = 2, 19 * 1024, 1  # as for passwords


def generate() -> list[str]:
    return [alphabet.backup_code() for _ in range(COUNT)]


def hashed(code: str, salt: bytes) -> str:
    digest = hash_secret(code.encode(), salt, TIME_COST, MEMORY_COST, PARALLELISM, hash_len=32, type=Type.ID)
    return digest.decode()


def rows(user: AbstractBaseUser, codes: list[str]) -> list[BackupCode]:
    """Unsaved: ten hashes take a third of a second, in which no transaction may be open.

    One salt for the set, so that a guess costs one hash, however many codes are left.
    """
    salt = secrets.token_bytes(SALT_BYTES)
    return [BackupCode(user_id=user.pk, digest=hashed(code, salt)) for code in codes]


def replace_all(user: AbstractBaseUser, new: list[BackupCode]) -> None:
    BackupCode.objects.filter(user_id=user.pk).delete()
    BackupCode.objects.bulk_create(new)


def find(user: AbstractBaseUser, code: str) -> BackupCode | None:
    """The row of this code, used or not, at the price of one hash."""
    sample = BackupCode.objects.filter(user_id=user.pk).values_list("digest", flat=True).first()
    if sample is None:
        return None
    return BackupCode.objects.filter(user_id=user.pk, digest=hashed(code, salt_of(sample))).first()


def salt_of(digest: str) -> bytes:
    encoded = digest.split("$")[4]
    return b64decode(encoded + "=" * (-len(encoded) % 4))


def spend(code: BackupCode, now: datetime) -> bool:
    return BackupCode.objects.filter(pk=code.pk, used_at=None).update(used_at=now) == 1


def unused(user: AbstractBaseUser) -> int:
    return BackupCode.objects.filter(user_id=user.pk, used_at=None).count()
