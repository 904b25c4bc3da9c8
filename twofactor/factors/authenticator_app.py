"""Codes of an authenticator app. Its row keeps the sealed key, and the last time step that was used."""

import logging
from datetime import datetime
from functools import partial
from typing import Any

from django.utils.translation import gettext as _

from twofactor import sealing
from twofactor.factors import code_text, totp
from twofactor.factors.methods import TOTP
from twofactor.factors.refusal import Refused, Replayed
from twofactor.factors.typed_code import Spend, TypedCode
from twofactor.models import Authenticator

log = logging.getLogger("countersign.security")
METHODS = frozenset({TOTP})


def read(user: Any, text: str, **_asked: object) -> TypedCode:
    authenticator = user.authenticator  # Django adds it, so no type of a user has it
    return TypedCode(
        method=TOTP,
        find=partial(find, authenticator, code_text.read_digits(text, authenticator.digits)),
        wrong=[
            _("The code is not correct. Wait for your app to show a new code, then try again."),
            _("Check that your phone sets its time automatically."),
        ],
    )


def find(row: Authenticator, code: str, now: datetime) -> Spend | None:
    try:
        step = find_step(row, code, now)
    except sealing.UnsealError:  # never a reason to let anyone in with the password alone
        log.error("the key of user=%s does not open", row.user_id)
        raise Refused(
            _("We can't check codes from your authenticator app at the moment. Try another way.")
        ) from None
    if step is not None and step <= row.last_step:
        raise Replayed
    return None if step is None else partial(spend, row, step)


def seal_key(row: Authenticator, key: str, now: datetime) -> None:
    row.sealed_key = sealing.seal(row.PURPOSE, sealing.owner_of(row.user_id), key, now)


def open_key(row: Authenticator, now: datetime) -> str:
    key: str = sealing.unseal(row.PURPOSE, sealing.owner_of(row.user_id), row.sealed_key, now)
    return key


def find_step(row: Authenticator, code: str, now: datetime) -> int | None:
    """The time step whose code this is, or None. Raises sealing.UnsealError if the key does not open."""
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
    """One UPDATE decides, so that of two requests with the same code one loses."""
    unspent = Authenticator.objects.filter(pk=row.pk, last_step__lt=step)
    return unspent.update(last_step=step, last_used_at=now) == 1
