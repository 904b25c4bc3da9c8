"""Passkeys and security keys: which a person has, what to ask them, and whether an answer is accepted.

Nothing of an answer can be guessed, so a wrong one costs the person no guess, and works while their codes are
locked. The address that it came from pays for it.
"""

import hashlib
import logging
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib.util import find_spec
from typing import Any

from django.db import IntegrityError
from django.http import HttpRequest
from django.utils.translation import gettext as _

from twofactor import conf, events, statements
from twofactor.factors import ceremony, challenges, enrolled, makers
from twofactor.factors.accept import Claim, Overtaken, Proof
from twofactor.factors.challenges import SECOND, SIGN_IN, STEP_UP, Challenge, Purpose
from twofactor.factors.methods import KEY, PASSKEY
from twofactor.factors.refusal import Refused
from twofactor.limits import allowances, guesses
from twofactor.limits.allowances import TooOften
from twofactor.models import Event, Passkey, PasskeyOwner
from twofactor.sessions import epoch
from twofactor.users import TwoFactorUser, may_be_joined, sign_in_name
from twofactor.web import browser_names
from twofactor.web.client_address import client_address, has_address

log = logging.getLogger("countersign.security")

MAX_PASSKEYS = 10
HANDLE_LENGTH = 64  # bytes
PASSKEYS = "_twofactor_passkeys"  # the attribute of a person for their passkeys, if they were read together
MUST_VERIFY = frozenset({SIGN_IN, STEP_UP})  # there it takes the place of the password, too


class NotAccepted(Exception):
    """The text is for the log, and has nothing of the answer in it."""


class Copied(NotAccepted):
    """Its count went back: somewhere there is a second one."""


# Which there are


@cache
def library_is_installed() -> bool:
    return find_spec("webauthn") is not None


def are_offered() -> bool:
    """Could a browser give a passkey to a page of this site, and could this site read it?"""
    return library_is_installed() and not conf.passkey_problem()


def all_of(user: TwoFactorUser) -> list[Passkey]:
    """The oldest first. No query, if they were read together with the person."""
    return getattr(user, PASSKEYS, None) or passkeys_of(user.pk)


@statements.rows
def passkeys_of(user_id: Any) -> Any:
    return Passkey.objects.filter(user_id=user_id).order_by("added_at", "pk")


@statements.rows
def passkeys_with_person(user_id: Any) -> Any:
    own = Passkey.objects.filter(user_id=user_id).order_by("added_at", "pk")
    return own.select_related("user__two_factor", "user__guess_budget")


def read_person_with_passkeys(user_id: Any) -> Any:
    """As authenticator_app.read_person_with_apps() does."""
    own = passkeys_with_person(user_id) if may_be_joined(Passkey) else []
    if not own:
        return None
    person = own[0].user
    vars(person)[PASSKEYS] = own
    return person


def usable(passkeys: Iterable[Passkey]) -> list[Passkey]:
    """Without those of another domain, and those that may be copies."""
    if not are_offered():
        return []
    domain = conf.passkey_domain()
    return [each for each in passkeys if each.rp_id == domain and each.suspected_at is None]


def usable_alone(passkeys: Iterable[Passkey]) -> list[Passkey]:
    """Those that verify the person themselves, and so need no password beside them."""
    return [each for each in usable(passkeys) if each.kind == Passkey.Kind.PASSKEY]


# What to ask


def site() -> ceremony.Site:
    return ceremony.Site(conf.passkey_domain(), conf.passkey_origins(), conf.site_name())


@dataclass(frozen=True)
class Question:
    """What a form asks the browser: options for its script, and a challenge that comes back sealed."""

    options: dict[str, Any] = field(repr=False)
    token: str = field(repr=False)

    @property
    def domain(self) -> str:
        return conf.passkey_domain()


def ask_for_one(purpose: Purpose, now: datetime, passkeys: Iterable[Passkey] = ()) -> Question:
    """Without passkeys, any that this site knows."""
    challenge, token = challenges.make(purpose, now)
    verification = "required" if purpose.use in MUST_VERIFY else "discouraged"
    options = ceremony.request_options(
        site(), challenge.value, known(passkeys), user_verification=verification
    )
    return Question(options, token)


def ask_for_new(user: TwoFactorUser, purpose: Purpose, now: datetime, own: enrolled.Overview) -> Question:
    """Without a handle of theirs, a new one is kept with the first passkey. It travels with the challenge."""
    handle = own.handle or secrets.token_bytes(HANDLE_LENGTH)
    challenge, token = challenges.make(purpose, now, handle)
    name = sign_in_name(user)
    person = ceremony.Person(handle, name, full_name(user) or name)
    is_key = purpose.use == challenges.ADD_KEY
    options = ceremony.creation_options(
        site(), person, challenge.value, known(own.passkeys), security_key=is_key
    )
    return Question(options, token)


def known(passkeys: Iterable[Passkey]) -> list[ceremony.Known]:
    return [ceremony.Known(bytes(each.credential_id), each.transports) for each in passkeys]


def keep_handle(user: TwoFactorUser, handle: bytes) -> None:
    """The first stays: with a second one, devices would make a second entry for the same person."""
    PasskeyOwner.objects.bulk_create([PasskeyOwner(pk=user.pk, handle=handle)], ignore_conflicts=True)


def full_name(user: Any) -> str:
    return str(getattr(user, "get_full_name", str)() or "")


# Whether an answer is accepted


def accept(
    text: str,
    token: str,
    purpose: Purpose,
    request: HttpRequest,
    now: datetime,
    *,
    user: TwoFactorUser | None = None,
    own: Sequence[Passkey] = (),
    claim: Claim = lambda _proof: True,
    changes_factors: bool = False,
    recorded_as: str = Event.Kind.SECOND_FACTOR_ACCEPTED,
) -> Proof:
    """Raises Refused, TooOften or Overtaken if the answer is not accepted.

    `user`: whose it must be, and `own`: their passkeys, as they have just been read.
    As factors.accept does, the claim runs in the transaction that spends the challenge.
    """
    with limit_refusals(request, purpose, now):
        challenge = challenges.read(token, purpose, now)
        answer = ceremony.read_answer(text)
        passkey = find(answer, user, own)
        asserted = verify(passkey, answer, purpose, challenge)
        attempt = Attempt(passkey, user or passkey.user, asserted, purpose, challenge, request, now)
        try:
            return attempt.spend(claim, changes_factors, recorded_as)
        except Copied:
            suspect(passkey, attempt.user, request, now)
            raise


@contextmanager
def limit_refusals(request: HttpRequest, purpose: Purpose, now: datetime) -> Iterator[None]:
    """An answer that is not accepted counts against where it came from. All reasons have one sentence.

    Where it is known whose it must be, each person there counts apart: a stranger at the same address could
    keep them from it.
    """
    address = client_address(request)
    subject = f"{address} {purpose.owner}" if purpose.owner else address
    if until := allowances.PASSKEYS_REFUSED.full_until(subject, now) if has_address(address) else None:
        raise TooOften(until)
    try:
        yield
    except (NotAccepted, challenges.Invalid, ceremony.NotVerified) as refused:
        if has_address(address):
            allowances.PASSKEYS_REFUSED.charge(subject, now)
        log.warning("a passkey was not accepted: %s", refused)
        raise Refused(_("That didn't work. Try again, or use another way.")) from None


def find(answer: ceremony.Answer, user: TwoFactorUser | None, own: Sequence[Passkey]) -> Passkey:
    """At a sign-in nobody says who they are: it is the person whose passkey it is."""
    digest = digest_of(answer.credential_id)
    if user is None:
        passkey = find_with_person(digest)
    else:
        passkey = next((each for each in own if each.credential_digest == digest), None)
    if passkey is None or (user is not None and passkey.user_id != user.pk):
        raise NotAccepted("there is none with this id")
    if user is None and answer.user_handle is None:
        raise NotAccepted("it does not say whose it is")
    if answer.user_handle not in {None, bytes(passkey.handle)}:
        raise NotAccepted("it is of another person")
    if passkey.rp_id != conf.passkey_domain():
        raise NotAccepted("it was made for another domain")
    if passkey.suspected_at is not None:
        raise NotAccepted("it may be a copy")
    return passkey


def find_with_person(digest: str) -> Passkey | None:
    found: Passkey | None
    if may_be_joined(Passkey):
        found = joined_with_person(digest)
    else:
        found = Passkey.objects.filter(credential_digest=digest).first()
    return found


@statements.row
def joined_with_person(digest: str) -> Any:
    return Passkey.objects.filter(credential_digest=digest).select_related("user__two_factor")


def digest_of(credential_id: bytes) -> str:
    return hashlib.sha256(credential_id).hexdigest()


def verify(
    passkey: Passkey, answer: ceremony.Answer, purpose: Purpose, challenge: Challenge
) -> ceremony.Assertion:
    must_verify = purpose.use in MUST_VERIFY
    if must_verify and passkey.is_key:  # it may verify the person all the same, and no page counts with it
        raise NotAccepted("a security key needs the password beside it")
    key = bytes(passkey.public_key)
    asserted = ceremony.verify_assertion(answer, site(), challenge.value, key, must_verify=must_verify)
    if passkey.backup_eligible and not asserted.backup_eligible:
        raise NotAccepted("it could be copied, and now it can't")
    return asserted


@dataclass(frozen=True)
class Attempt:
    """An answer that is right by itself."""

    passkey: Passkey
    user: TwoFactorUser
    asserted: ceremony.Assertion
    purpose: Purpose
    challenge: Challenge = field(repr=False)
    request: HttpRequest
    now: datetime

    def spend(self, claim: Claim, changes_factors: bool, recorded_as: str) -> Proof:
        """Spends the challenge, makes the claim and records it, or none of them."""
        proof = Proof(PASSKEY if self.asserted.verified else KEY, self.passkey)
        try:
            with events.atomic():
                challenges.spend(self.challenge, self.now)
                if changes_factors:
                    enrolled.lock(self.user, self.now)
                if self.purpose.use == SECOND:  # before the passkey: everyone locks the guesses first
                    guesses.remember_proof(self.user)
                if not self.update():
                    self.say_why()
                if self.asserted.sign_count < self.passkey.sign_count:
                    log.warning("passkey=%s counts less than before: a copy of it was used", self.passkey.pk)
                if not claim(proof):
                    raise Overtaken
                named = self.passkey.in_detail
                events.record(recorded_as, self.user, self.request, method=proof.method, **named)
        except IntegrityError:
            if challenges.was_spent(self.challenge):
                raise NotAccepted("the challenge is spent") from None
            raise
        return proof

    def update(self) -> bool:
        """One UPDATE decides. A copy counts apart from the one it was copied from, so only a passkey that
        cannot be copied has to count upwards.
        """
        count, counted = self.asserted.sign_count, {}
        if not self.asserted.backup_eligible:
            counted = {"sign_count__lt": count} if count else {"sign_count": 0}
        used = {
            "sign_count": count,
            "backup_eligible": self.asserted.backup_eligible,
            "backed_up": self.asserted.backed_up,
            "last_used_at": self.now,
            **({"verified": True} if self.asserted.verified else {}),
        }
        return write_use(self.passkey.pk, counted, used) == 1

    def say_why(self) -> None:
        row = Passkey.objects.filter(pk=self.passkey.pk).first()
        if row is None:
            raise NotAccepted("it was removed meanwhile")
        if row.suspected_at is not None:
            raise NotAccepted("it may be a copy")
        raise Copied("its count went back")


@statements.update
def write_use(pk: Any, counted: dict[str, Any], used: dict[str, Any]) -> Any:
    return Passkey.objects.filter(pk=pk, suspected_at=None, **counted), used


def suspect(passkey: Passkey, user: TwoFactorUser, request: HttpRequest, now: datetime) -> None:
    """Refused until its owner says that it was them, or removes it. A copy may have signed in before."""
    with events.atomic():
        if Passkey.objects.filter(pk=passkey.pk, suspected_at=None).update(suspected_at=now):
            epoch.end_sessions(user)
            events.record("passkey_copied", user, request, **passkey.in_detail)


# A new one


@dataclass(frozen=True)
class NewPasskey:
    """A registration that is right by itself. Nothing is stored yet."""

    registration: ceremony.Registration
    challenge: Challenge = field(repr=False)
    is_key: bool
    name: str

    def row(self, user: TwoFactorUser, now: datetime) -> Passkey:
        made = self.registration
        return Passkey(
            user_id=user.pk,
            name=self.name,
            kind=Passkey.Kind.KEY if self.is_key else Passkey.Kind.PASSKEY,
            rp_id=conf.passkey_domain(),
            handle=self.challenge.handle,
            credential_digest=digest_of(made.credential_id),
            credential_id=made.credential_id,
            public_key=made.public_key,
            sign_count=made.sign_count,
            transports=made.transports,
            aaguid=made.aaguid,
            discoverable=made.discoverable,
            verified=made.verified,
            backup_eligible=made.backup_eligible,
            backed_up=made.backed_up,
            added_at=now,
        )


def read_new(text: str, token: str, purpose: Purpose, request: HttpRequest, now: datetime) -> NewPasskey:
    """Raises Refused, or TooOften."""
    with limit_refusals(request, purpose, now):
        is_key = purpose.use == challenges.ADD_KEY
        challenge = challenges.read(token, purpose, now)
        made = ceremony.verify_registration(text, site(), challenge.value, must_verify=not is_key)
        return NewPasskey(made, challenge, is_key, name_for(made, request, is_key))


def name_for(made: ceremony.Registration, request: HttpRequest, is_key: bool) -> str:
    """What the person may call it, until they say otherwise."""
    if made.aaguid and (maker := makers.name_of(made.aaguid)):
        return maker
    if is_key:
        return _("Security key")
    return browser_names.name_of(events.browser_of(request)) or _("Passkey")
