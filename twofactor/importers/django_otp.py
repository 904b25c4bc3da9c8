"""django-otp and django-two-factor-auth: keys in hexadecimal, codes in plain text, drift and last step."""

import base64
from collections.abc import Iterator
from typing import Any

from twofactor.importers.found import ANOTHER, NO_AUTHENTICATOR, NOT_DEFAULT, UNCONFIRMED, Found, LeftOut
from twofactor.importers.tables import Row, grouped, moment, rows

DEFAULT = "default"  # how django-two-factor-auth names the device it asks for


def read(*, only_default: bool) -> Iterator[Found | LeftOut]:
    devices = grouped(rows("otp_totp_totpdevice"), "user_id")
    codes = codes_by_person()
    phones = confirmed("two_factor_phonedevice")
    for user_id, theirs in devices.items():
        usable = [device for device in theirs if device["confirmed"]]
        named = [device for device in usable if device["name"] == DEFAULT]
        chosen = (named or ([] if only_default else usable))[-1:]
        for device in chosen:
            yield found(device, codes.get(user_id, ()), phones.get(user_id, []))
        for device in theirs:
            if device not in chosen:
                yield LeftOut(user_id, why_not(device, only_default=only_default and not chosen))
    others = codes.keys() | phones.keys() | confirmed("otp_email_emaildevice").keys()
    with_app = {user_id for user_id, theirs in devices.items() if any(row["confirmed"] for row in theirs)}
    for user_id in sorted(others - with_app, key=str):
        yield LeftOut(user_id, NO_AUTHENTICATOR, is_fault=True)


def why_not(device: Row, *, only_default: bool) -> str:
    if not device["confirmed"]:
        return UNCONFIRMED
    return NOT_DEFAULT if only_default else ANOTHER


def found(device: Row, codes: tuple[str, ...], phones: list[Row]) -> Found | LeftOut:
    try:
        key = bytes.fromhex(device["key"])
    except (TypeError, ValueError):
        return LeftOut(device["user_id"], "has a key that is not hexadecimal", is_fault=True)
    return Found(
        device["user_id"],
        key=base64.b32encode(key).decode().rstrip("="),
        last_step=device["last_t"],
        digits=device["digits"],
        period=device["step"],
        t0=device["t0"],
        drift=device["drift"],
        since=moment(device.get("created_at")),
        last_used_at=moment(device.get("last_used_at")),
        codes=codes,
        phone=preferred(phones),
    )


def confirmed(table: str) -> dict[Any, list[Row]]:
    return grouped((row for row in rows(table, required=False) if row["confirmed"]), "user_id")


def codes_by_person() -> dict[Any, tuple[str, ...]]:
    """A code that was used is no longer there. They are compared as they stand, case and all."""
    tokens = grouped(rows("otp_static_statictoken", required=False), "device_id")
    return {
        user_id: tuple(token["token"] for device in theirs for token in tokens[device["id"]])
        for user_id, theirs in confirmed("otp_static_staticdevice").items()
    }


def preferred(phones: list[Row]) -> str:
    """We send text messages; a number that was only called comes last."""
    ranked = sorted(phones, key=lambda row: (row["method"] == "sms", row["name"] == DEFAULT, row["id"]))
    return ranked[-1]["number"] if ranked else ""
