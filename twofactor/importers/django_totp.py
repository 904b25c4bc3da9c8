"""django-totp 1.1: everything is encrypted with one Fernet key. It does not store the last used step."""

from collections.abc import Iterator

from cryptography.fernet import Fernet, InvalidToken

from twofactor.factors import totp
from twofactor.importers.records import (
    UNCONFIRMED,
    ForeignApp,
    ForeignFactor,
    LeftOut,
    ReadOptions,
    SourceError,
)
from twofactor.importers.tables import Row, group_by, read_rows, read_setting, to_datetime


def read(options: ReadOptions) -> Iterator[ForeignFactor | LeftOut]:
    authenticators = read_rows("django_totp_totp")
    codes_of = group_by("totp_id", read_rows("django_totp_backupcode"))
    fernet = read_fernet()
    for authenticator in authenticators:
        codes = codes_of.get(authenticator["id"], [])
        if codes:
            yield to_factor(authenticator, codes, fernet, options)
        else:  # django-totp makes the codes when the key is confirmed, and keeps the used ones
            yield LeftOut(authenticator["user_id"], UNCONFIRMED)


def to_factor(row: Row, codes: list[Row], fernet: Fernet, options: ReadOptions) -> ForeignFactor | LeftOut:
    key = decrypt(fernet, row["secret_key"])
    if key is None:
        return LeftOut(row["user_id"], "has a key that cannot be decrypted", is_fault=True)
    unused = [decrypt(fernet, code["code"]) for code in codes if not code["is_used"]]
    damaged = unused.count(None)
    app = ForeignApp(
        key=key,
        last_step=totp.step_at(options.now) - 1,  # any code before the current one may have been used
        added_at=to_datetime(row["created_at"]),
    )
    return ForeignFactor(
        row["user_id"],
        (app,),
        backup_codes=tuple(code for code in unused if code is not None),
        faults=(f"has backup codes that cannot be decrypted: {damaged}",) if damaged else (),
    )


def read_fernet() -> Fernet:
    key = read_setting("TOTP_ENCRYPTION_KEY", "")
    if not key:
        raise SourceError("TOTP_ENCRYPTION_KEY is not set: django-totp encrypted its keys with it.")
    try:
        return Fernet(key)
    except ValueError:
        raise SourceError("TOTP_ENCRYPTION_KEY is not a Fernet key.") from None


def decrypt(fernet: Fernet, token: str) -> str | None:
    try:
        return fernet.decrypt(token).decode()
    except (InvalidToken, TypeError, ValueError):
        return None
