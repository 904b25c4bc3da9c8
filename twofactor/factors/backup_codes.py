"""Ten codes on paper, each of which lets somebody in once."""

import secrets
from base64 import b64decode
from datetime import datetime
from functools import partial

from argon2 import extract_parameters
from argon2.low_level import Type, hash_secret
from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from twofactor.factors import code_text
from twofactor.factors.methods import BACKUP
from twofactor.factors.refusal import Refused, Replayed
from twofactor.factors.typed_code import Spend, TypedCode
from twofactor.models import BackupCode

METHODS = frozenset({BACKUP})
COUNT = 10
LEAST = 8  # characters of an imported code in the field for both kinds: fewer are a slip, and cost nothing
FEW = 3  # from here on the person is asked to make new ones
SALT_BYTES = 16
COST = (2, 19 * 1024, 1)  # passes, KiB, lanes: as for passwords


def read(user: AbstractBaseUser, text: str, *, alone: bool, **_asked: object) -> TypedCode:
    code = read_code(user, text, alone=alone)
    if not code:
        raise Refused(_("A backup code has 15 letters and numbers, like ABCDE-12345-FGHJK"), keep=True)
    return TypedCode(
        method=BACKUP,
        find=partial(find, user, code),
        wrong=[_("The backup code is not correct. Check it and try again")],
        replayed=replayed,
        notice="backup_code_used",
    )


def find(user: AbstractBaseUser, code: str, now: datetime) -> Spend | None:
    row = find_row(user, code, now)
    if row is not None and row.used_at:
        raise replayed()
    return None if row is None else partial(spend, row)


def replayed() -> Replayed:
    return Replayed(_("You have already used that backup code. Each one works once"))


def generate() -> list[str]:
    return [code_text.backup_code() for _ in range(COUNT)]


def hashed(code: str, salt: bytes, cost: tuple[int, int, int] = COST) -> str:
    return hash_secret(code.encode(), salt, *cost, hash_len=32, type=Type.ID).decode()


def hashed_like(code: str, digest: str) -> str:
    """With the salt and at the cost of the set it may belong to, however dear new sets have become."""
    known = extract_parameters(digest)
    return hashed(code, salt_of(digest), (known.time_cost, known.memory_cost, known.parallelism))


def rows(user: AbstractBaseUser, codes: list[str], *, imported: bool = False) -> list[BackupCode]:
    """Unsaved: ten hashes take a third of a second, in which no transaction may be open.

    One salt for the set, so that a guess costs one hash, however many codes are left.
    """
    salt = secrets.token_bytes(SALT_BYTES)
    read = codes if imported else [ours(code) for code in codes]
    return [BackupCode(user_id=user.pk, digest=hashed(code, salt), imported=imported) for code in read]


def ours(text: str) -> str:
    """However it is written. What could never match is a mistake of whoever stores it."""
    code = code_text.read_backup_code(text)
    if code is None:
        raise ValueError("not a backup code: 15 letters and numbers, as backup_codes.generate() makes them")
    return code


def replace_all(user: AbstractBaseUser, new: list[BackupCode]) -> None:
    BackupCode.objects.filter(user_id=user.pk).delete()
    BackupCode.objects.bulk_create(new)


def one_more(user: AbstractBaseUser, code: str, expires_at: datetime) -> BackupCode:
    """Beside the set and under its salt, so that a guess still costs one hash. Unsaved."""
    set_of = one_of_set(user)
    digest = hashed_like(code, set_of) if set_of else hashed(code, secrets.token_bytes(SALT_BYTES))
    return BackupCode(user_id=user.pk, digest=digest, expires_at=expires_at)


def read_code(user: AbstractBaseUser, text: str, *, alone: bool) -> str | None:
    """The code as it is compared, or None when this cannot be one.

    Somebody who brought codes from another app may type anything, at least in the field for nothing else.
    """
    if not BackupCode.objects.filter(user_id=user.pk, imported=True).exists():
        return code_text.read_backup_code(text)
    code = code_text.read_imported_code(text)
    return code if alone or len(code) >= LEAST else None


def find_row(user: AbstractBaseUser, code: str, now: datetime) -> BackupCode | None:
    """The row of this code, used or not, at the price of one hash."""
    set_of = one_of_set(user)
    if set_of is None:
        return None
    mine = BackupCode.objects.filter(user_id=user.pk).exclude(expires_at__lte=now)
    return mine.filter(digest=hashed_like(code, set_of)).first()


def one_of_set(user: AbstractBaseUser) -> str | None:
    return BackupCode.objects.filter(user_id=user.pk).values_list("digest", flat=True).first()


def salt_of(digest: str) -> bytes:
    encoded = digest.split("$")[4]
    return b64decode(encoded + "=" * (-len(encoded) % 4))


def spend(code: BackupCode, now: datetime) -> bool:
    return BackupCode.objects.filter(pk=code.pk, used_at=None).update(used_at=now) == 1


def unused_of(user: AbstractBaseUser) -> tuple[int, int]:
    """How many are left, and how many the set had: ten, unless it came from another app."""
    mine = list(of_set(user).values_list("used_at", "imported"))
    return sum(used_at is None for used_at, _imported in mine), sum(imported for _, imported in mine) or COUNT


def unused(user: AbstractBaseUser) -> int:
    return of_set(user).filter(used_at=None).count()


def of_set(user: AbstractBaseUser) -> QuerySet[BackupCode]:
    """A code from support is not one of the ten."""
    return BackupCode.objects.filter(user_id=user.pk, expires_at=None)
