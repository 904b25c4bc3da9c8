"""django-totp 1.1: everything sealed with one Fernet key, used as it is. It keeps no last step."""

from collections.abc import Iterator
from datetime import datetime

from cryptography.fernet import Fernet, InvalidToken

from twofactor.factors import totp
from twofactor.importers.found import UNCONFIRMED, Found, LeftOut, Unreadable
from twofactor.importers.tables import Row, grouped, moment, rows, setting


def read(now: datetime) -> Iterator[Found | LeftOut]:
    keys, codes = rows("django_totp_totp"), grouped(rows("django_totp_backupcode"), "totp_id")
    lock = fernet()
    for row in keys:
        theirs = codes.get(row["id"], [])
        if theirs:
            yield found(row, theirs, lock, now)
        else:  # without codes, used or unused, nobody ever confirmed the key
            yield LeftOut(row["user_id"], UNCONFIRMED)


def found(row: Row, codes: list[Row], lock: Fernet, now: datetime) -> Found | LeftOut:
    key = decrypted(lock, row["secret_key"])
    if key is None:
        return LeftOut(row["user_id"], "has a key that cannot be decrypted", is_fault=True)
    opened = [decrypted(lock, code["code"]) for code in codes if not code["is_used"]]
    damaged = opened.count(None)
    return Found(
        row["user_id"],
        key=key,
        last_step=totp.step_at(now) - 1,  # whatever was shown before this moment may have been used
        since=moment(row["created_at"]),
        codes=tuple(code for code in opened if code is not None),
        lost=(f"has backup codes that cannot be decrypted: {damaged}",) if damaged else (),
    )


def fernet() -> Fernet:
    key = setting("TOTP_ENCRYPTION_KEY", "")
    if not key:
        raise Unreadable("TOTP_ENCRYPTION_KEY is not set: django-totp encrypted its keys with it.")
    try:
        return Fernet(key)
    except ValueError:
        raise Unreadable("TOTP_ENCRYPTION_KEY is not a Fernet key.") from None


def decrypted(lock: Fernet, token: str) -> str | None:
    try:
        return lock.decrypt(token).decode()
    except (InvalidToken, TypeError, ValueError):
        return None
