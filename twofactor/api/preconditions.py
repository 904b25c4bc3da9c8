"""What a request must meet before it changes the second factor. Each function raises ApiError otherwise."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from twofactor import conf
from twofactor.api import tokens
from twofactor.api.base import django_request, token_family
from twofactor.api.exceptions import ApiError
from twofactor.factors import enrolled, methods, required
from twofactor.factors.accept import accept_code
from twofactor.forms import too_many_apps
from twofactor.signin import step_up
from twofactor.signin.session import WITH_PASSWORD

METHODS = {
    "otp_code": frozenset({methods.TOTP}),
    "backup_code": frozenset({methods.BACKUP}),
    "sent_code": methods.SENT,
}


def code_in(data: dict[str, Any]) -> tuple[str, frozenset[str]]:
    """The code of validated data, and the methods it may belong to."""
    field = next(field for field in METHODS if field in data)
    return data[field], METHODS[field]


def require_password(
    request: Request, data: dict[str, Any], max_age: timedelta, *, with_code: bool = False
) -> None:
    """The password must be in this request, or the sign-in must not be older than max_age.

    With `with_code`, the view asks for a code as well: a user without a password then gives that alone.
    """
    family = token_family(request)
    if with_code and not family.user.has_usable_password():
        return
    if "password" not in data:
        if family.method in WITH_PASSWORD and step_up.is_within(family.began_at, max_age):
            return
        raise ApiError(_("Enter your password again."), "password_needed", 403)
    user = step_up.user_with_password(django_request(request), data["password"])
    if user is None:
        raise ApiError(_("The password is not correct."), "password_refused")
    if user.password != family.user.password:
        tokens.rebind_to_new_hash(family, user.password)


def code_needed() -> ValidationError:
    return ValidationError({"otp_code": [_("Enter the code.")]})


def require_step_up_with_app(request: Request) -> None:
    """For new backup codes without a code in the request."""
    family = token_family(request)
    if not step_up.may_make_codes(family.user, family.stepped_up_at, family.stepped_up_with):
        raise code_needed()


def require_step_up(request: Request, data: dict[str, Any]) -> None:
    """Made a moment ago, or now with the code and password in the data: then it counts for what comes next.

    A code that is sent without need is checked all the same.
    """
    family, now = token_family(request), timezone.now()
    if not data.keys() & METHODS.keys():
        recent = step_up.is_within(family.stepped_up_at, conf.step_up_age())
        if not recent or not step_up.still_counts(family.user, family.stepped_up_with):
            raise code_needed()
        return
    require_password(request, data, conf.step_up_age(), with_code=True)
    code, kinds = code_in(data)
    proof = accept_code(family.user, code, django_request(request), now, kinds=kinds)
    is_now = "password" in data or not family.user.has_usable_password()
    tokens.record_step_up(
        family, proof.method, step_up.name_of_factor(proof), now if is_now else family.began_at
    )


def require_set_up_allowed(request: Request, data: dict[str, Any]) -> None:
    """The same rule as on the pages: a person who has just signed in with a code sent by email may replace a
    lost authenticator.
    """
    family = token_family(request)
    recovered = step_up.is_recent_recovery(family.user, family.method, family.began_at)
    may_replace = recovered and not required.needs_passkey(family.user, timezone.now())
    if enrolled.is_on(family.user) and not may_replace:
        raise ApiError(_("Two-factor authentication is already on."), "already_on")
    require_password(request, data, conf.setup_age())


def require_app_allowed(request: Request, data: dict[str, Any]) -> None:
    """One more app, as on the page for it."""
    require_two_factor_on(request)
    if enrolled.apps_of(token_family(request).user).count() >= enrolled.MAX_APPS:
        raise ApiError(too_many_apps(), "too_many_apps", 409)
    require_step_up(request, data)


def require_two_factor_on(request: Request) -> None:
    if not enrolled.is_on(token_family(request).user):
        raise ApiError(_("Two-factor authentication is off."), "not_on")
