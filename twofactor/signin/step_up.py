"""Step-up: password and second factor are asked for again before something that could do harm."""

from datetime import timedelta
from typing import Any

from django.contrib.auth import authenticate, update_session_auth_hash
from django.http import HttpRequest
from django.shortcuts import resolve_url
from django.utils import timezone

from twofactor import enrolment
from twofactor.factors import methods
from twofactor.signin.session import AMR, AUTH_AT, PASSWORD_AT, SUDO_AT
from twofactor.users import signed_in_user

STEP_UP_AGE = timedelta(minutes=5)
SETUP_AGE = timedelta(minutes=10)


def is_within(request: HttpRequest, key: str, age: timedelta) -> bool:
    moment = request.session.get(key)
    return moment is not None and 0 <= timezone.now().timestamp() - moment <= age.total_seconds()


def recently_confirmed(request: HttpRequest, max_age: timedelta = STEP_UP_AGE) -> bool:
    """Password and factor were given on the confirm page. Signing in does not count."""
    return is_within(request, SUDO_AT, max_age)


def may_set_up(request: HttpRequest) -> bool:
    """The first authenticator needs the password of the last ten minutes; replacing one needs step-up."""
    if not recovered_by_email(request) and enrolment.is_on(signed_in_user(request)):
        return recently_confirmed(request)
    return is_within(request, PASSWORD_AT, SETUP_AGE)


def recovered_by_email(request: HttpRequest) -> bool:
    """Signed in with a mailed code a moment ago. That allows to set up a new authenticator, and no more."""
    by_mail = request.session.get(AMR) == methods.RECOVERY
    return by_mail and is_within(request, AUTH_AT, SETUP_AGE)


def takes_password_alone(request: HttpRequest, to: str) -> bool:
    """On the way to set-up, somebody who has lost the authenticator has no code to give."""
    return recovered_by_email(request) and to.startswith(resolve_url("twofactor:setup"))


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


def record_step_up(request: HttpRequest, method: str | None) -> None:
    """Change the session key and store the time. The method is None where no factor was asked for."""
    request.session.cycle_key()
    now = int(timezone.now().timestamp())
    request.session[PASSWORD_AT] = now
    if method:
        request.session[AMR] = method
    if method or not enrolment.is_on(signed_in_user(request)):
        request.session[SUDO_AT] = now
