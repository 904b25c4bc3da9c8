"""What a person gives beside their token, before something that would hurt."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.request import Request

from twofactor import enrolment
from twofactor.api import tokens
from twofactor.api.answers import Problem
from twofactor.api.door import family, plain
from twofactor.factors import methods
from twofactor.signin import step_up
from twofactor.signin.session import WITH_PASSWORD

KINDS = {
    "otp_code": frozenset({methods.TOTP}),
    "backup_code": frozenset({methods.BACKUP}),
    "sent_code": methods.SENT,
}


def code(body: dict[str, Any]) -> tuple[str, frozenset[str]]:
    """The one code of a body, and what it can be."""
    name = next(name for name in KINDS if name in body)
    return body[name], KINDS[name]


def password(request: Request, body: dict[str, Any], age: timedelta, *, with_code: bool = False) -> None:
    """In the body, or given at sign-in a short while ago.

    Who has no password gives the code of the same call alone.
    """
    if with_code and not family(request).user.has_usable_password():
        return
    if "password" not in body:
        if family(request).method in WITH_PASSWORD and signed_in_within(request, age):
            return
        raise Problem(_("Give your password again."), "password_needed", 403)
    user = step_up.user_with_password(plain(request), body["password"])
    if user is None:
        raise Problem(_("The password is not correct"), "password_refused")
    if user.password != family(request).user.password:
        tokens.follow(family(request), user.password)


def may_set_up(request: Request, body: dict[str, Any]) -> None:
    """As on the pages. Whoever came back with a code by e-mail may replace what they have lost."""
    came_back = family(request).method == methods.RECOVERY and signed_in_within(request, step_up.SETUP_AGE)
    if enrolment.is_on(request.user) and not came_back:
        raise Problem(_("Two-factor authentication is on already."), "already_on")
    password(request, body, step_up.SETUP_AGE)


def must_be_on(request: Request) -> None:
    if not enrolment.is_on(request.user):
        raise Problem(_("Two-factor authentication is off"), "not_on")


def signed_in_within(request: Request, age: timedelta) -> bool:
    return timedelta(0) <= timezone.now() - family(request).began_at <= age
