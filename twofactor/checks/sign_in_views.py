"""A system check for ways in that open no session, so that the gate never sees them."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.urls import URLPattern, URLResolver, get_resolver

from twofactor import conf
from twofactor.sessions import epoch

BASIC = "rest_framework.authentication.BasicAuthentication"
GUARD = "twofactor.drf.RefuseTwoFactor"
# Views that sell a token for a password, and send no signal. Those of knox and djoser send user_logged_in,
# and the gate keeps their answer back.
TOKEN_VIEWS = {
    "rest_framework.authtoken.views.ObtainAuthToken",
    "rest_framework_simplejwt.views.TokenObtainPairView",
    "rest_framework_simplejwt.views.TokenObtainSlidingView",
}
SHOWN = 3
OAUTH_TOKEN_VIEW = "oauth2_provider.views.base.TokenView"  # noqa: S105 - the name of a view


def names_of(cls: Any) -> set[str]:
    """Of a class and those it inherits from, so that nothing has to be imported to recognise them."""
    return {f"{each.__module__}.{each.__qualname__}" for each in getattr(cls, "__mro__", ())}


def view_classes(patterns: Iterable[Any] | None = None, prefix: str = "/") -> Iterator[tuple[str, Any]]:
    """Every address of the site that leads to a class, with the class."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from view_classes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            view: Any = pattern.callback
            if cls := getattr(view, "cls", None) or getattr(view, "view_class", None):
                yield route, cls


def takes_a_password(authentication_class: Any) -> bool:
    names = names_of(authentication_class)
    return BASIC in names and GUARD not in names


@register(Tags.security)
def doors(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    found = list(view_classes())
    selling = [route for route, cls in found if TOKEN_VIEWS & names_of(cls)]
    basic = [
        route
        for route, cls in found
        if route not in selling and any(map(takes_a_password, getattr(cls, "authentication_classes", ())))
    ]
    if BASIC in getattr(settings, "REST_FRAMEWORK", {}).get("DEFAULT_AUTHENTICATION_CLASSES", ()):
        basic.append("DEFAULT_AUTHENTICATION_CLASSES")
    if basic:
        yield Error(
            f"BasicAuthentication lets people in with the password alone: {some(basic)}.",
            hint="It is one of DRF's two defaults. Put twofactor.drf.BasicAuthentication in its place, or "
            "leave it out of REST_FRAMEWORK's DEFAULT_AUTHENTICATION_CLASSES.",
            id="twofactor.E020",
        )
    if selling:
        yield Error(
            f"A view gives a token for the password alone: {some(selling)}.",
            hint="Take it out of the URLs: the API of this app asks for the code, or let a view with "
            "@otp_required make the token. Silence this if your view refuses people with a second factor.",
            id="twofactor.E021",
        )
    if oauth := [route for route, cls in found if OAUTH_TOKEN_VIEW in names_of(cls)]:
        yield Warning(
            f"Applications with the password grant get a token for the password alone: {some(oauth)}.",
            hint="Let no application have that grant type; the others go through your own sign-in.",
            id="twofactor.W020",
        )


def some(routes: list[str]) -> str:
    """Enough of them to know what is meant."""
    return ", ".join(routes[:SHOWN]) + (f" and {len(routes) - SHOWN} more" if len(routes) > SHOWN else "")


@register(Tags.security)
def headless(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    """allauth's app client carries the key of its session in a header, which no middleware reads."""
    clients = getattr(settings, "HEADLESS_CLIENTS", ("app", "browser"))
    if not apps.is_installed("allauth.headless") or "app" not in clients:
        return
    if not epoch.is_on_user() or conf.required_for() != conf.NOBODY:
        yield Warning(
            "allauth.headless serves its app client, whose sessions the gate never sees. Nobody gets in "
            "without their code, but a required set-up is not asked for there, and sessions do not end with "
            "the others unless the user model inherits twofactor.models.SecurityMixin.",
            hint='HEADLESS_CLIENTS = ("browser",)',
            id="twofactor.W021",
        )
