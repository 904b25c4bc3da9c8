"""An authenticator app as its row keeps it: the sealed key, and the last step that was used."""

from datetime import datetime

from twofactor import sealing
from twofactor.factors import totp
from twofactor.models import Authenticator


def seal_key(row: Authenticator, key: str, now: datetime) -> None:
    row.sealed_key = sealing.seal(row.PURPOSE, sealing.owner_of(row.user_id), key, now)


def open_key(row: Authenticator, now: datetime) -> str:
    key: str = sealing.unseal(row.PURPOSE, sealing.owner_of(row.user_id), row.sealed_key, now)
    return key


def step_of(row: Authenticator, code: str, now: datetime) -> int | None:
    """The step of time whose code this is; sealing.Unopenable when the key does not open."""
    return totp.matching_step(
        open_key(row, now),
        code,
        now,
        digits=row.digits,
        period=row.period,
        t0=row.t0,
        drift=row.drift,
    )


def spend(row: Authenticator, step: int, now: datetime) -> bool:
    """One UPDATE decides, so a replay that races us loses."""
    unspent = Authenticator.objects.filter(pk=row.pk, last_step__lt=step)
    return unspent.update(last_step=step, last_used_at=now) == 1
