"""Turns two-factor authentication on and off, adds and removes factors, and makes new backup codes."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, count
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from twofactor import conf, events, sealing
from twofactor.factors import authenticator_app, backup_codes, code_text, enrolled, totp
from twofactor.factors.accept import Proof
from twofactor.factors.refusal import Refused
from twofactor.limits import allowances, guesses
from twofactor.models import (
    FACTOR_NAME_LENGTH,
    Authenticator,
    BackupCode,
    Draft,
    GuessBudget,
    Passkey,
    Phone,
    TrustedBrowser,
    TwoFactor,
)
from twofactor.sessions import credential_digests, epoch
from twofactor.users import TwoFactorUser

GUESSES_PER_KEY = 10


class Unconfirmed(Exception):
    """The person signed up by themselves, and has not confirmed the email address yet."""


class Changed(Exception):
    """It was finished, cancelled or turned off in another tab, or is older than Draft.MAX_AGE."""


class LastFactor(Refused):
    """Without this factor nothing would be left to ask for."""

    def __init__(self) -> None:
        super().__init__(
            _("This is your only app. Add another one first, or turn two-factor authentication off.")
        )


@dataclass(frozen=True)
class OpenDraft:
    """A draft whose secrets have been unsealed."""

    row: Draft
    key: str = field(repr=False)
    codes: list[str] = field(repr=False)
    owner: str = field(default="", repr=False)
    """The browser or API sign-in that began it: nobody else with the password may learn the key."""

    @property
    def is_confirmed(self) -> bool:
        return self.row.confirmed_step is not None

    @property
    def key_groups(self) -> list[str]:
        return [self.key[start : start + 4] for start in range(0, len(self.key), 4)]

    @property
    def formatted_codes(self) -> list[str]:
        return [code_text.format_backup_code(code) for code in self.codes]


def needs_confirmed_address(user: TwoFactorUser) -> bool:
    """Someone who signs up with the address of another person must not lock that person out by a factor."""
    return conf.site_has_mail() and getattr(user, "unconfirmed_since", None) is not None


def end_unconfirmed_sessions(user: TwoFactorUser) -> None:
    """For the first confirmation of the address: someone else may have signed up with it before.

    That ends their sessions and drafts. They cannot have a factor, because setup needs a confirmed address.
    """
    Draft.objects.filter(user_id=user.pk).delete()
    epoch.end_sessions(user)


def find_draft(user: TwoFactorUser, kind: str, now: datetime, owner: str | None = None) -> OpenDraft | None:
    """With an owner: only if that owner began it."""
    draft = open_draft(find_row(user, kind), now)
    return draft if draft and owner in (None, draft.owner) else None


def find_drafts(user: TwoFactorUser, now: datetime) -> dict[str, OpenDraft | None]:
    """By their kind."""
    return {row.kind: open_draft(row, now) for row in Draft.objects.filter(user_id=user.pk)}


def find_row(user: TwoFactorUser, kind: str) -> Draft | None:
    return Draft.objects.filter(user_id=user.pk, kind=kind).first()


def open_draft(row: Draft | None, now: datetime) -> OpenDraft | None:
    if row is None or row.started_at <= now - Draft.MAX_AGE:
        return None
    user = sealing.owner_of(row.user_id)
    try:
        value = sealing.unseal(row.purpose, user, row.sealed, now, Draft.MAX_AGE)
    except sealing.UnsealError:
        return None
    return OpenDraft(row, **value)


def start(user: TwoFactorUser, kind: str, now: datetime, owner: str = "") -> OpenDraft:
    """Returns the running draft if there is one: a reload or a second tab shows the same key and codes.

    A new one takes its place if another owner began it, or if its key takes no more guesses.
    """
    if kind != Draft.Kind.CODES and needs_confirmed_address(user):
        raise Unconfirmed
    before = find_row(user, kind)
    running = open_draft(before, now)
    if running and running.owner == owner and running.row.failures < GUESSES_PER_KEY:
        return running
    counted_as = f"{kind}:{user.pk}"
    allowances.SETUPS_STARTED.charge_or_raise(counted_as, now)
    value: dict[str, Any] = {
        "key": "" if kind == Draft.Kind.CODES else totp.generate_key(),
        "codes": [] if kind == Draft.Kind.APP else backup_codes.generate(),
        "owner": owner,
    }
    sealed = sealing.seal(Draft(kind=kind).purpose, sealing.owner_of(user.pk), value, now)
    try:
        with transaction.atomic():
            if before:
                before.delete()
            row = Draft.objects.create(user_id=user.pk, kind=kind, sealed=sealed, started_at=now)
    except IntegrityError:  # a second tab was faster: use its draft
        allowances.SETUPS_STARTED.refund(counted_as)
        return start(user, kind, now, owner)
    return OpenDraft(row, **value)


def confirm(setup: OpenDraft, text: str, now: datetime) -> None:
    """The right code shows that the app has the key. Its time step counts as used from the start."""
    code = code_text.require_text(text)
    if not code_text.is_digits(code) or len(code) != totp.DIGITS:
        raise Refused(code_text.digits_rule(totp.DIGITS), keep=True)
    row = Draft.objects.filter(pk=setup.row.pk)
    if not row.filter(failures__lt=GUESSES_PER_KEY).update(failures=F("failures") + 1):
        if not row.exists():
            raise Changed
        raise Refused(_("Too many wrong codes for this key. Cancel setup, then start again with a new key."))
    step = totp.matching_step(setup.key, code, now)
    if step is None:
        raise Refused(
            _(
                "The code is not correct. Wait for your app to show a new code, then try again. "
                "Check that your phone sets its time automatically."
            )
        )
    # An older code may confirm too, but the step never goes back: every code that confirmed counts as used.
    earlier = row.filter(Q(confirmed_step=None) | Q(confirmed_step__lt=step))
    if not earlier.update(confirmed_step=step, failures=0):
        step = row.values_list("confirmed_step", flat=True).first()
    setup.row.confirmed_step = step


def finish(user: TwoFactorUser, setup: OpenDraft, request: HttpRequest, now: datetime) -> None:
    """Turns two-factor authentication on with the first app, and ends every session, in one transaction."""
    codes = backup_codes.make_rows(user, setup.codes)
    with transaction.atomic():
        claim_draft(setup)
        if enrolled.is_on(user):  # by an import or another sign-in, with a factor of its own
            raise Changed
        TwoFactor.objects.create(user_id=user.pk, enabled_at=now, changed_at=now)
        save_app(user, setup, _("Authenticator app"), now, [], now)
        backup_codes.replace_all(user, codes)
        epoch.end_sessions(user)
        events.record("two_factor_enabled", user, request)


def add_app(
    user: TwoFactorUser,
    new: OpenDraft,
    name: str,
    request: HttpRequest,
    now: datetime,
    *,
    vouched: bool = True,
) -> Authenticator:
    """One more app. Ends no session, because nothing that was proven has become false.

    Not vouched: the step-up was made with an app that does not prove everything by itself, and neither will
    this one.
    """
    with transaction.atomic():
        claim_draft(new)
        if not enrolled.lock(user, now):
            raise Changed
        others = list(enrolled.apps_of(user))
        if len(others) >= enrolled.MAX_APPS:
            raise Changed
        full_from = now + enrolled.YOUNG_FOR if vouched else None
        app = save_app(user, new, name, now, others, full_from)
        events.record("app_added", user, request, app=app.name)
    return app


def add_app_after_recovery(
    user: TwoFactorUser,
    new: OpenDraft,
    name: str,
    request: HttpRequest,
    now: datetime,
    lost: Collection[int] = (),
) -> Authenticator:
    """For someone who has lost the apps whose primary keys are given: they stop working now.

    A thief of mailbox and password could be here, so beside an older app the new one never proves everything
    by itself.
    """
    with transaction.atomic():
        claim_draft(new)
        if not enrolled.lock(user, now):
            raise Changed
        if enrolled.apps_of(user).filter(pk__in=lost).delete()[0] != len(lost):
            raise Changed
        others = list(enrolled.apps_of(user))
        if len(others) >= enrolled.MAX_APPS:
            raise Changed  # the form asks to choose one to remove
        app = save_app(user, new, name, now, others, None)
        enrolled.start_waiting(user, now)
        if lost:
            epoch.end_sessions(user)
        events.record("authenticator_replaced" if lost else "app_added", user, request, app=app.name)
    return app


def save_app(
    user: TwoFactorUser,
    draft: OpenDraft,
    name: str,
    now: datetime,
    others: list[Authenticator],
    full_from: datetime | None,
) -> Authenticator:
    step = draft.row.confirmed_step
    if step is None:
        raise Changed
    app = Authenticator(
        user_id=user.pk,
        name=unused_name(name, others),
        digits=totp.DIGITS,
        period=totp.PERIOD,
        last_step=step,
        added_at=now,
        full_from=full_from,
    )
    authenticator_app.seal_key(app, draft.key, now)
    app.save(force_insert=True)
    # Counts as a proof with a factor, so that from now on a code by email can be the way back.
    proven = credential_digests.current(user)
    a_day = guesses.guesses_a_day(len(others) + 1)
    GuessBudget.objects.update_or_create(pk=user.pk, defaults={**proven, "guesses_a_day": a_day})
    return app


def remove_app(user: TwoFactorUser, pk: int, request: HttpRequest, now: datetime, proof: Proof) -> bool:
    """The claim of the code that is given for it (factors.accept). False if it is gone already.

    Raises LastFactor, and Refused for a code of an app that a thief may have added.
    """
    with transaction.atomic():
        if not enrolled.lock(user, now):
            return False
        apps = list(enrolled.apps_of(user))
        app = next((app for app in apps if app.pk == pk), None)
        if app is None:
            return False
        if enrolled.count_factors(user) < 2:
            raise LastFactor
        if proof.app and proof.app.pk != pk:
            require_full_proof(proof, now)
        app.delete()
        apps.remove(app)
        if len(apps) == 1 and proof.app and enrolled.proves_everything(proof.app, now):
            enrolled.apps_of(user).update(full_from=now)  # the owner's new phone: the old one has vouched
        enrolled.start_waiting(user, now)
        a_day = guesses.guesses_a_day(len(apps))
        GuessBudget.objects.filter(pk=user.pk).update(guesses_a_day=a_day)
        epoch.end_sessions(user)
        events.record("app_removed", user, request, app=app.name)
    return True


def rename_app(user: TwoFactorUser, pk: int, name: str) -> None:
    others = enrolled.apps_of(user).exclude(pk=pk)
    if not enrolled.apps_of(user).filter(pk=pk).update(name=unused_name(name, others)):
        raise Changed


def unused_name(name: str, others: Iterable[Authenticator]) -> str:
    """With a number behind it, if another app of the person has the name."""
    taken = {app.name for app in others}
    numbered = (f"{name[: FACTOR_NAME_LENGTH - 4]} ({number})" for number in count(2))
    return next(each for each in chain([name], numbered) if each not in taken)


def require_full_proof(proof: Proof | None, now: datetime) -> None:
    if proof and proof.app and not enrolled.proves_everything(proof.app, now):
        raise Refused(
            _(
                "A code from that app isn't enough for this, because the app was added recently. "
                "Use an app you've had for longer, or a backup code."
            )
        )


def is_full_proof(proof: Proof) -> bool:
    """A claim (factors.accept)."""
    require_full_proof(proof, timezone.now())
    return True


def may_make_codes(proof: Proof) -> bool:
    """A claim (factors.accept): with a backup code one could do what a recent app may not."""
    if proof.app and not enrolled.proves_everything(proof.app, timezone.now()):
        raise Refused(
            _(
                "A code from that app isn't enough for this, because the app was added recently. "
                "Use an app you've had for longer."
            )
        )
    return True


def save_new_codes(user: TwoFactorUser, new: OpenDraft, request: HttpRequest) -> None:
    codes = backup_codes.make_rows(user, new.codes)
    with transaction.atomic():
        claim_draft(new)
        backup_codes.replace_all(user, codes)
        epoch.end_sessions(user)
        events.record("backup_codes_regenerated", user, request)


def claim_draft(draft: OpenDraft) -> None:
    """If several tabs finish at once, only the one that deletes the row goes on."""
    if not Draft.objects.filter(pk=draft.row.pk, sealed=draft.row.sealed).delete()[0]:
        raise Changed


def cancel(user: TwoFactorUser, kind: str) -> None:
    Draft.objects.filter(user_id=user.pk, kind=kind).delete()


def turn_off(user: TwoFactorUser, request: HttpRequest, proof: Proof | None = None) -> bool:
    """The claim of the code that is given for it (factors.accept). False if it is off already.

    Without a proof it is for code of a site, which has asked in its own way.
    """
    with transaction.atomic():
        require_full_proof(proof, timezone.now())
        if not forget_factors(user):
            return False
        # The counts of wrong codes stay: turning it off and on again must not give new guesses.
        epoch.end_sessions(user)
        events.record("two_factor_disabled", user, request)
    return True


def forget_factors(user: TwoFactorUser) -> bool:
    """Deletes everything that a second factor consists of. False if there is none.

    The random name for passkeys stays: devices that keep one would make a second entry for a new name.
    """
    was_on = [
        model._default_manager.filter(user_id=user.pk).delete()[0]
        for model in (TwoFactor, Authenticator, Passkey)
    ]
    if not any(was_on):
        return False
    for model in (BackupCode, Draft, Phone, TrustedBrowser):
        model._default_manager.filter(user_id=user.pk).delete()
    return True
