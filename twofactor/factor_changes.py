"""Turns two-factor authentication on and off, adds, renames and removes factors, saves new backup codes."""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from itertools import chain, count

from django.db import IntegrityError
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from twofactor import drafts, events, policy
from twofactor.drafts import OpenDraft
from twofactor.factors import (
    authenticator_app,
    backup_codes,
    challenges,
    enrolled,
    passkeys,
    required,
    totp,
)
from twofactor.factors.accept import Proof
from twofactor.factors.enrolled import Factor, Overview
from twofactor.factors.passkeys import NewPasskey
from twofactor.factors.refusal import Changed, Refused
from twofactor.limits import guesses
from twofactor.models import (
    FACTOR_NAME_LENGTH,
    Authenticator,
    Draft,
    GuessBudget,
    Passkey,
    Phone,
    Recovery,
    TrustedBrowser,
    TwoFactor,
)
from twofactor.sessions import credential_digests, epoch
from twofactor.users import TwoFactorUser


class LastFactor(Refused):
    """Without this factor nothing would be left to ask for."""

    def __init__(self) -> None:
        super().__init__(
            _("You have no other app or passkey. Add one first, or turn two-factor authentication off.")
        )


class OnlyWayIn(Refused):
    """Without this passkey the person could not sign in again."""

    def __init__(self, name: str) -> None:
        sentence = _(
            "You have no password. Without “%(name)s” you couldn't sign in again. Add another passkey first."
        )
        super().__init__(sentence % {"name": name})


class LastPasskey(Refused):
    """The person must use one."""

    def __init__(self, who: str) -> None:
        super().__init__(" ".join([who, _("Add another one first.")]))


class Required(Refused):
    """The person must have a second factor."""

    def __init__(self, who: str) -> None:
        super().__init__(" ".join([who, _("You can't turn it off.")]))


def turn_on(
    user: TwoFactorUser,
    setup: OpenDraft,
    request: HttpRequest,
    now: datetime,
    claim_recovery: Callable[[], bool] | None = None,
) -> None:
    """Turns two-factor authentication on, and ends every session, in one transaction.

    With the first app, whose key is in the draft; without a key, with the passkeys that are there already.
    At the end of a recovery everything older goes, and the new app proves everything after its first day.
    """
    codes = backup_codes.make_rows(user, setup.codes)
    full_from = now + enrolled.YOUNG_FOR if claim_recovery else now
    with events.atomic():
        if claim_recovery:
            enrolled.lock(user, now)
            if not claim_recovery():
                raise Changed
            forget_factors(user, after_recovery=True)
            GuessBudget.objects.filter(pk=user.pk).delete()
            TrustedBrowser.objects.filter(user_id=user.pk).delete()
        save_budget(user, 1 if setup.key else 0)  # first: it locks the row of the guesses
        drafts.claim_setup(setup)
        try:
            TwoFactor.objects.create(user_id=user.pk, enabled_at=now, changed_at=now)
        except IntegrityError:  # another one has turned it on since that statement
            raise Changed from None
        if setup.key:
            save_app(user, setup, _("Authenticator app"), now, [], full_from)
        elif not has_working_factor(user):
            raise Changed  # removed in another tab
        else:
            enrolled.vouch_for_all(user, now)  # as for a first app
        backup_codes.replace_all(user, codes)
        forget_that_number_is_confirmed(user)
        epoch.end_sessions(user)
        events.record("recovery_finished" if claim_recovery else "two_factor_enabled", user, request)


def forget_that_number_is_confirmed(user: TwoFactorUser) -> None:
    """Its codes are a way around the factor from now on, and it was given with the password alone."""
    confirmed = Phone.objects.filter(pk=user.pk).exclude(verified_at=None)
    confirmed.update(new_number=F("number"), number="", verified_at=None)


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
    lost: Collection[str] = (),
) -> Authenticator:
    """For someone who has lost the factors whose ids are given: they stop working now."""
    with events.atomic():
        if not enrolled.lock(user, now):
            raise Changed
        drafts.claim_draft(new)
        removed = remove_lost(user, lost)
        others = list(enrolled.apps_of(user))
        if len(others) >= enrolled.MAX_APPS:
            raise Changed  # the form asks to choose one to remove
        save_budget(user, len(others) + 1)
        app = save_app(user, new, name, now, others, None)
        enrolled.start_waiting(user, now)
        if removed:
            epoch.end_sessions(user)
        lost_passkeys = [each for each in removed if isinstance(each, Passkey)]
        for passkey in lost_passkeys:
            record_removal(user, passkey, request)
        is_replaced = len(removed) > len(lost_passkeys)
        events.record("authenticator_replaced" if is_replaced else "app_added", user, request, app=app.name)
    return app


def remove_lost(user: TwoFactorUser, lost: Collection[str]) -> list[Factor]:
    """After a recovery. A thief of mailbox and password could be here, so beside an older factor the new one
    never proves everything by itself.
    """
    removed = []
    for key in lost:
        factor = enrolled.find_factor(user, key)
        if factor is None:
            raise Changed
        factor.delete()
        removed.append(factor)
    return removed


def add_passkey(
    user: TwoFactorUser,
    new: NewPasskey,
    request: HttpRequest,
    now: datetime,
    *,
    was_on: bool,
    by_passkey: bool = False,
    vouched: bool = True,
    lost: Collection[str] | None = None,
) -> Passkey:
    """Ends no session, because nothing that was proven has become false, unless older factors are lost.

    `was_on`: when the proof was asked for. The password alone, which is enough before, is not enough after.
    `by_passkey`: was the proof one? Whoever must use one adds only the first by a code.
    `lost` is given after a recovery, with the ids of those that stop working now. While two-factor
    authentication is off it stays off: the passkey signs in by itself.
    """
    try:
        with events.atomic():
            challenges.spend(new.challenge, now)
            enrolled.lock(user, now)
            own = enrolled.overview_of(user)
            require_proof_still_counts(user, own, was_on, by_passkey, now)
            removed = remove_lost(user, lost or ())
            others = [each for each in own.passkeys if each not in removed]
            if len(others) >= passkeys.MAX_PASSKEYS:
                raise Changed
            passkey = new.row(user, now)
            if own.handle is None:
                passkeys.keep_handle(user, new.challenge.handle)
            passkey.name = unused_name(passkey.name, others)
            if vouched or not own.is_on:
                passkey.full_from = now + enrolled.YOUNG_FOR
            passkey.save(force_insert=True)
            if lost is not None:
                enrolled.start_waiting(user, now)
            if removed:
                count_apps(user)
                epoch.end_sessions(user)
            for factor in removed:
                record_removal(user, factor, request)
            events.record("passkey_added", user, request, **passkey.in_detail)
    except IntegrityError:
        if challenges.was_spent(new.challenge):
            raise Changed from None
        raise Refused(_("This passkey is known already. Use another device.")) from None
    return passkey


def require_proof_still_counts(
    user: TwoFactorUser, own: Overview, was_on: bool, by_passkey: bool, now: datetime
) -> None:
    """Another request may have turned it on since, or have added the first passkey."""
    is_first = not required.counting(own.passkeys)
    is_enough = by_passkey or not was_on or is_first or not required.needs_passkey(user, now)
    if own.is_on != was_on or not is_enough:
        raise Changed


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


def count_apps(user: TwoFactorUser) -> None:
    """Who has many has fewer guesses."""
    has_many = enrolled.apps_of(user).count() >= guesses.MANY_APPS
    GuessBudget.objects.filter(pk=user.pk).update(has_many_apps=has_many)


def record_removal(user: TwoFactorUser, factor: Factor, request: HttpRequest) -> None:
    if isinstance(factor, Passkey):
        events.record("passkey_removed", user, request, **factor.in_detail)
    else:
        events.record("app_removed", user, request, app=factor.name)


def remove_factor(
    user: TwoFactorUser,
    factor_id: str,
    request: HttpRequest,
    now: datetime,
    proof: Proof | None,
    *,
    needs_passkey: bool = False,
) -> bool:
    """The claim of the code or passkey that is given for it. False if it is gone already.

    Raises LastFactor, OnlyWayIn for the last passkey of someone who has no other way to sign in, LastPasskey
    for that of someone who must use one, and Refused for a proof by a factor that a thief may have added.
    Without a proof only while two-factor authentication is off: then the password is all there is.
    """
    with events.atomic():
        is_on = enrolled.lock(user, now)
        factor = enrolled.find_factor(user, factor_id)
        if factor is None or (is_on and proof is None):
            return False
        left = [each for each in enrolled.factors_of(user) if enrolled.id_of(each) != factor_id]
        if is_on and is_last(factor, left):
            raise LastFactor
        if needs_passkey and is_only_way_in(factor, left):
            raise OnlyWayIn(factor.name)
        if who := who_requires_this(user, factor, left, now):
            raise LastPasskey(who)
        given = proof.factor if proof else None
        if given and enrolled.id_of(given) != factor_id:
            require_full_proof(proof, now)
        factor.delete()
        if len(left) == 1 and given and enrolled.proves_everything(given, now):
            enrolled.vouch_for_all(user, now)  # the owner's new phone: the old one has vouched
        enrolled.start_waiting(user, now)
        count_apps(user)
        epoch.end_sessions(user)
        record_removal(user, factor, request)
    return True


def who_requires_this(user: TwoFactorUser, factor: Factor, others: Iterable[Factor], now: datetime) -> str:
    """The sentence of policy.py, if it is the last passkey that works of someone who must use one."""
    left = [each for each in others if isinstance(each, Passkey)]
    if not isinstance(factor, Passkey) or not required.counting([factor]) or required.counting(left):
        return ""
    return policy.who_requires_a_passkey(user, now)


def works(factor: Factor) -> bool:
    """Can it be given today? Not a passkey of another domain, or one that may be a copy."""
    return not isinstance(factor, Passkey) or bool(passkeys.usable([factor]))


def has_working_factor(user: TwoFactorUser) -> bool:
    return any(map(works, enrolled.factors_of(user)))


def is_last(factor: Factor, others: Collection[Factor]) -> bool:
    """Is there nothing that works beside it? One that does not work may go while any other stays."""
    return not others or (works(factor) and not any(map(works, others)))


def is_only_way_in(factor: Factor, others: Iterable[Factor]) -> bool:
    """For someone who signs in with a passkey alone, and in no other way."""

    def signs_in(each: Factor) -> bool:
        return isinstance(each, Passkey) and not each.is_key

    return signs_in(factor) and not any(signs_in(each) and works(each) for each in others)


def rename_factor(user: TwoFactorUser, factor: enrolled.Factor, name: str) -> str:
    """Returns the name it has now."""
    siblings = type(factor)._default_manager.filter(user_id=user.pk)
    name = unused_name(name, siblings.exclude(pk=factor.pk))
    if not siblings.filter(pk=factor.pk).update(name=name):
        raise Changed
    return name


def unused_name(name: str, others: Iterable[enrolled.Factor]) -> str:
    """With a number behind it, if another one of the person has the name."""
    taken = {other.name for other in others}
    numbered = (f"{name[: FACTOR_NAME_LENGTH - 4]} ({number})" for number in count(2))
    return next(each for each in chain([name], numbered) if each not in taken)


def clear_passkey(user: TwoFactorUser, passkey: Passkey, request: HttpRequest) -> None:
    """Its owner says that it was them who used it when it looked like a copy."""
    with events.atomic():
        suspected = enrolled.passkeys_of(user).filter(pk=passkey.pk).exclude(suspected_at=None)
        if not suspected.update(suspected_at=None):
            raise Changed
        events.record("passkey_cleared", user, request, **passkey.in_detail)


def require_full_proof(proof: Proof | None, now: datetime) -> None:
    if proof and proof.factor and not enrolled.proves_everything(proof.factor, now):
        if isinstance(proof.factor, Passkey):
            raise Refused(
                _(
                    "That passkey isn't enough for this, because it was added recently. "
                    "Use an app or passkey you've had for longer, or a backup code."
                )
            )
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
    if proof.factor and not enrolled.proves_everything(proof.factor, timezone.now()):
        raise Refused(
            _("That isn't enough for this, because it was added recently. Use one you've had for longer.")
            if isinstance(proof.factor, Passkey)
            else _(
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


def turn_off(
    user: TwoFactorUser, request: HttpRequest, proof: Proof | None = None, *, needs_passkey: bool = False
) -> bool:
    """The claim of the code that is given for it (factors.accept). False if it is off already.

    Raises Required. Without a proof it is for code of a site, which has asked in its own way. The passkeys of
    someone who has no other way to sign in stay.
    """
    now = timezone.now()
    with events.atomic():
        if proof is None:  # else accept_code() has locked them
            enrolled.lock(user, now)
        require_full_proof(proof, now)
        if who := policy.who_requires_it(user, now):
            raise Required(who)
        if not forget_factors(user, keep_passkeys=needs_passkey):
            return False
        # The counts of wrong codes stay: turning it off and on again must not give new guesses.
        end_sessions_and_trust(user)
        events.record("two_factor_disabled", user, request)
    return True


def forget_factors(user: TwoFactorUser, *, keep_passkeys: bool = False, after_recovery: bool = False) -> bool:
    """Deletes everything that a second factor consists of. False if there is none.

    The caller has locked them. The random name for passkeys stays: devices that keep one would make a second
    entry for a new name.
    """
    alone = Passkey.objects.filter(user_id=user.pk, kind=Passkey.Kind.PASSKEY)
    kept = list(alone.values_list("pk", flat=True)) if keep_passkeys else []
    factors = Passkey.objects.filter(user_id=user.pk).exclude(pk__in=kept)
    rows = [model._default_manager.filter(user_id=user.pk) for model in enrolled.ONLY_WHILE_ON]
    was_on = [each.delete()[0] for each in [*rows, factors]]
    if not any(was_on):
        return False
    for model in [Phone, *([] if after_recovery else [Draft, Recovery])]:
        model._default_manager.filter(user_id=user.pk).delete()
    return True


def end_sessions_and_trust(user: TwoFactorUser) -> None:
    """In this order, as devices.end_others() does: else two could wait for each other."""
    epoch.end_sessions(user)
    TrustedBrowser.objects.filter(user_id=user.pk).delete()
