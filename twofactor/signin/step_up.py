"""Step-up: password and second factor, given together within the last minutes, before what could do harm.

The mark in the session is written by a sign-in with both and by the confirm page, and by nothing else: not
for a code that was sent, in a trusted browser, or in a session that other code has opened. Nothing renews it.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth import authenticate, update_session_auth_hash
from django.http import HttpRequest
from django.shortcuts import resolve_url
from django.utils import timezone

from twofactor import conf
from twofactor.factors import enrolled, methods, required
from twofactor.factors.accept import Proof
from twofactor.models import Passkey
from twofactor.signin.session import (
    AMR,
    AUTH_AT,
    PASSWORD_AT,
    STEP_UP_AT,
    STEP_UP_WITH,
    WHILE_OFF,
    is_impersonated,
)
from twofactor.users import TwoFactorUser, signed_in_user

PASSWORD_ALONE = "password"  # noqa: S105 - in STEP_UP_WITH, for people who have no second factor


def time_in_session(request: HttpRequest, key: str) -> datetime | None:
    seconds = request.session.get(key)
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def is_within(moment: datetime | None, age: timedelta) -> bool:
    """False for a moment in the future, too: clocks may be wrong."""
    return moment is not None and timedelta(0) <= timezone.now() - moment <= age


# The mark


def name_of_factor(proof: Proof) -> str:
    """As STEP_UP_WITH has it: the key of the factor, or the method."""
    return enrolled.id_of(proof.factor) if proof.factor else proof.method


def mark(request: HttpRequest, factor: str, password_at: datetime | None = None) -> None:
    """The moment is that of the older of the two: at a sign-in the password comes first."""
    now = timezone.now()
    request.session[STEP_UP_AT] = int(min(now, password_at or now).timestamp())
    request.session[STEP_UP_WITH] = factor


def record_step_up(
    request: HttpRequest, proof: Proof | None, *, is_on: bool, with_password: bool = True
) -> None:
    """Change the session key and write the mark. The proof is None where no factor was asked for.

    `is_on`: when the proof was asked for.
    """
    request.session.cycle_key()
    if with_password:
        request.session[PASSWORD_AT] = int(timezone.now().timestamp())
    if proof:
        request.session[AMR] = proof.method
        mark(request, name_of_factor(proof))
        note_if_off(request, proof, is_on=is_on)
    elif not enrolled.is_on(signed_in_user(request)):
        mark(request, PASSWORD_ALONE)


def note_if_off(request: HttpRequest, proof: Proof, *, is_on: bool) -> None:
    """A passkey is accepted while two-factor authentication is off, too."""
    if proof.method in {methods.PASSKEY, methods.KEY} and not is_on:
        request.session[WHILE_OFF] = True


def recently_confirmed(
    request: HttpRequest, max_age: timedelta | None = None, *, full_proof: bool = False
) -> bool:
    """Were password and factor given within max_age, or TWOFACTOR_STEP_UP_AGE?

    With full_proof, the factor must be one that may change the email address and remove any app.
    """
    if not is_within(time_of(request), max_age or conf.step_up_age()) or is_impersonated(request):
        return False
    return still_counts(signed_in_user(request), factor_of(request), full_proof=full_proof)


def time_of(request: HttpRequest) -> datetime | None:
    return time_in_session(request, STEP_UP_AT)


def factor_of(request: HttpRequest) -> str:
    return str(request.session.get(STEP_UP_WITH, PASSWORD_ALONE))


# What it is good for


def still_counts(user: TwoFactorUser, factor: str, *, full_proof: bool = False) -> bool:
    """Not if it was made with a factor that has been removed since: that may have been a thief's.

    While there is no factor the password that was given with it is enough.
    """
    found = None if factor == methods.BACKUP else enrolled.find_factor(user, factor)
    if not isinstance(found, Passkey) and required.takes_only_passkeys(user, timezone.now()):
        return False
    if factor == methods.BACKUP:
        return True
    if found is None:
        return not enrolled.is_on(user)
    if enrolled.is_suspected(found):
        return False
    return not full_proof or enrolled.proves_everything(found, timezone.now())


def is_full(user: TwoFactorUser, factor: str) -> bool:
    found, now = enrolled.find_factor(user, factor), timezone.now()
    if not isinstance(found, Passkey) and required.takes_only_passkeys(user, now):
        return False
    return found is not None and enrolled.proves_everything(found, now)


def vouches(user: TwoFactorUser, factor: str) -> bool:
    """Will a factor that is added now prove everything after its first day?

    Not if that of the step-up never does.
    """
    if factor == methods.BACKUP:
        return True
    found = enrolled.find_factor(user, factor)
    return found is not None and found.full_from is not None


def used_recent_factor(request: HttpRequest) -> bool:
    """Is there a step-up that is no full proof?"""
    return recently_confirmed(request) and not recently_confirmed(request, full_proof=True)


def may_make_codes(user: TwoFactorUser, moment: datetime | None, factor: str) -> bool:
    """Not if it was made with a backup code: a thief of the paper could then make new ones."""
    return is_within(moment, conf.step_up_age()) and is_full(user, factor)


def may_see_new_codes(request: HttpRequest) -> bool:
    """Codes that are not saved yet, which may take longer: was a proof that is good for them given at all?

    In this session, for the browser may have been left to a session that was signed in with less.
    """
    return time_of(request) is not None and is_full(signed_in_user(request), factor_of(request))


def may_set_up(request: HttpRequest) -> bool:
    """The first app needs a password given within TWOFACTOR_SETUP_AGE; another one needs step-up."""
    if recently_confirmed(request):
        return True
    is_first = recovered_by_email(request) or not enrolled.is_on(signed_in_user(request))
    return is_first and password_is_recent(request)


def may_set_up_first(request: HttpRequest) -> bool:
    """For someone for whom it is off: by the password, or by a passkey that they have all the same."""
    return password_is_recent(request) or recently_confirmed(request)


def password_is_recent(request: HttpRequest) -> bool:
    return is_within(time_in_session(request, PASSWORD_AT), conf.setup_age())


def recovered_by_email(request: HttpRequest) -> bool:
    signed_in_at = time_in_session(request, AUTH_AT)
    return is_recent_recovery(request.user, request.session.get(AMR), signed_in_at)


def is_recent_recovery(user: Any, method: str | None, signed_in_at: datetime | None) -> bool:
    """Signed in with a mailed code a moment ago. That allows to add a new app, and no more.

    Nothing to someone who has a passkey that they must use: support is their way back.
    """
    is_recent = method == methods.RECOVERY and is_within(signed_in_at, conf.setup_age())
    return is_recent and not required.takes_only_passkeys(user, timezone.now())


def takes_password_alone(request: HttpRequest, to: str) -> bool:
    """On the way to a new app or passkey, someone who has lost the old one has nothing else to give."""
    ways = (resolve_url("twofactor:app_add"), resolve_url("twofactor:passkey_add"))
    return recovered_by_email(request) and to.startswith(ways)


# The password


def password_is_right(request: HttpRequest, password: str) -> bool:
    user = user_with_password(request, password)
    if user is None:
        return False
    # Django has hashed an outdated password anew. The session is bound to the hash.
    if user.password != signed_in_user(request).password:
        update_session_auth_hash(request, user)
    return True


def user_with_password(request: HttpRequest, password: str) -> Any:
    """Asks the site's backends, so that a wrong password counts as one at the login page does."""
    user = authenticate(request, username=request.user.get_username(), password=password)
    return user if user and user.pk == request.user.pk else None
