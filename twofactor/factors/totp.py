"""Time-based one-time passwords, RFC 6238. Time is an argument; only steps of time decide anything."""

import hmac
from datetime import datetime
from urllib.parse import quote, urlencode

import pyotp

from twofactor import conf

DIGITS = 6
PERIOD = 30
KEY_CHARACTERS = 32  # 160 bits, the length of the HMAC's output


def generate_key() -> str:
    return pyotp.random_base32(KEY_CHARACTERS)


def code_at(key: str, step: int, digits: int = DIGITS) -> str:
    return pyotp.HOTP(key, digits=digits).at(step)


def step_at(now: datetime, period: int = PERIOD, t0: int = 0) -> int:
    return (int(now.timestamp()) - t0) // period


def matching_step(
    key: str,
    code: str,
    now: datetime,
    *,
    digits: int = DIGITS,
    period: int = PERIOD,
    t0: int = 0,
    drift: int = 0,
) -> int | None:
    """The step whose code this is. Replays are decided on it, because a code can be written in many ways.

    The drift of a clock moves the window, but never past the present: whoever sets their clock right still
    gets in, and with a window of one step no code is further off than two (RFC 6238, 6).
    """
    steps = conf.window()
    current = step_at(now, period, t0) + max(-steps, min(drift, steps))
    hotp = pyotp.HOTP(key, digits=digits)
    found = None
    for step in range(max(current - steps, 0), current + steps + 1):
        if hmac.compare_digest(hotp.at(step).encode(), code.encode()):
            found = step
    return found


def address(key: str, account: str, issuer: str) -> str:
    """The otpauth: address that a QR code carries. What apps assume anyway would only make it denser."""
    label = f"{quote(issuer, safe='')}:{quote(account, safe='@')}"
    return f"otpauth://totp/{label}?{urlencode({'secret': key, 'issuer': issuer}, quote_via=quote)}"
