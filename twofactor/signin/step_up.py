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

from twofactor.factors import enrolled, methods
from twofactor.factors.accept import Proof
from twofactor.models import Authenticator
from twofactor.signin.session import AMR, AUTH_AT, PASSWORD_AT, STEP_UP_AT, STEP_UP_WITH
from twofactor.users import signed_in_user

STEP_UP_AGE = timedelta(minutes=5)
SETUP_AGE = timedelta(minutes=10)
PASSWORD_ALONE = "password"  # noqa: S105 - in STEP_UP_WITH, for people who have no second factor
FULL_PROOFS = {methods.TOTP, methods.BACKUP, PASSWORD_ALONE}  # any other value is that of a recent app


class FullProofNeeded(Exception):
    """The step-up was made with an app that a thief may have added (enrolled.proves_everything).

    The middleware asks for another factor.
    """


def time_in_session(request: HttpRequest, key: str) -> datetime | None:
    seconds = request.session.get(key)
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def is_within(moment: datetime | None, age: timedelta) -> bool:
    """False for a moment in the future, too: clocks may be wrong."""
    return moment is not None and timedelta(0) <= timezone.now() - moment <= age


# The mark


def name_of_factor(proof: Proof) -> str:
    """As STEP_UP_WITH has it: the method; of an app that does not prove everything its primary key."""
    if proof.app and not enrolled.proves_everything(proof.app, timezone.now()):
        return str(proof.app.pk)
    return proof.method


def mark(request: HttpRequest, factor: str, password_at: datetime | None = None) -> None:
    """The moment is that of the older of the two: at a sign-in the password comes first."""
    now = timezone.now()
    request.session[STEP_UP_AT] = int(min(now, password_at or now).timestamp())
    request.session[STEP_UP_WITH] = factor


def record_step_up(request: HttpRequest, proof: Proof | None) -> None:
    """Change the session key and write the mark. The proof is None where no factor was asked for."""
    request.session.cycle_key()
    request.session[PASSWORD_AT] = int(timezone.now().timestamp())
    if proof:
        request.session[AMR] = proof.method
        mark(request, name_of_factor(proof))
    elif not enrolled.is_on(signed_in_user(request)):
        mark(request, PASSWORD_ALONE)


def recently_confirmed(request: HttpRequest, max_age: timedelta = STEP_UP_AGE) -> bool:
    """Were password and factor given within max_age? The password alone counts until there is a factor."""
    if not is_within(time_of(request), max_age):
        return False
    return factor_of(request) != PASSWORD_ALONE or not enrolled.is_on(signed_in_user(request))


def time_of(request: HttpRequest) -> datetime | None:
    return time_in_session(request, STEP_UP_AT)


def factor_of(request: HttpRequest) -> str:
    return str(request.session.get(STEP_UP_WITH, PASSWORD_ALONE))


# What it is good for


def is_full_proof(request: HttpRequest) -> bool:
    """May it change the email address, and remove any app?

    The password alone may where there is no factor, which recently_confirmed() has asked.
    """
    return factor_of(request) in FULL_PROOFS


def recent_app(request: HttpRequest) -> Authenticator | None:
    """The app it was made with, if that is one that does not prove everything: it may remove itself.

    Raises FullProofNeeded if the app has been removed since.
    """
    if is_full_proof(request):
        return None
    apps, factor = enrolled.apps_of(signed_in_user(request)), factor_of(request)
    app = apps.filter(pk=factor).first() if factor.isdecimal() else None
    if app is None:
        raise FullProofNeeded
    return app


def used_recent_app(request: HttpRequest) -> bool:
    """Is there a step-up that is_full_proof() does not accept?"""
    return recently_confirmed(request) and not is_full_proof(request)


def may_make_codes(moment: datetime | None, factor: str) -> bool:
    """Not if it was made with a backup code: a thief of the paper could then make new ones."""
    return is_within(moment, STEP_UP_AGE) and factor == methods.TOTP


def may_see_new_codes(request: HttpRequest) -> bool:
    """Codes that are not saved yet, which may take longer: was a proof that is good for them given at all?

    In this session, for the browser may have been left to a session that was signed in with less.
    """
    return time_of(request) is not None and factor_of(request) == methods.TOTP


def may_set_up(request: HttpRequest) -> bool:
    """The first app needs a password given within SETUP_AGE; another one needs step-up."""
    if not recovered_by_email(request) and enrolled.is_on(signed_in_user(request)):
        return recently_confirmed(request)
    return is_within(time_in_session(request, PASSWORD_AT), SETUP_AGE)


def recovered_by_email(request: HttpRequest) -> bool:
    return is_recent_recovery(request.session.get(AMR), time_in_session(request, AUTH_AT))


def is_recent_recovery(method: str | None, signed_in_at: datetime | None) -> bool:
    """Signed in with a mailed code a moment ago. That allows to add a new app, and no more."""
    return method == methods.RECOVERY and is_within(signed_in_at, SETUP_AGE)


def takes_password_alone(request: HttpRequest, to: str) -> bool:
    """On the way to a new app, someone who has lost the old one has no code to give."""
    return recovered_by_email(request) and to.startswith(resolve_url("twofactor:app_add"))


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
