"""Checks a typed code: for sign-in, for step-up, for turning off, and for whatever else takes one.

A guess is charged before the code is compared. A right code is spent by one UPDATE, in the same transaction
as the change that it was given for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol

from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from twofactor import events
from twofactor.clocks import format_duration
from twofactor.event_kinds import CODE_ACCEPTED
from twofactor.factors import authenticator_app, backup_codes, code_text, enrolled, sent_codes
from twofactor.factors.methods import CODES, FACTORS
from twofactor.factors.refusal import Refused, Replayed, Wrong
from twofactor.factors.typed_code import Match, TypedCode
from twofactor.limits import guesses
from twofactor.models import Authenticator, Event
from twofactor.users import TwoFactorUser

WRONG_CODES_TO_REPORT = 3  # from so many in a row on, the owner is told: someone has the password


class Overtaken(Exception):
    """The code was right, but what it was given for has happened meanwhile."""


@dataclass(frozen=True)
class Proof:
    """What an accepted code has proved."""

    method: str
    app: Authenticator | None = None
    codes_left: int = 0  # after a backup code


# Makes the change that the code is given for, and returns False if another request has made it.
Claim = Callable[[Proof], bool]


class Kind(Protocol):
    """The module of one kind of code."""

    METHODS: frozenset[str]

    def read(self, user: TwoFactorUser, text: str, *, alone: bool, purpose: str, now: datetime) -> TypedCode:
        """Reads the text, or raises Refused if it cannot be a code of this kind.

        `alone`: the field takes no other kind.
        """


# In the order in which a field for several kinds tries to read them.
KINDS: list[Kind] = [authenticator_app, backup_codes, sent_codes]


def accept_code(
    user: TwoFactorUser,
    text: str,
    request: HttpRequest,
    now: datetime,
    *,
    kinds: frozenset[str] = CODES,
    purpose: str = "",
    claim: Claim = lambda _proof: True,
    changes_factors: bool = False,
    recorded_as: str = Event.Kind.SECOND_FACTOR_ACCEPTED,
) -> Proof:
    """Raises Refused, guesses.Locked or Overtaken if the code is not accepted.

    The claim runs in the transaction that spends the code: two codes never pay for the same change, and a
    code for which the claim raises Refused is not spent. With `changes_factors` their lock is taken before
    the code is spent, or two such claims could wait for each other.
    """
    if getattr(user, "two_factor", None) is None and not enrolled.is_on(user):
        raise Overtaken  # turned off in another tab
    code = read(user, text, kinds, purpose, now)
    try:
        failures = guesses.charge(user, now)
    except guesses.Locked:
        events.log_only("second_factor_locked", user.pk, request, method=code.method)
        raise
    try:
        match = code.find(now)
    except Refused as refused:  # nothing was guessed
        guesses.refund(user)
        if isinstance(refused, Replayed):
            record_replay(user, request, code.method, was_spent=refused.was_spent)
        raise
    if match is None:
        record_wrong_code(user, request, code.method, failures)
        raise Wrong(" ".join([*code.wrong, *warning(failures)]))
    proof = Proof(code.method, match.app, match.codes_left)
    record = partial(record_accepted, recorded_as, user, request, code, proof)
    spend_together_with(partial(claim, proof), record, match, code, user, now, with_lock=changes_factors)
    if failures > WRONG_CODES_TO_REPORT:  # this charge is one of them
        events.record("right_after_wrong", user, request)
    return proof


def read(user: TwoFactorUser, text: str, kinds: frozenset[str], purpose: str, now: datetime) -> TypedCode:
    """Read by the first kind that can. If none can, the person reads the sentence of the first one, but that
    of backup codes for a long text with letters in it.
    """
    typed = code_text.require_text(text)
    wanted = [kind for kind in KINDS if kind.METHODS & kinds]
    refusals: dict[Kind, Refused] = {}
    for kind in wanted:
        try:
            return kind.read(user, text, alone=len(wanted) == 1, purpose=purpose, now=now)
        except Refused as refused:
            refusals[kind] = refused
    is_long = len(typed) >= backup_codes.MIN_IMPORTED_LENGTH and not code_text.is_digits(typed)
    raise (is_long and refusals.get(backup_codes)) or refusals[wanted[0]]


def spend_together_with(
    claim: Callable[[], bool],
    record: Callable[[], None],
    match: Match,
    code: TypedCode,
    user: TwoFactorUser,
    now: datetime,
    *,
    with_lock: bool,
) -> None:
    """Spend the code, make the claim and record it, or none of them."""
    try:
        with transaction.atomic():
            if with_lock:
                enrolled.lock(user, now)
            if not match.spend(now):
                raise match.replayed()
            if not claim():
                raise Overtaken
            guesses.reset_after_success(user, with_factor=code.method in FACTORS)
            record()
    except (Refused, Overtaken):
        guesses.refund(user)
        raise


def record_accepted(
    kind: str, user: TwoFactorUser, request: HttpRequest, code: TypedCode, proof: Proof
) -> None:
    named = {"app": proof.app.name} if proof.app else {}
    events.record(kind, user, request, method=proof.method, **named)
    if code.notice:
        events.record(code.notice, user, request)


def record_wrong_code(user: TwoFactorUser, request: HttpRequest, method: str, failures: int) -> None:
    locked = failures >= guesses.FREE_GUESSES
    kind = "second_factor_locked" if locked else "second_factor_refused"
    events.record(kind, user, request, method=method)
    if failures >= WRONG_CODES_TO_REPORT:
        events.record("wrong_codes", user, request)


def record_replay(user: TwoFactorUser, request: HttpRequest, method: str, *, was_spent: bool) -> None:
    """A spent code from another address: someone has seen it typed, or passes on what the person sends."""
    accepted = Event.objects.filter(user_id=user.pk, kind__in=CODE_ACCEPTED).order_by("-at", "-pk")
    last_address = accepted.values_list("ip_address", flat=True).first()
    events.record("code_replayed", user, request, method=method)
    if was_spent and last_address and last_address != events.ip_of(request):
        events.record("replayed_elsewhere", user, request)


def warning(failures: int) -> list[str]:
    if failures >= guesses.FREE_GUESSES:
        return [_("You have to wait before you can try again.")]
    if failures == guesses.FREE_GUESSES - 1:
        wait = format_duration(guesses.wait_after(guesses.FREE_GUESSES))
        return [_("One more wrong code and you'll have to wait at least %(wait)s.") % {"wait": wait}]
    return []
