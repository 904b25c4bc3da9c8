"""What a person has begun and not finished: a first setup, one more app, or new backup codes.

Nothing of a draft protects the account until factor_changes makes the change.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db import IntegrityError, router
from django.db.models import Exists, F, OuterRef, Q, Subquery
from django.utils.translation import gettext as _

from twofactor import conf, sealing, statements
from twofactor.factors import authenticator_app, backup_codes, code_text, enrolled, totp
from twofactor.factors.refusal import Changed, Refused
from twofactor.limits import allowances
from twofactor.models import Draft
from twofactor.sessions import epoch
from twofactor.transactions import atomic
from twofactor.users import TwoFactorUser

GUESSES_PER_KEY = 10
COLUMNS = ("id", "sealed", "started_at", "failures", "confirmed_step")


class Unconfirmed(Exception):
    """The person signed up by themselves, and has not confirmed the email address yet."""


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
    return open_for(owner, find_row(user, kind), now)


def open_for(owner: str | None, row: Draft | None, now: datetime) -> OpenDraft | None:
    draft = open_draft(row, now)
    return draft if draft and owner in (None, draft.owner) else None


def find_drafts(user: TwoFactorUser, now: datetime) -> dict[str, OpenDraft | None]:
    """By their kind."""
    return {row.kind: open_draft(row, now) for row in drafts_of(user.pk)}


@statements.rows
def drafts_of(user_id: Any) -> Any:
    return Draft.objects.filter(user_id=user_id)


def find_row(user: TwoFactorUser, kind: str) -> Draft | None:
    return Draft.objects.filter(user_id=user.pk, kind=kind).first()


def setup_of(user: TwoFactorUser) -> tuple[bool, Draft | None]:
    """Is it on already, and the draft of a first setup. One query."""
    found = factor_and_draft(user.pk, Draft.Kind.SETUP.value)
    if found is None:  # the manager of the site hides the person
        return enrolled.is_on(user), find_row(user, Draft.Kind.SETUP)
    proofs, columns = found[: -len(COLUMNS)], found[-len(COLUMNS) :]
    values = dict(zip(COLUMNS, columns, strict=True))
    row = Draft(user_id=user.pk, kind=Draft.Kind.SETUP, **values) if values["id"] else None
    return any(proofs), row


@statements.row
def factor_and_draft(user_id: Any, kind: str) -> Any:
    draft = Draft.objects.filter(user_id=OuterRef("pk"), kind=kind)
    return (
        get_user_model()
        ._default_manager.filter(pk=user_id)
        .values_list(
            *[Exists(model.objects.filter(user_id=OuterRef("pk"))) for model in enrolled.ONLY_WHILE_ON],
            *[Subquery(draft.values(name)) for name in COLUMNS],
        )
    )


def open_draft(row: Draft | None, now: datetime) -> OpenDraft | None:
    if row is None or row.started_at <= now - conf.draft_age():
        return None
    user = sealing.owner_of(row.user_id)
    try:
        value = sealing.unseal(row.purpose, user, row.sealed, now, conf.draft_age())
    except sealing.UnsealError:
        return None
    return OpenDraft(row, **value)


def start(user: TwoFactorUser, kind: str, now: datetime, owner: str = "") -> OpenDraft:
    return start_after(find_row(user, kind), user, kind, now, owner)


def start_after(before: Draft | None, user: TwoFactorUser, kind: str, now: datetime, owner: str) -> OpenDraft:
    """Returns the running draft if there is one: a reload or a second tab shows the same key and codes.

    A new one takes its place if another owner began it, or if its key takes no more guesses.
    """
    if kind != Draft.Kind.CODES and needs_confirmed_address(user):
        raise Unconfirmed
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
        with atomic(router.db_for_write(Draft)):
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
        problem, *advice = authenticator_app.wrong()
        raise Refused(problem, " ".join(advice))
    # An older code may confirm too, but the step never goes back: every code that confirmed counts as used.
    earlier = row.filter(Q(confirmed_step=None) | Q(confirmed_step__lt=step))
    if not earlier.update(confirmed_step=step, failures=0):
        step = row.values_list("confirmed_step", flat=True).first()
    setup.row.confirmed_step = step


def claim_draft(draft: OpenDraft) -> None:
    """If several tabs finish at once, only the one that deletes the row goes on."""
    if not Draft.objects.filter(pk=draft.row.pk, sealed=draft.row.sealed).delete()[0]:
        raise Changed


def claim_setup(draft: OpenDraft) -> None:
    """Not if it is on by now, by an import or another sign-in with a factor of its own."""
    # Without OuterRef, for which PostgreSQL may read the factors of all people.
    is_off = [~Exists(model.objects.filter(user_id=draft.row.user_id)) for model in enrolled.ONLY_WHILE_ON]
    if not Draft.objects.filter(*is_off, pk=draft.row.pk, sealed=draft.row.sealed).delete()[0]:
        raise Changed


def cancel(user: TwoFactorUser, kind: str) -> None:
    Draft.objects.filter(user_id=user.pk, kind=kind).delete()
