"""django-allauth: base32 keys, and recovery codes that grow from a seed with a mask of the used ones."""

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
from twofactor.importers.found import NO_AUTHENTICATOR, SECURITY_KEY, Found, LeftOut, Unreadable
from twofactor.importers.tables import Row, grouped, moment, rows, setting

Decrypt = Callable[[str], str]
# What a row raises that is damaged, or was encrypted with a key the adapter no longer has.
DAMAGED = (BadSignature, InvalidToken, KeyError, TypeError, ValueError)


def read() -> Iterator[Found | LeftOut]:
    people = grouped(rows("mfa_authenticator"), "user_id")
    decrypt = decryption()
    for user_id, theirs in people.items():
        by_type = {row["type"]: row for row in theirs}
        if "totp" not in by_type:
            yield LeftOut(user_id, NO_AUTHENTICATOR, is_fault=True)
            continue
        yield found(user_id, by_type, decrypt)
        if "webauthn" in by_type:
            yield LeftOut(user_id, SECURITY_KEY)


def found(user_id: Any, by_type: dict[str, Row], decrypt: Decrypt) -> Found | LeftOut:
    row, codes = by_type["totp"], by_type.get("recovery_codes")
    try:
        key = decrypt(text_of(data_of(row)["secret"]))
    except DAMAGED:
        return LeftOut(user_id, "has a key that cannot be decrypted", is_fault=True)
    unused: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    if codes:
        try:
            unused = unused_codes(data_of(codes), decrypt)
        except DAMAGED:
            lost = ("has recovery codes that cannot be decrypted",)
    period = setting("MFA_TOTP_PERIOD", totp.PERIOD)
    used = moment(row["last_used_at"])
    return Found(
        user_id,
        key=key.strip().upper().rstrip("="),
        last_step=spent(used, period),
        digits=setting("MFA_TOTP_DIGITS", totp.DIGITS),
        period=period,
        since=moment(row["created_at"]),
        last_used_at=used,
        codes=unused,
        lost=lost,
    )


def spent(used: datetime | None, period: int) -> int:
    """It remembers when a code was used but not which, so that may be the last it would have taken then."""
    if used is None or period < 1:
        return -1
    return totp.step_at(used, period) + setting("MFA_TOTP_TOLERANCE", 0)


def text_of(value: Any) -> str:
    """Without an adapter decrypt() is str(), which makes a text of anything."""
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def data_of(row: Row) -> dict[str, Any]:
    data = row["data"]
    return dict(json.loads(data) if isinstance(data, str) else data)


def unused_codes(data: dict[str, Any], decrypt: Decrypt) -> tuple[str, ...]:
    if data.get("migrated_codes") is not None:
        return tuple(decrypt(text_of(code)) for code in data["migrated_codes"])
    codes = grown_from(decrypt(text_of(data["seed"])))
    return tuple(code for place, code in enumerate(codes) if not data["used_mask"] >> place & 1)


def grown_from(seed: str) -> Iterator[str]:
    """HMAC-SHA-1 under the seed over each place in turn; the first bytes of each digest make a number."""
    digits = setting("MFA_RECOVERY_CODE_DIGITS", 8)
    running = hmac.new(seed.encode("ascii"), digestmod=hashlib.sha1)
    for place in range(setting("MFA_RECOVERY_CODE_COUNT", 10)):
        running.update(f"{place:3},".encode())
        number = int.from_bytes(running.digest()[: digits // 2], "big")
        yield f"{number % 10**digits:0{digits}}"


def decryption() -> Decrypt:
    """It stores secrets as they are, unless the site's own adapter encrypts them."""
    path = setting("MFA_ADAPTER", "")
    if not path:
        return str
    try:
        adapter = import_string(path)()
    except ImportError as failure:
        raise Unreadable(f"MFA_ADAPTER does not load: {failure}.") from None
    decrypt: Decrypt = adapter.decrypt
    return decrypt
