"""Middleware: nobody who has a second factor sees a page before they have given it."""

from collections.abc import Awaitable, Callable, Iterable
from copy import copy
from functools import partial
from typing import Any, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import Resolver404, resolve
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from twofactor import conf, policy
from twofactor.decorators import (
    CONFIRM,
    ask_for_factor,
    guard_password,
    leads_to_new_factor,
    must_set_up_first,
    must_use_passkey_first,
    signs_out,
    to_page,
)
from twofactor.factors import enrolled, methods, required
from twofactor.limits import allowances, guesses
from twofactor.sessions import epoch
from twofactor.sessions.cached import is_only_in_cache
from twofactor.signin import kept_forms
from twofactor.signin.pending import ask_held_session, go_on_with_code
from twofactor.signin.session import (
    AMR,
    HELD,
    HELD_LOGIN,
    LOGINS,
    NONE,
    WITHOUT_FACTOR,
    actor_has_ended,
    acts_for_others,
    has_expired,
    has_session,
    hold_login,
    is_factor,
    is_held,
    is_impersonated,
    method_for_policy,
    method_of_session,
)
from twofactor.users import TwoFactorUser, call_with, signed_in_user
from twofactor.web import htmx
from twofactor.web.pages import page, seconds_until
from twofactor.web.redirects import own_page, see_other, with_next

__all__ = ["TwoFactor"]

A_DAY = 24 * 60 * 60
CANNOT_ASK = gettext_lazy(
    "This account needs two-factor authentication, and this way of signing in can't ask for the code."
)
CANNOT_CONFIRM = gettext_lazy(
    "This account needs a code that we send, and this way of signing in can't ask for it."
)


class TwoFactor:
    """Reads the session, so an ordinary page costs no query.

    Two things write: once a minute the time of the request, and the method of a session that is older than
    this app, for which the database is asked once.
    """

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        conf.refuse_problems()
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)
            vars(self)["process_view"] = self.aprocess_view

    def __call__(self, request: HttpRequest) -> HttpResponse | Awaitable[HttpResponse]:
        if self.is_async:
            return self.acall(request)
        return self.after(request, self.before(request) or self.get_response(request))

    async def acall(self, request: HttpRequest) -> HttpResponse:
        """Waits for the view without a thread. Only what asks the database runs in one."""
        response = await self.run(request, self.before) or await self.get_response(request)
        is_held_now = has_session(request) and await request.session.ahas_key(HELD_LOGIN)
        if is_held_now or LOGINS in vars(request):
            return await sync_to_async(self.after)(request, response)
        return self.after(request, response)

    async def run(self, request: HttpRequest, function: Callable[..., Any], *args: Any) -> Any:
        """In a thread, unless the browser has no session: then nothing is read."""
        if has_session(request):
            return await sync_to_async(function)(request, *args)
        return function(request, *args)

    def before(self, request: HttpRequest) -> HttpResponse | None:
        return htmx.before(request) or self.judge_session(request)

    def after(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        return htmx.after(request, self.answer_login(request, response))

    def judge_session(self, request: HttpRequest) -> HttpResponse | None:
        """Ends or holds it, if that is due. Answers itself where someone has to be told."""
        if has_session(request) and SESSION_KEY in request.session:
            why = why_session_ended(request)
            if why:
                request.session.flush()
                request.user = AnonymousUser()
                if not is_link_of_mail(request):
                    messages.info(request, why)
                    vars(request)["told_why"] = True
                    return to_page(request, settings.LOGIN_URL)
            elif method_of_session(request) == HELD:
                hold_login(request, request.session, signed_in_user(request))
                request.user = AnonymousUser()
            kept_forms.forget_old(request)
        elif request.method == "GET" and session_is_gone(request):
            messages.info(request, signed_out())
            vars(request)["told_why"] = True
        if is_held(request):  # also by a middleware before this one
            request.user = AnonymousUser()
        request.user = cast(Any, SimpleLazyObject(partial(with_is_verified, request, request.user)))
        request.auser = partial(auser, request)
        return None

    def answer_login(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """In place of the answer of a view that has signed in someone who has more to do."""
        if is_held(request):
            return self.ask_for_code(request, response.headers.get("Location", request.get_full_path()))
        return after_login(request, response) if LOGINS in vars(request) else response

    def ask_for_code(self, request: HttpRequest, to: str) -> HttpResponse:
        response = ask_held_session(request, to)
        request.user = AnonymousUser()
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """Holds people who have not given their factor, and leads those who must have one to setup."""
        refused = refuse_login_elsewhere(request)
        vars(request).pop(LOGINS, None)  # by a middleware: what follows judges this session
        if refused:
            return refused
        if is_held(request):
            if not getattr(view, "takes_the_code", False):
                return self.ask_for_code(request, request.get_full_path())
            request.user = AnonymousUser()
            return go_on_with_code(request)
        if type(cast(Any, request.user)) is not SimpleLazyObject:  # set by a middleware after this one
            request.user = with_is_verified(request, request.user)
        method = request.session.get(AMR, "") if has_session(request) else ""
        if method == methods.WAITED and not leads_to_new_factor(request, view):
            return see_other("twofactor:setup")
        if refused := guard_password(request, view, has_factor=method not in {"", *WITHOUT_FACTOR}):
            return refused
        if acts_for_others(getattr(view, "view_class", None)):
            return ask_for_factor(request)
        return self.enforce_policy(request, view)

    def enforce_policy(self, request: HttpRequest, view: Callable[..., Any]) -> HttpResponse | None:
        method = method_for_policy(request) if has_session(request) else ""
        if must_set_up_first(request.user, method, view) and not signs_out(request, view):
            return lead_to_setup(request, signed_in_user(request), request.get_full_path())
        if not must_use_passkey_first(request.user, method, view) or signs_out(request, view):
            return None
        return lead_to_passkey(request, signed_in_user(request))

    async def aprocess_view(self, request: HttpRequest, *args: Any) -> HttpResponse | None:
        answer: HttpResponse | None = await self.run(request, partial(type(self).process_view, self), *args)
        return answer

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, guesses.Locked):
            return locked_page(request, exception)
        return too_often_page(request, exception) if isinstance(exception, allowances.TooOften) else None


def with_is_verified(request: HttpRequest, user: Any) -> Any:
    """Gives the user is_verified(): has this session given a second factor?"""
    take_person = getattr(request.session, "take_person", lambda: None)  # another engine has none
    person = take_person()
    is_signed_in = call_with(person, lambda: user.is_authenticated)
    if getattr(user, "_wrapped", user) is not person:
        user = copy(user)  # a backend may give one object to several requests
    user.is_verified = lambda: is_signed_in and gave_factor(request)
    return user


def gave_factor(request: HttpRequest) -> bool:
    return is_factor(request.session.get(AMR, NONE)) and not is_impersonated(request)


async def auser(request: HttpRequest) -> Any:
    """In place of Django's: the person of request.user, so that one query answers both."""
    if has_session(request):
        await sync_to_async(bool)(request.user)  # which reads the row, if nothing has yet
    return request.user


def why_session_ended(request: HttpRequest) -> str | None:
    if has_expired(request):
        return _("Your session timed out. Sign in to continue.")
    if epoch.has_ended(request) or actor_has_ended(request) or is_only_in_cache(request):
        return signed_out()
    return None


def is_link_of_mail(request: HttpRequest) -> bool:
    """Its token is enough: nobody has to sign in for it, also not in a browser whose session is over."""
    try:
        match = resolve(request.path_info, getattr(request, "urlconf", None))
    except Resolver404:
        return False
    return "token" in match.kwargs and not getattr(match.func, "login_required", True)


def signed_out() -> str:
    return _("You were signed out. Sign in to continue.")


def session_is_gone(request: HttpRequest) -> bool:
    """The browser has the key of a session that was ended from elsewhere. The answer drops that cookie."""
    return bool(request.COOKIES.get(settings.SESSION_COOKIE_NAME)) and request.session.session_key is None


def after_login(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """In place of the answer of a view that has signed in someone: with a token, or in whatever session."""
    refused = refuse_login_elsewhere(request)
    here = [user for session, user in vars(request).pop(LOGINS) if session is request.session]
    if refused:
        return refused
    for user in here:
        if policy.is_enforced_for(user, timezone.now()):
            return lead_to_setup(request, user, response.headers.get("Location"))
    return response


def refuse_login_elsewhere(request: HttpRequest) -> HttpResponse | None:
    """An answer may carry a token, or the key of another session than that of the cookie.

    No page can ask there for a code, or lead to setup. One request may sign in several people.
    """
    logins = [each for each in vars(request).get(LOGINS, []) if each[0] is not request.session]
    now = timezone.now()
    refused = [
        session for session, user in logins if HELD_LOGIN in session or policy.is_enforced_for(user, now)
    ]
    if not refused:
        return None
    for session in refused:
        if isinstance(session, SessionBase):  # a token has none
            session.flush()
    sentence = why_refused(user for session, user in logins if session in refused)
    return JsonResponse({"detail": sentence, "code": "second_factor_needed"}, status=403)


def why_refused(users: Iterable[Any]) -> str:
    now = timezone.now()
    need_factor = any(enrolled.is_on(user) or policy.is_enforced_for(user, now) for user in users)
    return str(CANNOT_ASK if need_factor else CANNOT_CONFIRM)


def lead_to_setup(request: HttpRequest, user: TwoFactorUser, to: str | None) -> HttpResponse:
    who = policy.who_requires_it(user, timezone.now())
    messages.info(request, " ".join([who, _("Set it up to continue.")]))
    return see_other(with_next("twofactor:setup", own_page(request, to)))


def lead_to_passkey(request: HttpRequest, user: TwoFactorUser) -> HttpResponse:
    """To the page that takes it, or adds the first one."""
    who = policy.who_requires_a_passkey(user, timezone.now())
    if required.has_passkey(user):
        messages.info(request, " ".join([who, _("Use yours to continue.")]))
        return to_page(request, CONFIRM)
    messages.info(request, " ".join([who, _("Add one to continue.")]))
    return to_page(request, "twofactor:passkey_add")


def locked_page(request: HttpRequest, lock: guesses.Locked) -> HttpResponse:
    seconds = seconds_until(lock.until) if lock.until else A_DAY
    response = page(request, "twofactor/locked.html", lock=lock, status=429)
    response.headers["Retry-After"] = str(seconds)
    return response


def too_often_page(request: HttpRequest, refused: allowances.TooOften) -> HttpResponse:
    response = page(request, "twofactor/too_often.html", until=refused.until, status=429)
    response.headers["Retry-After"] = str(seconds_until(refused.until))
    return response
