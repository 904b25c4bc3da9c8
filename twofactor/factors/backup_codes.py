"""Backup codes: a list to print or save. Each works once."""

import secrets
from base64 import b64decode
from datetime import datetime
from functools import partial
from typing import Any

from argon2 import extract_parameters
from argon2.low_level import Type, hash_secret
from django.db.models import Count, Q, QuerySet
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from twofactor import conf, statements
from twofactor.factors import code_text
from twofactor.factors.methods import BACKUP
from twofactor.factors.refusal import Refused, Replayed
from twofactor.factors.typed_code import Match, TypedCode
from twofactor.models import BackupCode
from twofactor.users import TwoFactorUser

METHODS = frozenset({BACKUP})
# In a field that also takes codes of the app, shorter text is a slip, and costs no guess.
MIN_IMPORTED_LENGTH = 8
FEW_LEFT = 3  # with so many or fewer, the person is asked to make new ones
SALT_BYTES = 16
COST = (2, 19 * 1024, 1)  # Argon2 passes, KiB and lanes, the same as for passwords


def read(user: TwoFactorUser, text: str, *, alone: bool, **_asked: object) -> TypedCode:
    codes = all_codes(user.pk)
    code = read_code(codes, text, alone=alone)
    if not code:
        sentence = _("A backup code has %(length)d letters and digits, like %(sample)s.")
        sample = {"length": code_text.BACKUP_LENGTH, "sample": code_text.sample_backup_code()}
        raise Refused(sentence % sample, keep=True)
    return TypedCode(
        method=BACKUP,
        find=partial(find, codes, code),
        wrong=[_("The backup code is not correct."), _("Check it and try again.")],
        notice="backup_code_used",
    )


@statements.rows
def all_codes(user_id: Any) -> Any:
    return BackupCode.objects.filter(user_id=user_id).order_by("pk")


def find(codes: list[BackupCode], code: str, now: datetime) -> Match | None:
    row = find_row(codes, code, now)
    if row is not None and row.used_at:
        raise replayed()
    if row is None:
        return None
    left = sum(each is not row and each.expires_at is None and each.used_at is None for each in codes)
    return Match(partial(spend, row), replayed=replayed, codes_left=left)


def replayed() -> Replayed:
    return Replayed(_("You've already used that backup code. Each one works once."))


def generate() -> list[str]:
    return [code_text.generate_backup_code() for _ in range(conf.number_of_backup_codes())]


def hash_code(code: str, salt: bytes, cost: tuple[int, int, int] | None = None) -> str:
    return hash_secret(code.encode(), salt, *(cost or COST), hash_len=32, type=Type.ID).decode()


def hash_like(code: str, digest: str) -> str:
    """Hashes with the salt and cost of that digest, because the cost for new codes may be higher since."""
    known = extract_parameters(digest)
    return hash_code(code, salt_of(digest), (known.time_cost, known.memory_cost, known.parallelism))


def make_rows(user: TwoFactorUser, codes: list[str], *, imported: bool = False) -> list[BackupCode]:
    """Not saved yet: to hash them all takes a third of a second, too long for an open transaction.

    All have the same salt, so that checking a guess takes one hash, however many codes are left.
    """
    salt = secrets.token_bytes(SALT_BYTES)
    plain = codes if imported else [normalize(code) for code in codes]
    return [BackupCode(user_id=user.pk, digest=hash_code(code, salt), imported=imported) for code in plain]


def normalize(text: str) -> str:
    """ValueError for what nobody could ever type: storing it is a programming mistake."""
    code = code_text.read_backup_code(text)
    if code is None:
        raise ValueError("not a backup code: 15 letters and numbers, as backup_codes.generate() makes them")
    return code


def replace_all(user: TwoFactorUser, new: list[BackupCode]) -> None:
    BackupCode.objects.filter(user_id=user.pk).delete()
    BackupCode.objects.bulk_create(new)


def make_extra_row(user: TwoFactorUser, code: str, expires_at: datetime | None) -> BackupCode:
    """Not saved yet. It has the salt of the others, so that checking a guess still takes one hash."""
    known = any_digest(user)
    digest = hash_like(code, known) if known else hash_code(code, secrets.token_bytes(SALT_BYTES))
    return BackupCode(user_id=user.pk, digest=digest, expires_at=expires_at)


def read_code(codes: list[BackupCode], text: str, *, alone: bool) -> str | None:
    """The code in the form that is compared, or None if this cannot be one.

    Codes from another app may look like anything.
    """
    if not any(each.imported for each in codes):
        return code_text.read_backup_code(text)
    code = code_text.read_imported_code(text)
    return code if alone or len(code) >= MIN_IMPORTED_LENGTH else None


def find_row(codes: list[BackupCode], code: str, now: datetime) -> BackupCode | None:
    """The row of this code, used or not. Takes one hash."""
    if not codes:
        return None
    digest = hash_like(code, codes[0].digest)
    usable = (each for each in codes if each.expires_at is None or each.expires_at > now)
    return next((each for each in usable if constant_time_compare(each.digest, digest)), None)


def any_digest(user: TwoFactorUser) -> str | None:
    return BackupCode.objects.filter(user_id=user.pk).values_list("digest", flat=True).first()


def salt_of(digest: str) -> bytes:
    encoded = digest.split("$")[4]
    return b64decode(encoded + "=" * (-len(encoded) % 4))


def spend(code: BackupCode, now: datetime) -> bool:
    return BackupCode.objects.filter(pk=code.pk, used_at=None).update(used_at=now) == 1


def count_unused_and_all(user: TwoFactorUser) -> tuple[int, int]:
    """How many are left, and how many there were (used ones stay in the table) or would be."""
    used_at = list(set_of(user).values_list("used_at", flat=True))
    return used_at.count(None), len(used_at) or conf.number_of_backup_codes()


def with_counts(people: QuerySet[Any], path: str) -> Any:
    """What count_unused_and_all() counts, in the query of something that leads to the codes by that path."""
    of_set = Q(**{f"{path}__expires_at": None})
    unused = Q(**{f"{path}__used_at": None})
    return people.annotate(
        codes_left=Count(path, filter=of_set & unused), all_codes=Count(path, filter=of_set)
    )


def count_unused(user: TwoFactorUser) -> int:
    return set_of(user).filter(used_at=None).count()


def set_of(user: TwoFactorUser) -> QuerySet[BackupCode]:
    """Without emergency codes from support, which expire."""
    return BackupCode.objects.filter(user_id=user.pk, expires_at=None)
