"""Stops a recovery with any factor alone: a thief with the mailbox changes the password first.

Nothing else comes of it, so a wrong code costs no guess at sign-in: else strangers could lock people out.
"""

from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.http import HttpRequest
from django.utils.translation import gettext as _

from twofactor import events, sealing
from twofactor.factors import accept, enrolled, sent_codes
from twofactor.factors.methods import CODES
from twofactor.factors.refusal import Refused
from twofactor.limits import allowances
from twofactor.models import Recovery
from twofactor.recovery import requests
from twofactor.web.client_address import client_address

LONGEST_NAME = 320


class Nothing(Refused):
    """One sentence for all: nobody learns who has an account, or a recovery that runs."""

    def __init__(self) -> None:
        super().__init__(
            _("That didn't stop anything."),
            _(
                "Either the code isn't right, or no recovery is running for this account. "
                "If you've just used that code, wait for a new one."
            ),
        )


def stop(name: str, code: str, request: HttpRequest, now: datetime) -> None:
    """Raises Refused, or allowances.TooOften."""
    typed = sealing.fingerprint("target", name.strip().casefold()[:LONGEST_NAME])[:24]
    network = sent_codes.charges_of_network(allowances.STOPS_FROM_NETWORK, client_address(request))
    allowances.charge_all([*[(limit, typed) for limit in allowances.STOPS_FOR_NAME], *network], now)
    row = find(name, now)
    if row is None or not spend(row, code, request, now):
        raise Nothing


def find(name: str, now: datetime) -> Recovery | None:
    people: Any = get_user_model()._default_manager
    try:
        user = people.get_by_natural_key(name.strip())
    except get_user_model().DoesNotExist:
        return None
    return requests.find(user.pk, now) if user.is_active and enrolled.is_on(user) else None


def spend(row: Recovery, text: str, request: HttpRequest, now: datetime) -> bool:
    """The code and the stop, or neither."""
    try:
        code = accept.read(row.user, text, CODES, "", now)
        with events.atomic():
            match = code.find(now)
            if match is None or not match.spend(now) or not requests.stop(row, request, now):
                raise Nothing
    except Refused:
        return False
    return True
