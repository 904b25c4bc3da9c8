"""django-allauth: base32 keys, and recovery codes computed from a seed, with a bit mask of the used ones."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from cryptography.fernet import InvalidToken
from django.core.signing import BadSignature
from django.utils.module_loading import import_string

from twofactor.factors import totp
from twofactor.importers.records import (
    NO_AUTHENTICATOR,
    SECURITY_KEY,
    ForeignApp,
    ForeignFactor,
    LeftOut,
    ReadOptions,
    SourceError,
)
from twofactor.importers.tables import Row, group_by, read_rows, read_setting, to_datetime

Decrypt = Callable[[str], str]
# Raised for a damaged row, or one that was encrypted with a key that the adapter no longer has.
UNREADABLE = (BadSignature, InvalidToken, KeyError, TypeError, ValueError)


def read(options: ReadOptions) -> Iterator[ForeignFactor | LeftOut]:
    rows_of = group_by("user_id", read_rows("mfa_authenticator"))
    decrypt = find_decrypt()
    for user_id, rows in rows_of.items():
        by_type = {row["type"]: row for row in rows}
        if "totp" not in by_type:
            yield LeftOut(user_id, NO_AUTHENTICATOR, is_fault=True)
            continue
        yield to_factor(user_id, by_type, decrypt)
        if "webauthn" in by_type:
            yield LeftOut(user_id, SECURITY_KEY)


def to_factor(user_id: Any, by_type: dict[str, Row], decrypt: Decrypt) -> ForeignFactor | LeftOut:
    row, codes = by_type["totp"], by_type.get("recovery_codes")
    try:
        key = decrypt(require_str(data_of(row)["secret"]))
    except UNREADABLE:
        return LeftOut(user_id, "has a key that cannot be decrypted", is_fault=True)
    unused: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    if codes:
        try:
            unused = unused_codes(data_of(codes), decrypt)
        except UNREADABLE:
            faults = ("has recovery codes that cannot be decrypted",)
    period = read_setting("MFA_TOTP_PERIOD", totp.PERIOD)
    last_used_at = to_datetime(row["last_used_at"])
    app = ForeignApp(
        key=key.strip().upper().rstrip("="),
        last_step=last_step(last_used_at, period),
        digits=read_setting("MFA_TOTP_DIGITS", totp.DIGITS),
        period=period,
        added_at=to_datetime(row["created_at"]),
        last_used_at=last_used_at,
    )
    return ForeignFactor(user_id, (app,), backup_codes=unused, faults=faults)


def last_step(last_used_at: datetime | None, period: int) -> int:
    """The latest step whose code allauth would have accepted then: it does not store which one it was."""
    if last_used_at is None or period < 1:
        return -1
    return totp.step_at(last_used_at, period) + read_setting("MFA_TOTP_TOLERANCE", 0)


def require_str(value: Any) -> str:
    """Without an adapter, decrypt is str(), which would accept any type."""
    if not isinstance(value, str):
        raise TypeError("not a string")
    return value


def data_of(row: Row) -> dict[str, Any]:
    data = row["data"]
    return dict(json.loads(data) if isinstance(data, str) else data)


def unused_codes(data: dict[str, Any], decrypt: Decrypt) -> tuple[str, ...]:
    if data.get("migrated_codes") is not None:
        return tuple(decrypt(require_str(code)) for code in data["migrated_codes"])
    codes = codes_from_seed(decrypt(require_str(data["seed"])))
    return tuple(code for index, code in enumerate(codes) if not data["used_mask"] >> index & 1)


def codes_from_seed(seed: str) -> Iterator[str]:
    """HMAC-SHA-1 with the seed as key, over each index in turn; the first bytes of a digest make a code."""
    digits = read_setting("MFA_RECOVERY_CODE_DIGITS", 8)
    running = hmac.new(seed.encode("ascii"), digestmod=hashlib.sha1)  # noqa: TID251 - as allauth computes them
    for index in range(read_setting("MFA_RECOVERY_CODE_COUNT", 10)):
        running.update(f"{index:3},".encode())
        number = int.from_bytes(running.digest()[: digits // 2], "big")
        yield f"{number % 10**digits:0{digits}}"


def find_decrypt() -> Decrypt:
    """allauth stores secrets in plain text unless the site's own adapter encrypts them."""
    path = read_setting("MFA_ADAPTER", "")
    if not path:
        return str
    try:
        adapter = import_string(path)()
    except ImportError as error:
        raise SourceError(f"MFA_ADAPTER does not load: {error}.") from None
    decrypt: Decrypt = adapter.decrypt
    return decrypt
