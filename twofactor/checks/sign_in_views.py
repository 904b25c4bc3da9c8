"""Checks for views that sign people in without a session, so that the middleware cannot ask for the code."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.module_loading import import_string

from twofactor import conf
from twofactor.sessions import epoch
from twofactor.signals import two_factor_enabled
from twofactor.users import names_of

BASIC = "rest_framework.authentication.BasicAuthentication"
GUARD = "twofactor.drf.RefuseTwoFactor"
SERIALIZER_GUARD = "twofactor.drf.RefuseTwoFactorSerializer"
# Views that return a token for a password and send no signal. Those of knox and djoser send user_logged_in,
# so that the middleware withholds their response.
TOKEN_VIEWS = {
    "rest_framework.authtoken.views.ObtainAuthToken",
    "rest_framework_simplejwt.views.TokenObtainPairView",
    "rest_framework_simplejwt.views.TokenObtainSlidingView",
}
# Where the serializers of those views check the password.
PASSWORD_SERIALIZERS = {
    "rest_framework.authtoken.serializers.AuthTokenSerializer",
    "rest_framework_simplejwt.serializers.TokenObtainSerializer",
}
# Authentication classes of tokens that do not end when someone turns two-factor authentication on.
TOKEN_CLASSES = {
    "rest_framework.authentication.TokenAuthentication",
    "knox.auth.TokenAuthentication",
    "rest_framework_simplejwt.authentication.JWTAuthentication",
}
ROUTES_SHOWN = 3
OAUTH_TOKEN_VIEW = "oauth2_provider.views.base.TokenView"  # noqa: S105 - the name of a view


# A route that leads to a class-based view, with the class and what as_view() or @action was given. That
# overrides the attributes of the class.
ClassView = tuple[str, Any, dict[str, Any]]


def class_views(patterns: Iterable[Any] | None = None, prefix: str = "/") -> Iterator[ClassView]:
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from class_views(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            view: Any = pattern.callback
            if cls := getattr(view, "cls", None) or getattr(view, "view_class", None):
                given = {**getattr(view, "view_initkwargs", {}), **getattr(view, "initkwargs", {})}
                yield route, cls, given


def is_one_unguarded(cls: Any, ones: set[str], guard: str = GUARD) -> bool:
    """Is it one of these classes, without the guard of this app before it among the base classes?"""
    names = names_of(cls)
    first = next((place for place, name in enumerate(names) if name in ones), None)
    return first is not None and guard not in names[:first]


def accepts_password(authentication_class: Any) -> bool:
    return is_one_unguarded(authentication_class, {BASIC})


def accepts_old_tokens(authentication_class: Any) -> bool:
    return is_one_unguarded(authentication_class, TOKEN_CLASSES)


def authentication_classes(view_class: Any, given: dict[str, Any]) -> Any:
    return given.get("authentication_classes", getattr(view_class, "authentication_classes", ()))


def issues_tokens(view_class: Any, given: dict[str, Any]) -> bool:
    """For the password alone, without the guard of this app to the left of the package's serializer?"""
    if not TOKEN_VIEWS.intersection(names_of(view_class)):
        return False
    serializer = given.get("serializer_class") or view_class.serializer_class
    # SimpleJWT has the dotted path of a setting in an attribute of the class.
    serializer = serializer or import_string(view_class._serializer_class)
    names = names_of(serializer)
    if PASSWORD_SERIALIZERS.isdisjoint(names):  # one of the site's own
        return SERIALIZER_GUARD not in names
    return is_one_unguarded(serializer, PASSWORD_SERIALIZERS, SERIALIZER_GUARD)


def chooses_by_itself(view_class: Any) -> bool:
    """Has it a get_authenticators() of its own? No check can see what that returns."""
    method = getattr(view_class, "get_authenticators", None)
    return method is not None and not method.__module__.startswith(("rest_framework.", "twofactor."))


@register(Tags.security)
def check_token_views(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    views = list(class_views())
    yield from problems_of_basic(views)
    yield from problems_of_tokens(views)
    yield from problems_of_oauth(views)
    yield from problems_of_own_choice(views)


def problems_of_basic(views: list[ClassView]) -> Iterator[CheckMessage]:
    routes = [
        route
        for route, cls, given in views
        if not TOKEN_VIEWS.intersection(names_of(cls))
        and any(map(accepts_password, authentication_classes(cls, given)))
    ]
    if BASIC in getattr(settings, "REST_FRAMEWORK", {}).get("DEFAULT_AUTHENTICATION_CLASSES", ()):
        routes.append("DEFAULT_AUTHENTICATION_CLASSES")
    if routes:
        yield Error(
            f"BasicAuthentication accepts the password alone: {shortened(routes)}.",
            hint="It is one of DRF's two defaults. Replace it with twofactor.drf.BasicAuthentication, or "
            "remove it from DEFAULT_AUTHENTICATION_CLASSES in REST_FRAMEWORK.",
            id="twofactor.E020",
        )


def problems_of_tokens(views: list[ClassView]) -> Iterator[CheckMessage]:
    routes = [route for route, cls, given in views if issues_tokens(cls, given)]
    if routes:
        yield Error(
            f"A view issues tokens for the password alone: {shortened(routes)}.",
            hint="Give it a serializer with twofactor.drf.RefuseTwoFactorSerializer, which refuses people "
            "who use two-factor authentication, and issue their tokens in a view with @otp_required; or use "
            "the API of this app, which asks for the code.",
            id="twofactor.E021",
        )


def problems_of_oauth(views: list[ClassView]) -> Iterator[CheckMessage]:
    routes = [route for route, cls, _ in views if OAUTH_TOKEN_VIEW in names_of(cls)]
    if routes:
        yield Warning(
            f"Applications with the password grant get tokens for the password alone: {shortened(routes)}.",
            hint="Do not allow that grant type for any application. The others use your own sign-in.",
            id="twofactor.W020",
        )


def problems_of_own_choice(views: list[ClassView]) -> Iterator[CheckMessage]:
    routes = [route for route, cls, _ in views if chooses_by_itself(cls)]
    if routes:
        yield Warning(
            "A view has its own get_authenticators(), which may accept the password alone: "
            f"{shortened(routes)}.",
            hint="List the classes in authentication_classes, where this check sees them, or silence this.",
            id="twofactor.W022",
        )


@register(Tags.security)
def check_old_tokens(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    """A site that deletes them does so where it hears that someone has turned it on."""
    views = class_views()
    routes = [
        route
        for route, cls, given in views
        if any(map(accepts_old_tokens, authentication_classes(cls, given)))
    ]
    if routes and not two_factor_enabled.has_listeners():
        yield Warning(
            "Tokens from before someone turned two-factor authentication on go on working: "
            f"{shortened(routes)}.",
            hint="Delete them in a receiver of twofactor.signals.two_factor_enabled, or put "
            "twofactor.drf.RefuseTwoFactor to the left of the authentication class.",
            id="twofactor.W023",
        )


def shortened(routes: list[str]) -> str:
    text = ", ".join(routes[:ROUTES_SHOWN])
    more = len(routes) - ROUTES_SHOWN
    return f"{text} and {more} more" if more > 0 else text


@register(Tags.security)
def check_allauth_headless(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    """allauth's app client sends its session key in a header, which SessionMiddleware does not read."""
    clients = getattr(settings, "HEADLESS_CLIENTS", ("app", "browser"))
    if not apps.is_installed("allauth.headless") or "app" not in clients:
        return
    if not epoch.is_on_user() or conf.required_for() != conf.NOBODY:
        yield Warning(
            "allauth.headless serves its app client, whose sessions the middleware never sees. Nobody can "
            "sign in without their code, but required setup is not enforced there, and sessions do not end "
            "with the others unless the user model inherits twofactor.models.SecurityMixin.",
            hint='Set HEADLESS_CLIENTS to ("browser",).',
            id="twofactor.W021",
        )
