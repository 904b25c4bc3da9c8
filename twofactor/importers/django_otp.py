"""django-otp and django-two-factor-auth: hexadecimal keys, plain backup codes, drift and last step."""

import base64
from collections.abc import Iterator
from typing import Any

from twofactor.importers.records import (
    ANOTHER_DEVICE,
    NO_AUTHENTICATOR,
    NOT_DEFAULT,
    UNCONFIRMED,
    ForeignFactor,
    LeftOut,
    ReadOptions,
)
from twofactor.importers.tables import Row, group_by, read_rows, to_datetime

DEFAULT = "default"  # the name of the device that django-two-factor-auth asks for


def read(options: ReadOptions) -> Iterator[ForeignFactor | LeftOut]:
    devices_of = group_by("user_id", read_rows("otp_totp_totpdevice"))
    codes_of = backup_codes_by_user()
    phones_of = confirmed_by_user("two_factor_phonedevice")
    for user_id, devices in devices_of.items():
        chosen = choose(devices, options)
        if chosen:
            yield to_factor(chosen, codes_of.get(user_id, ()), phones_of.get(user_id, []))
        for device in devices:
            if not device["confirmed"]:
                yield LeftOut(user_id, UNCONFIRMED)
            elif device is not chosen:
                yield LeftOut(user_id, ANOTHER_DEVICE if chosen else NOT_DEFAULT)
    with_other_factor = codes_of.keys() | phones_of.keys() | confirmed_by_user("otp_email_emaildevice").keys()
    with_app = {
        user_id for user_id, devices in devices_of.items() if any(device["confirmed"] for device in devices)
    }
    for user_id in sorted(with_other_factor - with_app, key=str):
        yield LeftOut(user_id, NO_AUTHENTICATOR, is_fault=True)


def choose(devices: list[Row], options: ReadOptions) -> Row | None:
    """The newest device named "default"; without one, and unless only those are wanted, the newest of all."""
    usable = [device for device in devices if device["confirmed"]]
    named = [device for device in usable if device["name"] == DEFAULT]
    candidates = named if named or options.only_default else usable
    return candidates[-1] if candidates else None


def to_factor(device: Row, backup_codes: tuple[str, ...], phones: list[Row]) -> ForeignFactor | LeftOut:
    try:
        key = bytes.fromhex(device["key"])
    except (TypeError, ValueError):
        return LeftOut(device["user_id"], "has a key that is not hexadecimal", is_fault=True)
    return ForeignFactor(
        device["user_id"],
        key=base64.b32encode(key).decode().rstrip("="),
        last_step=device["last_t"],
        digits=device["digits"],
        period=device["step"],
        t0=device["t0"],
        drift=device["drift"],
        enabled_at=to_datetime(device.get("created_at")),
        last_used_at=to_datetime(device.get("last_used_at")),
        backup_codes=backup_codes,
        phone=preferred_number(phones),
    )


def confirmed_by_user(table: str) -> dict[Any, list[Row]]:
    return group_by("user_id", (row for row in read_rows(table, required=False) if row["confirmed"]))


def backup_codes_by_user() -> dict[Any, tuple[str, ...]]:
    """django-otp deletes a code when it is used, so all that are there are unused."""
    tokens_of = group_by("device_id", read_rows("otp_static_statictoken", required=False))
    return {
        user_id: tuple(token["token"] for device in devices for token in tokens_of[device["id"]])
        for user_id, devices in confirmed_by_user("otp_static_staticdevice").items()
    }


def preferred_number(phones: list[Row]) -> str:
    """A number for text messages before one for calls, because this app makes no calls."""
    ranked = sorted(phones, key=lambda row: (row["method"] == "sms", row["name"] == DEFAULT, row["id"]))
    return ranked[-1]["number"] if ranked else ""
