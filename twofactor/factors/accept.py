"""Checks a typed code: for sign-in, for step-up, for turning off, and for whatever else takes one.

A guess is charged before the code is compared, and no error afterwards takes the charge back (a lost
connection does, which has told nothing either). A right code is spent by one UPDATE, in the same
transaction as the change that it was given for.

Every transaction here locks the guess budget of the person first, then the rows of their factors, then the
user: of two at once the second waits, and they never wait for each other.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.db import router, transaction
from django.db.transaction import TransactionManagementError
from django.http import HttpRequest
from django.utils.translation import gettext as _

from twofactor import conf, events
from twofactor.clocks import format_duration
from twofactor.event_kinds import CODE_ACCEPTED
from twofactor.factors import (
    authenticator_app,
    backup_codes,
    code_text,
    confirmation_codes,
    enrolled,
    sent_codes,
)
from twofactor.factors.methods import CODES, CONFIRMING, FACTORS
from twofactor.factors.refusal import Refused, Replayed, Wrong
from twofactor.factors.typed_code import Match, TypedCode
from twofactor.limits import guesses
from twofactor.models import Authenticator, Event, GuessBudget, Passkey
from twofactor.transactions import atomic
from twofactor.users import TwoFactorUser

WRONG_CODES_TO_REPORT = 3  # from so many in a row on, the owner is told: someone has the password


class Overtaken(Exception):
    """The code was right, but what it was given for has happened meanwhile."""


@dataclass(frozen=True)
class Proof:
    """What an accepted code or passkey has proved."""

    method: str
    factor: Authenticator | Passkey | None = None
    """What it was a code or an answer of, unless it was a backup code."""

    codes_left: int = 0  # after a backup code
    address: str = ""  # that a code was sent to, of someone without a factor


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
KINDS: list[Kind] = [authenticator_app, backup_codes, sent_codes, confirmation_codes]


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
    if enrolled.was_on(user) == (kinds == CONFIRMING):
        raise Overtaken  # turned off in another tab, or on
    code = read(user, text, kinds, purpose, now)
    attempt = Attempt(user, code, request, now, claim, changes_factors, recorded_as)
    try:
        proof = attempt.in_one_transaction() if code.is_compared_at_once else attempt.in_two_transactions()
    except guesses.Locked:
        events.log_only("second_factor_locked", user.pk, request, method=code.method)
        raise
    except Replayed as replayed:
        if replayed is attempt.replayed:
            record_replay(user, request, code.method, was_spent=replayed.was_spent)
        raise
    if proof is None:
        problem, *advice = code.wrong
        raise Wrong(problem, " ".join([*advice, *warning(attempt.failures)]))
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


@dataclass
class Attempt:
    """One code that someone has typed."""

    user: TwoFactorUser
    code: TypedCode
    request: HttpRequest
    now: datetime
    claim: Claim
    changes_factors: bool
    recorded_as: str
    failures: int = 0
    """In a row, with this guess. Known after the charge."""
    replayed: Replayed | None = None
    """Was the code spent already when it was compared?"""

    def in_one_transaction(self) -> Proof | None:
        """Returns None for a wrong code.

        The charge is its first statement, and what fails after it is rolled back to there. The answer waits
        for the COMMIT, so a process that is killed has changed nothing and has told nothing. login() and the
        signals of the site come later. A wrong code is recorded later, too: a COMMIT that the row of an event
        can let fail would take the charge back, and would do so for wrong codes alone.
        """
        problem: Exception | None = None
        with atomic(self.database, durable=True):
            self.charge()
            try:
                with self.all_or_nothing():
                    match = self.find()
                    proof = self.spend(match) if match else None
            except Exception as raised:  # any: an error after the comparison must cost a guess, too
                problem = raised
                self.refund_after(raised)
        if problem:
            raise problem
        if proof is None:
            self.record_wrong()
        return proof

    def in_two_transactions(self) -> Proof | None:
        """For a comparison that takes long, or writes: nobody else has to wait for it."""
        with atomic(self.database, durable=True):
            self.charge()
        try:
            match = self.find()
            if match:
                with self.all_or_nothing():
                    return self.spend(match)
        except (Refused, Overtaken) as raised:
            self.refund_after(raised)
            raise
        self.record_wrong()
        return None

    @property
    def database(self) -> str:
        return router.db_for_write(GuessBudget)

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """A transaction. Raises if a receiver of the site has broken it and has hidden that: what was spent
        would be rolled back without an error.
        """
        with atomic(self.database):
            yield
            if transaction.get_rollback(using=self.database):
                raise TransactionManagementError("a receiver of a signal has broken the transaction")

    def charge(self) -> None:
        self.failures = guesses.charge(self.user, self.now)

    def refund_after(self, raised: Exception) -> None:
        """Where nothing was guessed, or the code was right."""
        if isinstance(raised, Refused | Overtaken):
            guesses.refund(self.user)

    def find(self) -> Match | None:
        try:
            return self.code.find(self.now)
        except Replayed as replayed:
            self.replayed = replayed
            raise

    def spend(self, match: Match) -> Proof:
        """Spends the code, makes the claim and records it, or none of them."""
        guesses.reset_after_success(self.user, with_factor=self.code.method in FACTORS)
        if self.changes_factors:
            enrolled.lock_after_guesses(self.user, self.now)
        if not match.spend(self.now):
            raise match.replayed()
        proof = Proof(self.code.method, match.app, match.codes_left, self.code.address)
        if not self.claim(proof):
            raise Overtaken
        self.record_right(proof)
        return proof

    def record_right(self, proof: Proof) -> None:
        named = {"app": proof.factor.name} if proof.factor else {}
        events.record(self.recorded_as, self.user, self.request, method=proof.method, **named)
        if self.code.notice:
            events.record(self.code.notice, self.user, self.request)
        if self.failures > WRONG_CODES_TO_REPORT:  # this charge is one of them
            events.record("right_after_wrong", self.user, self.request)

    def record_wrong(self) -> None:
        locked = self.failures >= conf.free_guesses()
        kind = "second_factor_locked" if locked else "second_factor_refused"
        events.record(kind, self.user, self.request, method=self.code.method)
        if self.failures >= WRONG_CODES_TO_REPORT:
            events.record("wrong_codes", self.user, self.request)


def record_replay(user: TwoFactorUser, request: HttpRequest, method: str, *, was_spent: bool) -> None:
    """A spent code from another address: someone has seen it typed, or passes on what the person sends."""
    accepted = Event.objects.filter(user_id=user.pk, kind__in=CODE_ACCEPTED).order_by("-at", "-pk")
    last_address = accepted.values_list("ip_address", flat=True).first()
    events.record("code_replayed", user, request, method=method)
    if was_spent and last_address and last_address != events.ip_of(request):
        events.record("replayed_elsewhere", user, request)


def warning(failures: int) -> list[str]:
    if failures >= conf.free_guesses():
        return [_("You have to wait before you can try again.")]
    if failures == conf.free_guesses() - 1:
        wait = format_duration(guesses.wait_after(conf.free_guesses()))
        return [_("One more wrong code and you'll have to wait at least %(wait)s.") % {"wait": wait}]
    return []
