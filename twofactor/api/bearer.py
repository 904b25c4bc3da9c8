"""Who sends a request, by its access token. In a module of its own, because DRF imports it by name."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from twofactor import policy
from twofactor.api import tokens
from twofactor.models import TokenFamily
from twofactor.signin.session import NONE, is_factor


class Bearer(BaseAuthentication):
    """For views of the site too: request.user.is_verified() answers, and request.auth is the sign-in."""

    def authenticate(self, request: Request) -> tuple[Any, TokenFamily] | None:
        scheme, _space, text = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            family = tokens.bearer(text.strip(), timezone.now())
        except tokens.Dead:
            raise AuthenticationFailed(DEAD, "token_not_valid") from None
        vars(family.user)["is_verified"] = lambda: is_factor(family.method)
        if must_set_up_first(family, request.parser_context["view"]):
            raise PermissionDenied(SET_UP_FIRST, "set_up_first")
        return family.user, family

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


DEAD = _("You were signed out. Sign in to carry on.")
SET_UP_FIRST = _("Your account needs two-factor authentication. Set it up to carry on.")


def must_set_up_first(family: TokenFamily, view: Any) -> bool:
    """As the gate has it for pages: asked anew at each request."""
    if family.method != NONE or getattr(view, "open_before_set_up", False):
        return False
    return policy.holds_for(family.user, timezone.now())
