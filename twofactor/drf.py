"""For sites with Django REST framework: ways in that a second factor cannot be given at refuse who has one.

In a module of its own, because DRF imports such classes by name; it needs DRF, and not the API of this app.
"""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import authentication, permissions
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from twofactor import enrolment, policy

__all__ = ["BasicAuthentication", "IsVerified", "RefuseTwoFactor", "TokenAuthentication"]

REFUSED = _("This account has two-factor authentication, and this way of signing in can't ask for the code.")


class RefuseTwoFactor(authentication.BaseAuthentication):
    """Stands left of another authentication class, and keeps out who has a second factor or needs one."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        found: tuple[Any, Any] | None = super().authenticate(request)
        if found and (enrolment.is_on(found[0]) or policy.holds_for(found[0], timezone.now())):
            raise AuthenticationFailed(REFUSED, "second_factor_needed")
        return found


class BasicAuthentication(RefuseTwoFactor, authentication.BasicAuthentication):
    pass


class TokenAuthentication(RefuseTwoFactor, authentication.TokenAuthentication):
    """For tokens that a password alone can buy."""


class IsVerified(permissions.BasePermission):
    """Only who has given a second factor: in the session of a page, or for a token of this app's API."""

    message = _("Give your second factor first.")
    code = "second_factor_needed"

    def has_permission(self, request: Request, view: Any) -> bool:
        is_verified = getattr(request.user, "is_verified", None)
        return bool(request.user and request.user.is_authenticated and is_verified and is_verified())
