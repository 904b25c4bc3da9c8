"""The gate behind every door: nobody with a second factor sees a page before they have given it."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from twofactor import budget, conf, policy, signin, standing, stepup
from twofactor.decorators import to_page
from twofactor.http import seconds_until

IDLE = timedelta(minutes=60)
ABSOLUTE = timedelta(hours=24)
SEEN_AT = "seen_at"
SEEN_EVERY = 60  # seconds: a session is written at most this often just to say that it is alive
A_DAY = 24 * 60 * 60


class Gate:
    """Reads the session only: an ordinary page costs no query."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        conf.refuse_problems()
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if SESSION_KEY in request.session:
            if too_old(request) or standing.has_ended(request):
                request.session.flush()
                request.user = AnonymousUser()
                messages.info(request, _("You were signed out after a while. Sign in to carry on."))
                vars(request)["told_why"] = True
                return to_page(request, settings.LOGIN_URL)
            if method(request) == signin.HELD:
                signin.hold_login(request, request.session, request.user)
                request.user = AnonymousUser()
        if signin.is_held(request):  # by a middleware before this one
            request.user = AnonymousUser()
        request.user = cast(Any, SimpleLazyObject(partial(asked, request, request.user)))
        response = self.get_response(request)
        if signin.is_held(request):
            return self.held(request, response.headers.get("Location", request.get_full_path()))
        return refused() if signin.is_held_elsewhere(request) else response

    def held(self, request: HttpRequest, to: str) -> HttpResponse:
        response = signin.hold(request, to)
        request.user = AnonymousUser()
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """Whoever must have a second factor and has none gets no further than setting it up."""
        if signin.is_held(request):
            if not getattr(view, "takes_the_code", False):
                return self.held(request, request.get_full_path())
            request.user = AnonymousUser()
            return signin.go_on_with_code(request)
        if type(cast(Any, request.user)) is not SimpleLazyObject:  # signed in by a middleware after this
            request.user = asked(request, request.user)
        has_factor = request.session.get(signin.AMR, signin.NONE) != signin.NONE
        if has_factor and changes_the_password(view) and not stepup.recently_confirmed(request):
            return to_page(request, "twofactor:confirm")
        if request.session.get(signin.AMR) != signin.NONE or getattr(view, "open_before_set_up", False):
            return None
        if not request.user.is_authenticated or not policy.holds_for(request.user, timezone.now()):
            return None
        messages.info(request, _("Your account needs two-factor authentication. Set it up to carry on."))
        return to_page(request, "twofactor:setup")

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, budget.Locked):
            return locked(request, exception)
        return too_often(request, exception) if isinstance(exception, budget.TooOften) else None


def changes_the_password(view: Callable[..., Any]) -> bool:
    """A page of Django's own, in whatever site, that asks for the old password alone."""
    kind = getattr(view, "view_class", object)
    return issubclass(kind, PasswordChangeView) and not getattr(kind, "takes_the_factor", False)


def method(request: HttpRequest) -> str:
    """How the second factor was met. A session from before this app was installed is asked about once."""
    if signin.AMR not in request.session:
        if not request.user.is_authenticated:
            return signin.NONE
        request.session[signin.AMR] = signin.method_of(request, request.user)
        request.session[signin.AUTH_AT] = int(timezone.now().timestamp())
    met: str = request.session[signin.AMR]
    return met


def asked(request: HttpRequest, user: Any) -> Any:
    """The user, who now answers is_verified(): has this session given a second factor?"""
    user.is_verified = lambda: signin.is_factor(request.session.get(signin.AMR, signin.NONE))
    return user


def too_old(request: HttpRequest) -> bool:
    """One hour without a page, or a day in all. Writes at most once a minute that somebody was here."""
    now = int(timezone.now().timestamp())
    began = request.session.get(signin.AUTH_AT, now)
    seen = request.session.get(SEEN_AT, began)
    if now - began >= ABSOLUTE.total_seconds() or now - seen >= IDLE.total_seconds():
        return True
    if now - seen >= SEEN_EVERY:
        request.session[SEEN_AT] = now
    return False


def refused() -> HttpResponse:
    """In place of an answer that may hold a token, or the key of a session, for the password alone."""
    sentence = _(
        "This account has two-factor authentication, and this way of signing in can't ask for the code."
    )
    return JsonResponse({"detail": sentence, "code": "second_factor_needed"}, status=403)


def locked(request: HttpRequest, lock: budget.Locked) -> HttpResponse:
    seconds = seconds_until(lock.until) if lock.until else A_DAY
    response = render(request, "twofactor/locked.html", {"lock": lock}, status=429)
    response.headers["Retry-After"] = str(seconds)
    return response


def too_often(request: HttpRequest, refused: budget.TooOften) -> HttpResponse:
    response = render(request, "twofactor/too_often.html", {"until": refused.until}, status=429)
    response.headers["Retry-After"] = str(seconds_until(refused.until))
    return response
