"""Authentication by access token. A module of its own, because DRF imports such classes by dotted path."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from twofactor.api import tokens
from twofactor.decorators import must_set_up_first, must_use_passkey_first
from twofactor.models import TokenFamily
from twofactor.sessions.device_ids import set_id
from twofactor.signin.session import is_factor

__all__ = ["BearerAuthentication"]

SET_UP_FIRST = _("Your account needs two-factor authentication. Set it up to continue.")
PASSKEY_NEEDED = _("Your account needs a passkey or security key. Sign in on the site to continue.")


class BearerAuthentication(BaseAuthentication):
    """Also for the site's own views: sets request.user.is_verified(), and request.auth to the TokenFamily."""

    def authenticate(self, request: Request) -> tuple[Any, TokenFamily] | None:
        scheme, _space, text = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            family = tokens.find_by_access_token(text.strip(), timezone.now())
        except tokens.InvalidToken:
            raise AuthenticationFailed(tokens.SIGNED_OUT, "token_not_valid") from None
        set_id(request._request, family.device_id)
        vars(family.user)["is_verified"] = lambda: is_factor(family.method)
        view = request.parser_context["view"]
        if must_set_up_first(family.user, family.method, view):
            raise PermissionDenied(SET_UP_FIRST, "set_up_first")
        if must_use_passkey_first(family.user, family.method, view):
            raise PermissionDenied(PASSKEY_NEEDED, "passkey_needed")
        return family.user, family

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
