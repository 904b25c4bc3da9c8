"""Authentication and permission classes for views of the site that use Django REST framework.

A module of its own, because DRF imports such classes by dotted path. It does not need the API of this app.
"""

from typing import Any, cast

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import authentication, permissions, serializers
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from twofactor import policy
from twofactor.factors import enrolled
from twofactor.middleware import CANNOT_ASK, CANNOT_CONFIRM
from twofactor.signin.confirmation import must_confirm
from twofactor.users import TwoFactorUser, is_verified

__all__ = [
    "BasicAuthentication",
    "IsVerified",
    "RefuseTwoFactor",
    "RefuseTwoFactorSerializer",
    "TokenAuthentication",
    "refuse_password_alone",
]


CODE = "second_factor_needed"


def second_factor_needed(sentence: Any) -> Any:
    """The body of the answer: DRF leaves the code of an exception out of it."""
    return {"detail": sentence, "code": CODE}


def refuse_password_alone(user: TwoFactorUser) -> None:
    """For what takes the password alone: raises AuthenticationFailed if it is not enough for this person.

    They have a second factor, must set one up, or have to confirm each sign-in.
    """
    now = timezone.now()
    if enrolled.is_on(user) or policy.is_enforced_for(user, now):
        raise AuthenticationFailed(second_factor_needed(CANNOT_ASK), CODE)
    if must_confirm(None, user, now):
        raise AuthenticationFailed(second_factor_needed(CANNOT_CONFIRM), CODE)


class RefuseTwoFactor(authentication.BaseAuthentication):
    """A mixin, left of another authentication class: refuses users who have a second factor or need one.

    Such a class takes the password alone and cannot ask for the code.
    """

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        result: tuple[Any, Any] | None = super().authenticate(request)
        if result:
            refuse_password_alone(result[0])
        return result


class RefuseTwoFactorSerializer(serializers.Serializer):
    """A mixin, left of the serializer that a token view checks the password with, of DRF or of SimpleJWT."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        refuse_password_alone(attrs["user"] if "user" in attrs else vars(self)["user"])
        return attrs

    @classmethod
    def get_token(cls, user: Any) -> Any:
        """SimpleJWT asks for it before it may write last_login, which would end a sign-in that waits."""
        refuse_password_alone(user)
        return cast(Any, super()).get_token(user)


class BasicAuthentication(RefuseTwoFactor, authentication.BasicAuthentication):
    pass


class TokenAuthentication(RefuseTwoFactor, authentication.TokenAuthentication):
    """For tokens that are issued for a password alone."""


class IsVerified(permissions.BasePermission):
    """Allows users who have given a second factor, in their session or for a token of this app's API."""

    message = second_factor_needed(_("Complete two-factor authentication first."))
    code = CODE

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.user and is_verified(request.user))
