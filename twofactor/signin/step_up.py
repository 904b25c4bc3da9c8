"""Proving once more that it is you, before something that would hurt."""

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


def within(request: HttpRequest, mark: str, age: timedelta) -> bool:
    moment = request.session.get(mark)
    return moment is not None and 0 <= timezone.now().timestamp() - moment <= age.total_seconds()


def recently_confirmed(request: HttpRequest, max_age: timedelta = STEP_UP_AGE) -> bool:
    """Password and factor, on the confirm page. Signing in does not count."""
    return within(request, SUDO_AT, max_age)


def may_set_up(request: HttpRequest) -> bool:
    """The first authenticator needs the password of the last ten minutes; replacing one needs step-up."""
    if not came_back(request) and enrolment.is_on(request.user):
        return recently_confirmed(request)
    return within(request, PASSWORD_AT, SETUP_AGE)


def came_back(request: HttpRequest) -> bool:
    """Signed in with an e-mailed code just now: may bind a new authenticator, nothing else that hurts."""
    by_mail = request.session.get(AMR) == methods.RECOVERY
    return by_mail and within(request, AUTH_AT, SETUP_AGE)


def is_on_the_way_back(request: HttpRequest, to: str) -> bool:
    """Whoever lost the authenticator gives the password alone, if it is for set-up that they give it."""
    return came_back(request) and to.startswith(resolve_url("twofactor:setup"))


def password_is_right(request: HttpRequest, password: str) -> bool:
    user = with_password(request, password)
    if user is None:
        return False
    if (
        user.password != signed_in_user(request).password
    ):  # hashed anew on the way, which the session is bound to
        update_session_auth_hash(request, user)
    return True


def with_password(request: HttpRequest, password: str) -> Any:
    """Through the site's own backends, so that guesses here are counted with those at the login page."""
    user = authenticate(request, username=request.user.get_username(), password=password)
    return user if user and user.pk == request.user.pk else None


def confirmed(request: HttpRequest, method: str | None) -> None:
    """A person has risen: a new session key, the moment, and how the factor was met if it was."""
    request.session.cycle_key()
    now = int(timezone.now().timestamp())
    request.session[PASSWORD_AT] = now
    if method:
        request.session[AMR] = method
    if method or not enrolment.is_on(request.user):
        request.session[SUDO_AT] = now
