"""Step-up: password and second factor are asked for again before something that could do harm."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth import authenticate, update_session_auth_hash
from django.http import HttpRequest
from django.shortcuts import resolve_url
from django.utils import timezone

from twofactor.factors import enrolled, methods
from twofactor.factors.accept import Proof
from twofactor.signin.session import AMR, AUTH_AT, PASSWORD_AT, STEP_UP_AT
from twofactor.users import signed_in_user

STEP_UP_AGE = timedelta(minutes=5)
SETUP_AGE = timedelta(minutes=10)


def time_in_session(request: HttpRequest, key: str) -> datetime | None:
    seconds = request.session.get(key)
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def is_within(moment: datetime | None, age: timedelta) -> bool:
    """False for a moment in the future, too: clocks may be wrong."""
    return moment is not None and timedelta(0) <= timezone.now() - moment <= age


def recently_confirmed(request: HttpRequest, max_age: timedelta = STEP_UP_AGE) -> bool:
    """Password and factor were given on the confirm page. Signing in does not count."""
    return is_within(time_in_session(request, STEP_UP_AT), max_age)


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


def record_step_up(request: HttpRequest, proof: Proof | None) -> None:
    """Change the session key and store the time. The proof is None where no factor was asked for."""
    request.session.cycle_key()
    now = int(timezone.now().timestamp())
    request.session[PASSWORD_AT] = now
    if proof:
        request.session[AMR] = proof.method
    if proof or not enrolled.is_on(signed_in_user(request)):
        request.session[STEP_UP_AT] = now
