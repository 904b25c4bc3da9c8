"""django-otp and django-two-factor-auth: hexadecimal keys, plain backup codes, drift and last step."""

import base64
from collections.abc import Iterator
from typing import Any

from twofactor.importers.records import (
    NO_AUTHENTICATOR,
    NOT_DEFAULT,
    UNCONFIRMED,
    ForeignApp,
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
        confirmed = [device for device in devices if device["confirmed"]]
        chosen = choose(confirmed, options)
        if chosen:
            yield to_factor(user_id, chosen, codes_of.get(user_id, ()), phones_of.get(user_id, []))
        yield from [LeftOut(user_id, UNCONFIRMED)] * (len(devices) - len(confirmed))
        yield from [LeftOut(user_id, NOT_DEFAULT)] * (len(confirmed) - len(chosen))
    with_other_factor = codes_of.keys() | phones_of.keys() | confirmed_by_user("otp_email_emaildevice").keys()
    with_app = {
        user_id for user_id, devices in devices_of.items() if any(device["confirmed"] for device in devices)
    }
    for user_id in sorted(with_other_factor - with_app, key=str):
        yield LeftOut(user_id, NO_AUTHENTICATOR, is_fault=True)


def choose(devices: list[Row], options: ReadOptions) -> list[Row]:
    """Those named "default", then the others unless they are not wanted. Of each the newest first."""
    newest = devices[::-1]
    others = [] if options.only_default else [device for device in newest if device["name"] != DEFAULT]
    return [*(device for device in newest if device["name"] == DEFAULT), *others]


def to_factor(
    user_id: Any, devices: list[Row], backup_codes: tuple[str, ...], phones: list[Row]
) -> ForeignFactor:
    apps, faults = [], []
    for device in devices:
        try:
            apps.append(to_app(device))
        except (TypeError, ValueError):
            faults.append("has a key that is not hexadecimal")
    return ForeignFactor(user_id, tuple(apps), backup_codes, preferred_number(phones), tuple(faults))


def to_app(device: Row) -> ForeignApp:
    """Raises TypeError or ValueError for a key that is not hexadecimal."""
    return ForeignApp(
        key=base64.b32encode(bytes.fromhex(device["key"])).decode().rstrip("="),
        last_step=device["last_t"],
        digits=device["digits"],
        period=device["step"],
        t0=device["t0"],
        drift=device["drift"],
        name="" if device["name"] == DEFAULT else device["name"],
        added_at=to_datetime(device.get("created_at")),
        last_used_at=to_datetime(device.get("last_used_at")),
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
