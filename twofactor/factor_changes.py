"""Turns two-factor authentication on and off, adds, renames and removes apps, and saves new backup codes."""

from collections.abc import Collection, Iterable
from datetime import datetime
from itertools import chain, count

from django.db import IntegrityError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from twofactor import drafts, events, policy
from twofactor.drafts import OpenDraft
from twofactor.factors import authenticator_app, backup_codes, enrolled, totp
from twofactor.factors.accept import Proof
from twofactor.factors.refusal import Changed, Refused
from twofactor.limits import guesses
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


class LastFactor(Refused):
    """Without this factor nothing would be left to ask for."""

    def __init__(self) -> None:
        super().__init__(
            _("This is your only app. Add another one first, or turn two-factor authentication off.")
        )


class Required(Refused):
    """The person must have a second factor."""

    def __init__(self, who: str) -> None:
        super().__init__(" ".join([who, _("You can't turn it off.")]))


def turn_on(user: TwoFactorUser, setup: OpenDraft, request: HttpRequest, now: datetime) -> None:
    """Turns two-factor authentication on with the first app, and ends every session, in one transaction."""
    codes = backup_codes.make_rows(user, setup.codes)
    with events.atomic():
        save_budget(user, 1)  # first: it locks the row of the guesses
        drafts.claim_setup(setup)
        try:
            TwoFactor.objects.create(user_id=user.pk, enabled_at=now, changed_at=now)
        except IntegrityError:  # another one has turned it on since that statement
            raise Changed from None
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
    with events.atomic():
        if not enrolled.lock(user, now):
            raise Changed
        drafts.claim_draft(new)
        others = list(enrolled.apps_of(user))
        if len(others) >= enrolled.MAX_APPS:
            raise Changed
        full_from = now + enrolled.YOUNG_FOR if vouched else None
        save_budget(user, len(others) + 1)
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
    with events.atomic():
        if not enrolled.lock(user, now):
            raise Changed
        drafts.claim_draft(new)
        if enrolled.apps_of(user).filter(pk__in=lost).delete()[0] != len(lost):
            raise Changed
        others = list(enrolled.apps_of(user))
        if len(others) >= enrolled.MAX_APPS:
            raise Changed  # the form asks to choose one to remove
        save_budget(user, len(others) + 1)
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
        last_used_at=now,
        full_from=full_from,
    )
    authenticator_app.seal_key(app, draft.key, now)
    app.save(force_insert=True)
    return app


def save_budget(user: TwoFactorUser, apps: int) -> None:
    """A new app counts as a proof with a factor, so that from now on a code by email can be the way back."""
    proven = credential_digests.current(user)
    has_many = apps >= guesses.MANY_APPS
    GuessBudget.objects.bulk_create(
        [GuessBudget(pk=user.pk, has_many_apps=has_many, **proven)],
        update_conflicts=True,
        unique_fields=["pk"],
        update_fields=["has_many_apps", *proven],
    )


def remove_app(user: TwoFactorUser, pk: int, request: HttpRequest, now: datetime, proof: Proof) -> bool:
    """The claim of the code that is given for it (factors.accept). False if it is gone already.

    Raises LastFactor, and Refused for a code of an app that a thief may have added.
    """
    with events.atomic():
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
        has_many = len(apps) >= guesses.MANY_APPS
        GuessBudget.objects.filter(pk=user.pk).update(has_many_apps=has_many)
        epoch.end_sessions(user)
        events.record("app_removed", user, request, app=app.name)
    return True


def rename_app(user: TwoFactorUser, pk: int, name: str) -> str:
    """Returns the name it has now."""
    name = unused_name(name, enrolled.apps_of(user).exclude(pk=pk))
    if not enrolled.apps_of(user).filter(pk=pk).update(name=name):
        raise Changed
    return name


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
    with events.atomic():
        enrolled.lock(user, timezone.now())
        drafts.claim_draft(new)
        backup_codes.replace_all(user, codes)
        epoch.end_sessions(user)
        events.record("backup_codes_regenerated", user, request)


def turn_off(user: TwoFactorUser, request: HttpRequest, proof: Proof | None = None) -> bool:
    """The claim of the code that is given for it (factors.accept). False if it is off already.

    Raises Required. Without a proof it is for code of a site, which has asked in its own way.
    """
    now = timezone.now()
    with events.atomic():
        if proof is None:  # else accept_code() has locked them
            enrolled.lock(user, now)
        require_full_proof(proof, now)
        if who := policy.who_requires_it(user, now):
            raise Required(who)
        if not forget_factors(user):
            return False
        # The counts of wrong codes stay: turning it off and on again must not give new guesses.
        end_sessions_and_trust(user)
        events.record("two_factor_disabled", user, request)
    return True


def forget_factors(user: TwoFactorUser) -> bool:
    """Deletes everything that a second factor consists of. False if there is none.

    The caller has locked them. The random name for passkeys stays: devices that keep one would make a second
    entry for a new name.
    """
    was_on = [
        model._default_manager.filter(user_id=user.pk).delete()[0]
        for model in (TwoFactor, Authenticator, Passkey)
    ]
    if not any(was_on):
        return False
    for model in (BackupCode, Draft, Phone):
        model._default_manager.filter(user_id=user.pk).delete()
    return True


def end_sessions_and_trust(user: TwoFactorUser) -> None:
    """In this order, as devices.end_others() does: else two could wait for each other."""
    epoch.end_sessions(user)
    TrustedBrowser.objects.filter(user_id=user.pk).delete()
