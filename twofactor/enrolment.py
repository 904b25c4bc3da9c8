"""Turning two-factor sign-in on, replacing the authenticator, making new backup codes, turning it off."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.http import HttpRequest
from django.utils.translation import gettext as _

from twofactor import events, limits, sealing
from twofactor.factors import authenticator_app, backup_codes, code_text, totp
from twofactor.factors.refusal import Refused
from twofactor.models import Authenticator, Draft, GuessBudget, Phone, TrustedBrowser
from twofactor.outgoing import mail
from twofactor.sessions import credential_digests, epoch

GUESSES_PER_KEY = 10


class Unconfirmed(Exception):
    """Whoever signed up by themselves has not shown yet that the address is theirs."""


class Changed(Exception):
    """It was finished, cancelled or turned off in another tab, or is more than half an hour old."""


@dataclass(frozen=True)
class Unfinished:
    """A draft with its seal opened."""

    draft: Draft
    key: str = field(repr=False)
    codes: list[str] = field(repr=False)
    holder: str = field(default="", repr=False)

    @property
    def confirmed(self) -> bool:
        return self.draft.confirmed_step is not None

    @property
    def key_groups(self) -> list[str]:
        return [self.key[start : start + 4] for start in range(0, len(self.key), 4)]

    @property
    def shown_codes(self) -> list[str]:
        return [code_text.format_backup_code(code) for code in self.codes]


def is_on(user: Any) -> bool:
    return Authenticator.objects.filter(pk=user.pk).exists()


def was_finished(user: Any, since: datetime) -> bool:
    """Was two-factor authentication turned on, or the authenticator replaced, since then?"""
    return Authenticator.objects.filter(pk=user.pk, enabled_at__gt=since).exists()


def needs_confirmed_address(user: Any) -> bool:
    """A factor of somebody who only typed the address would lock out whoever owns it."""
    return mail.site_has_mail() and getattr(user, "unconfirmed_since", None) is not None


def forget_unconfirmed(user: Any) -> None:
    """The address is confirmed for the first time. Whoever signed up may have been somebody else: whatever
    they began ends. No factor is among it, because there was no set-up before.
    """
    Draft.objects.filter(user_id=user.pk).delete()
    epoch.end_sessions(user)


def unfinished(
    user: AbstractBaseUser, kind: str, now: datetime, holder: str | None = None
) -> Unfinished | None:
    """With a holder only what they began: somebody else with the password must not learn this key."""
    found = opened(draft_of(user, kind), now)
    return found if found and holder in (None, found.holder) else None


def all_unfinished(user: AbstractBaseUser, now: datetime) -> dict[str, Unfinished | None]:
    """By their kind."""
    return {draft.kind: opened(draft, now) for draft in Draft.objects.filter(user_id=user.pk)}


def draft_of(user: AbstractBaseUser, kind: str) -> Draft | None:
    return Draft.objects.filter(user_id=user.pk, kind=kind).first()


def opened(draft: Draft | None, now: datetime) -> Unfinished | None:
    if draft is None or draft.started_at <= now - Draft.MAX_AGE:
        return None
    owner = sealing.owner_of(draft.user_id)
    try:
        value = sealing.unseal(draft.purpose, owner, draft.sealed, now, Draft.MAX_AGE)
    except sealing.Unopenable:
        return None
    return Unfinished(draft, **value)


def start(user: AbstractBaseUser, kind: str, now: datetime, holder: str = "") -> Unfinished:
    """The unfinished one if there is one: a reload or a second tab shows the same key and the same codes.

    Unless so many wrong codes were tried at its key that it takes no more, or another session began it.
    """
    if kind == Draft.Kind.SETUP and needs_confirmed_address(user):
        raise Unconfirmed
    before = draft_of(user, kind)
    found = opened(before, now)
    if found and found.holder == holder and found.draft.failures < GUESSES_PER_KEY:
        return found
    counted_as = f"{kind}:{user.pk}"
    limits.SET_UPS_BEGUN.take_or_refuse(counted_as, now)
    value: dict[str, Any] = {
        "key": totp.generate_key() if kind == Draft.Kind.SETUP else "",
        "codes": backup_codes.generate(),
        "holder": holder,
    }
    sealed = sealing.seal(Draft(kind=kind).purpose, sealing.owner_of(user.pk), value, now)
    try:
        with transaction.atomic():
            if before:
                before.delete()
            draft = Draft.objects.create(user_id=user.pk, kind=kind, sealed=sealed, started_at=now)
    except IntegrityError:  # a second tab was first: theirs counts
        limits.SET_UPS_BEGUN.give_back(counted_as)
        return start(user, kind, now, holder)
    return Unfinished(draft, **value)


def confirm(setup: Unfinished, text: str, now: datetime) -> None:
    """The app shows the right code, so the key has arrived. Its step is spent from the start."""
    code = code_text.compact(text)
    rule = _("The code must be %(digits)d numbers") % {"digits": totp.DIGITS}
    if not code:
        raise Refused(_("Enter the code"))
    if not code_text.is_digits(code) or len(code) != totp.DIGITS:
        raise Refused(rule, keep=True)
    mine = Draft.objects.filter(pk=setup.draft.pk)
    if not mine.filter(failures__lt=GUESSES_PER_KEY).update(failures=F("failures") + 1):
        if not mine.exists():
            raise Changed
        raise Refused(_("Too many wrong codes for this key. Cancel, and start again with a new one"))
    step = totp.matching_step(setup.key, code, now)
    if step is None:
        raise Refused(
            _(
                "The code is not correct. Wait for your app to show a new code, then try again. "
                "Check that your phone sets its time automatically"
            )
        )
    later = mine.filter(Q(confirmed_step=None) | Q(confirmed_step__lt=step))
    if not later.update(confirmed_step=step, failures=0):  # never back: each code that confirmed is spent
        step = mine.values_list("confirmed_step", flat=True).first()
    setup.draft.confirmed_step = step


def finish(user: AbstractBaseUser, setup: Unfinished, request: HttpRequest, now: datetime) -> None:
    """All or nothing: the authenticator, ten codes and the end of every other session, or none of it."""
    step = setup.draft.confirmed_step
    if step is None:
        raise Changed
    codes = backup_codes.make_rows(user, setup.codes)
    with transaction.atomic():
        _claim(setup)
        replaced = Authenticator.objects.filter(pk=user.pk).exists()
        authenticator = Authenticator(user_id=user.pk, last_step=step, enabled_at=now)
        authenticator_app.seal_key(authenticator, setup.key, now)
        authenticator.save(force_insert=not replaced, force_update=replaced)
        # The app has just shown its code, so a code by e-mail may help whoever loses it.
        GuessBudget.objects.update_or_create(pk=user.pk, defaults=credential_digests.current(user))
        backup_codes.replace_all(user, codes)
        epoch.end_sessions(user)
        events.record("authenticator_replaced" if replaced else "two_factor_enabled", user, request)


def save_new_codes(user: AbstractBaseUser, new: Unfinished, request: HttpRequest) -> None:
    codes = backup_codes.make_rows(user, new.codes)
    with transaction.atomic():
        _claim(new)
        backup_codes.replace_all(user, codes)
        epoch.end_sessions(user)
        events.record("backup_codes_regenerated", user, request)


def _claim(unfinished: Unfinished) -> None:
    """Of any number of tabs that finish at once, the one that removes the draft has done it."""
    if not Draft.objects.filter(pk=unfinished.draft.pk, sealed=unfinished.draft.sealed).delete()[0]:
        raise Changed


def cancel(user: AbstractBaseUser, kind: str) -> None:
    Draft.objects.filter(user_id=user.pk, kind=kind).delete()


def turn_off(user: AbstractBaseUser, request: HttpRequest) -> bool:
    """What the code given with it is spent for (factors.accept), so nothing happens without the code."""
    with transaction.atomic():
        if not Authenticator.objects.filter(pk=user.pk).delete()[0]:
            return False
        backup_codes.replace_all(user, [])
        # The counts of wrong codes stay, or turning off and on again would give new guesses.
        for model in (Draft, Phone, TrustedBrowser):
            model._default_manager.filter(user_id=user.pk).delete()
        epoch.end_sessions(user)
        events.record("two_factor_disabled", user, request)
    return True
