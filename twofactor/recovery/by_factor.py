"""Stops a recovery with any factor alone: a thief with the mailbox changes the password first.

Nothing else comes of it, so a wrong code costs no guess at sign-in: else strangers could lock people out.
"""

from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.http import HttpRequest
from django.utils.translation import gettext as _

from twofactor import events, sealing
from twofactor.event_kinds import FACTOR_ACCEPTED
from twofactor.factors import accept, backup_codes, code_text, enrolled, sent_codes
from twofactor.factors.methods import CODES
from twofactor.factors.refusal import Refused
from twofactor.limits import allowances
from twofactor.models import Event, Recovery
from twofactor.recovery import requests
from twofactor.web.client_address import client_address

LONGEST_NAME = 320
NO_SALT = bytes(backup_codes.SALT_BYTES)


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
    typed, network = as_subject(name), client_address(request)
    own = [(limit, f"{typed} {network}") for limit in allowances.STOPS_FOR_NAME]
    allowances.charge_all([*own, *sent_codes.charges_of_network(allowances.STOPS_FROM_NETWORK, network)], now)
    row, is_guessable = find(name, now), code_text.read_backup_code(code) is None
    if is_guessable and not (row and has_given_factor_there(row, request)):
        allowances.STOPS_BY_GUESSES.charge_or_raise(typed, now)
    if row is None and not is_guessable:
        backup_codes.hash_code(code, NO_SALT)  # takes as long as with a recovery that runs
    if row is None or not spend(row, code, request, now):
        raise Nothing


def as_subject(name: str) -> str:
    """As the field of the user model stores it: other spellings of a name have no tries of their own."""
    people = get_user_model()
    field: Any = people._meta.get_field(people.USERNAME_FIELD)
    stored = field.to_python(name.strip()[:LONGEST_NAME])
    return sealing.fingerprint("target", str(stored).casefold())[:24]


def has_given_factor_there(row: Recovery, request: HttpRequest) -> bool:
    """At the address of this request, in what the audit log still knows."""
    address = events.ip_of(request)
    given = Event.objects.filter(user_id=row.pk, kind__in=FACTOR_ACCEPTED, ip_address=address)
    return address is not None and given.exists()


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
