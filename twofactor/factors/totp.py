"""Time-based one-time passwords (RFC 6238)."""

import hmac
from datetime import datetime
from urllib.parse import quote, urlencode

import pyotp

from twofactor import conf

DIGITS = 6
PERIOD = 30
KEY_CHARACTERS = 32  # 160 bits, as many as the HMAC has


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
    """The time step whose code this is, or None. A replay is recognized by its step.

    The known drift of a phone's clock moves the window, but the present step stays in it, so that a phone
    whose clock is set right still works. With a window of one step, no accepted code is more than two steps
    off (RFC 6238, 6).
    """
    steps = conf.code_window()
    current = step_at(now, period, t0) + max(-steps, min(drift, steps))
    hotp = pyotp.HOTP(key, digits=digits)
    matching = None
    for step in range(max(current - steps, 0), current + steps + 1):
        if hmac.compare_digest(hotp.at(step).encode(), code.encode()):
            matching = step
    return matching


def otpauth_url(key: str, account: str, issuer: str) -> str:
    """For the QR code. Without the parameters that apps assume anyway: they would make the picture denser."""
    label = f"{quote(issuer, safe='')}:{quote(account, safe='@')}"
    return f"otpauth://totp/{label}?{urlencode({'secret': key, 'issuer': issuer}, quote_via=quote)}"
