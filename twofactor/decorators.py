"""Decorators for views: of a site, and of ours."""

from collections.abc import Callable
from datetime import timedelta
from functools import cache, partial, wraps
from typing import Any, TypeVar, cast
from urllib.parse import urlencode

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import LogoutView, PasswordChangeView
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views import View

from twofactor import conf, drafts, policy
from twofactor.factors import enrolled, passkeys, required
from twofactor.signin import kept_forms, step_up
from twofactor.signin.pending import (
    Gone,
    PendingSignIn,
    ask_for_waiting_code,
    pending_of_form,
    pending_with_factor,
)
from twofactor.signin.session import WITHOUT_FACTOR, is_impersonated
from twofactor.users import TwoFactorUser, names_of, signed_in_user
from twofactor.web.links import find_link
from twofactor.web.pages import never_atomic, page
from twofactor.web.redirects import see_other, with_next

__all__ = ["OTPRequiredMixin", "open_before_set_up", "otp_required", "recently_confirmed", "what_for"]

AnyView = TypeVar("AnyView", bound=Callable[..., Any])

CONFIRM = "twofactor:confirm"
SETUP = "twofactor:setup"
# The methods of Django's administration that set a password, and whose they are.
PASSWORD_ADMIN = {
    "password_change": "django.contrib.admin.sites.AdminSite",
    "user_change_password": "django.contrib.auth.admin.UserAdmin",
}
# Where people change with django-allauth how they sign in, and all of its own second factors.
ALLAUTH_VIEWS = {
    "allauth.account.views.ChangePhoneView",
    "allauth.account.views.EmailView",
    "allauth.account.views.PasswordChangeView",
    "allauth.account.views.PasswordSetView",
    "allauth.headless.account.views.ChangePasswordView",
    "allauth.headless.account.views.ManageEmailView",
    "allauth.headless.account.views.ManagePhoneView",
    "allauth.headless.socialaccount.views.ManageProvidersView",
    "allauth.socialaccount.views.ConnectionsView",
}
ALLAUTH_MFA = ("allauth.mfa.", "allauth.headless.mfa.")
FULL_PROOF = "full_proof"  # in the query of the confirm page: an app that was added recently is not enough


def open_before_set_up(view: AnyView) -> AnyView:
    """Lets through people who must set up two-factor authentication and have not."""
    vars(view)["open_before_set_up"] = True
    return view


def open_to_recovery(view: AnyView) -> AnyView:
    """Lets through people at the end of a recovery, who reach nothing else (recovery/)."""
    vars(view)["open_to_recovery"] = True
    return view


def leads_to_new_factor(request: HttpRequest, view: Callable[..., Any]) -> bool:
    match = request.resolver_match
    is_language = match is not None and match.view_name in conf.LINKS["language"]
    return is_language or getattr(view, "open_to_recovery", False) or signs_out(request, view)


def must_set_up_first(user: TwoFactorUser | AnonymousUser, method: str, view: Any) -> bool:
    """Does the policy keep this sign-in from the view? Asked at each request, for pages and for the API.

    The user is looked at last, because request.user costs a query.
    """
    if method not in WITHOUT_FACTOR or getattr(view, "open_before_set_up", False):
        return False
    return user.is_authenticated and policy.is_enforced_for(user, timezone.now())


def must_use_passkey_first(user: TwoFactorUser | AnonymousUser, method: str, view: Any) -> bool:
    """Does a rule about passkeys keep this sign-in from the view? Asked as must_set_up_first() is, after it.

    No query for a session that was opened with one, and where nothing requires them. Without a method nobody
    has signed in, and reading request.user would make the page vary with the cookie.
    """
    if method in {"", *required.SAFE_FROM_COPIES} or getattr(view, "open_before_set_up", False):
        return False
    return user.is_authenticated and required.needs_passkey(user, timezone.now())


def own_view(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Around every view of urls.py: asks people to sign in, unless the view says @login_not_required.

    A site may have no LoginRequiredMiddleware. Who acts for another person sees nothing here.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if getattr(view, "login_required", True):
            if not request.user.is_authenticated:
                return ask_to_sign_in(request)
            if is_impersonated(request):
                return refuse_who_acts(request)
        response = view(request, *args, **kwargs)
        response.headers.setdefault("Cache-Control", "no-store, private")  # it may show keys and codes
        return response

    return never_atomic(guarded)


PendingView = Callable[[HttpRequest, PendingSignIn], HttpResponse]


def second_step(view: PendingView) -> Callable[[HttpRequest], HttpResponse]:
    """Passes the pending sign-in to the view. Without one, redirects to where the person can go on."""
    return with_pending(view, pending_with_factor)


def sent_code_step(view: PendingView) -> Callable[[HttpRequest], HttpResponse]:
    """The same, for the pages that people without a second factor need, too."""
    return with_pending(view, pending_of_form)


def with_pending(
    view: PendingView, find_pending: Callable[[HttpRequest], PendingSignIn]
) -> Callable[[HttpRequest], HttpResponse]:
    @login_not_required
    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        try:
            return view(request, find_pending(request))
        except Gone as gone:
            if gone.sentence:
                messages.info(request, gone.sentence)
            return see_other(gone.to)

    vars(guarded)["takes_the_code"] = True  # for the middleware, which holds everyone else
    return guarded


def second_step_by_passkey(
    view: Callable[[HttpRequest, PendingSignIn], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Reads the passkeys with the person, where second_step reads the apps."""
    find_pending = partial(pending_with_factor, read_person=passkeys.read_person_with_passkeys)
    return with_pending(view, find_pending)


def guard(view: AnyView, refuse: Callable[[HttpRequest], HttpResponse | None]) -> AnyView:
    """Around a view, or the dispatch method of one: refuse() answers in its place, or returns None."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: Any, **kwargs: Any) -> Any:
        return refuse(request) or view(request, *args, **kwargs)

    return cast(AnyView, aguard(view, refuse) if is_async(view) else guarded)


def aguard(view: Callable[..., Any], refuse: Callable[[HttpRequest], HttpResponse | None]) -> Any:
    @wraps(view)
    async def guarded(request: HttpRequest, /, *args: Any, **kwargs: Any) -> Any:
        return await sync_to_async(refuse)(request) or await view(request, *args, **kwargs)

    return guarded


def is_async(view: Any) -> bool:
    """Also for the dispatch of a class-based view, which is no coroutine function where its handlers are."""
    method = getattr(view, "func", view)  # method_decorator passes functools.partial
    return iscoroutinefunction(view) or getattr(getattr(method, "__self__", None), "view_is_async", False)


def otp_required(view: AnyView) -> AnyView:
    """Only for people who have given a second factor. Others are asked for it, or led to set one up."""
    return guard(view, ask_for_factor)


def ask_for_factor(request: HttpRequest) -> HttpResponse | None:
    """None for someone who has given it."""
    if not request.user.is_authenticated:
        return ask_to_sign_in(request)
    if not signed_in_user(request).is_verified():
        name = page_to_prove(request)
        return ask_to_confirm(request) if name == CONFIRM else to_proof(request, name)
    kept_forms.forget(request)
    return None


def page_to_prove(request: HttpRequest) -> str:
    """Where someone gives the second factor now, or gets one."""
    if not enrolled.is_on(signed_in_user(request)):
        return SETUP
    return "twofactor:app_add" if step_up.recovered_by_email(request) else CONFIRM


def to_proof(request: HttpRequest, name: str) -> HttpResponse:
    """Redirect to the page of page_to_prove(). A first setup is a long way: it says what it is for."""
    if name == SETUP:
        messages.info(request, _("That page needs two-factor authentication. Set it up to continue."))
    return to_page(request, name)


class OTPRequiredMixin(View):
    """otp_required for class-based views. Comes before the view among the base classes."""

    @method_decorator(otp_required)
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return super().dispatch(request, *args, **kwargs)


def what_for(sentence: Any) -> Callable[[AnyView], AnyView]:
    """What the confirm page says when it leads to the view, such as "To do this, confirm it's you."."""

    def decorate(view: AnyView) -> AnyView:
        vars(view)["what_for"] = sentence
        return view

    return decorate


def recently_confirmed(
    max_age: timedelta | None = None, *, full_proof: bool = False
) -> Callable[[AnyView], AnyView]:
    """Only if password and factor were given within max_age, at sign-in or on the confirm page.

    max_age is TWOFACTOR_STEP_UP_AGE if it is not given.

    With full_proof, not by an app that was added recently: for a page where the thief who added it could take
    over an account, such as a change of the email address. Fields that were sent too late are offered again
    after the confirmation, except those that are named by sensitive_post_parameters, to be put above this
    decorator, or look like a password or code.
    """

    def is_proven(request: HttpRequest) -> bool:
        return step_up.recently_confirmed(request, max_age, full_proof=full_proof)

    return ask_unless(is_proven, partial(ask_to_confirm, full_proof=full_proof))


def may_set_up(view: AnyView, is_proven: Callable[[HttpRequest], bool] = step_up.may_set_up) -> AnyView:
    """Asks for a confirmed address before the password: without one, setup would refuse."""
    asked = ask_unless(is_proven, ask_to_confirm)(view)
    to_address = partial(to_page, name="twofactor:setup_address")
    return open_before_set_up(ask_unless(has_confirmed_address, to_address)(asked))


def may_set_up_first(view: AnyView) -> AnyView:
    """For someone who is known to have no factor."""
    return may_set_up(view, step_up.may_set_up_first)


def has_confirmed_address(request: HttpRequest) -> bool:
    return not drafts.needs_confirmed_address(signed_in_user(request))


def ask_unless(
    is_proven: Callable[[HttpRequest], bool], ask: Callable[[HttpRequest], HttpResponse]
) -> Callable[[AnyView], AnyView]:
    def refuse(request: HttpRequest) -> HttpResponse | None:
        if not request.user.is_authenticated:
            return ask_to_sign_in(request)
        if not is_proven(request):
            return ask(request)
        kept_forms.forget(request)
        return None

    return partial(guard, refuse=refuse)


def ask_to_confirm(request: HttpRequest, *, full_proof: bool = False) -> HttpResponse:
    """Redirect to the confirm page, which leads back here. What was sent is offered again after that.

    But not a new password, whatever the site calls the fields of its form.
    """
    query = {FULL_PROOF: "1"} if full_proof else {}
    match = request.resolver_match
    may_be_kept = request.method == "POST" and not (match and changes_the_password(match.func))
    if may_be_kept and (form_id := kept_forms.keep(request)):
        query[kept_forms.ID_FIELD] = form_id
    return to_page(request, f"{reverse(CONFIRM)}?{urlencode(query)}")


def guard_password(request: HttpRequest, view: AnyView, has_factor: bool) -> HttpResponse | None:
    """Answers for pages of others that set a password, where the old one alone is not enough.

    Who acts for a person changes nothing of how that person signs in.
    """
    if (sets_a_password(view) or is_of_allauth(class_of(view))) and is_impersonated(request):
        return refuse_who_acts(request)
    if has_factor and changes_the_password(view) and not step_up.recently_confirmed(request):
        return ask_to_confirm(request)
    return None


def refuse_who_acts(request: HttpRequest) -> HttpResponse:
    return page(request, "twofactor/impersonated.html", status=403)


def changes_the_password(view: Callable[..., Any]) -> bool:
    """Is it Django's own view, or that of an admin site, which asks for the old password alone?"""
    kind = class_of(view)
    is_one = issubclass(kind, PasswordChangeView) or is_admin_view(view, "password_change")
    return is_one and not getattr(kind, "takes_the_factor", False)


def sets_a_password(view: Callable[..., Any]) -> bool:
    """Is it one of these, whatever else it asks for, or the form for other people's in the administration?"""
    return issubclass(class_of(view), PasswordChangeView) or any(
        is_admin_view(view, name) for name in PASSWORD_ADMIN
    )


@cache
def is_of_allauth(view_class: type) -> bool:
    """Is it a page of allauth, or of its API, that changes how a person signs in?"""
    names = names_of(view_class)
    return not ALLAUTH_VIEWS.isdisjoint(names) or any(name.startswith(ALLAUTH_MFA) for name in names)


def is_admin_view(view: Any, name: str) -> bool:
    return getattr(view, "__name__", "") == name and PASSWORD_ADMIN[name] in names_of(class_of(view))


def class_of(view: Any) -> type:
    """The one that it is a view of, by as_view() or as a method, under whatever decorators."""
    while not hasattr(view, "view_class") and not hasattr(view, "__self__") and hasattr(view, "__wrapped__"):
        view = view.__wrapped__
    found: type = getattr(view, "view_class", type(getattr(view, "__self__", None)))
    return found


def signs_out(request: HttpRequest, view: Callable[..., Any]) -> bool:
    """Is it Django's own view, that of an admin site, or the page that is linked to for this?"""
    if issubclass(getattr(view, "view_class", object), LogoutView):
        return True
    admin_site = getattr(view, "admin_site", None)
    if admin_site is not None and getattr(view, "__wrapped__", None) == admin_site.logout:
        return True
    match = request.resolver_match
    is_named = match is not None and match.view_name in conf.LINKS["sign_out"]
    return is_named or request.path == find_link("sign_out")


def ask_to_sign_in(request: HttpRequest) -> HttpResponse:
    """Whoever has given the password already is asked for the code alone."""
    return ask_for_waiting_code(request) or to_page(request, settings.LOGIN_URL)


def to_page(request: HttpRequest, name: str) -> HttpResponse:
    """Redirect to the named page, with this one as ?next=. After a POST that is the page of the form."""
    return see_other(with_next(name, request.get_full_path()))
