"""The pages of an account: signing up, in and out, the profile, the email address and the password."""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import resolve_url
from django.utils import timezone, translation
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.debug import sensitive_post_parameters

from accounts import address_links, deletion, known_browsers, mail_limits, own_data, registration, reset_mail
from accounts.forms import (
    AddressForm,
    NewPasswordForm,
    PasswordChangeForm,
    PasswordResetForm,
    ProfileForm,
    SignInForm,
    SignUpForm,
)
from accounts.models import User
from twofactor import conf, events
from twofactor import own_data as twofactor_data
from twofactor.clocks import HOUR
from twofactor.decorators import open_before_set_up, recently_confirmed, what_for
from twofactor.factors import enrolled
from twofactor.factors.accept import Proof, accept_code
from twofactor.forms import PasswordForm
from twofactor.own_data import Section
from twofactor.signin import step_up
from twofactor.signin.pending import after_password, clear_browser_after_sign_out, name_to_prefill
from twofactor.signin.session import AMR, keep_session
from twofactor.users import signed_in_user
from twofactor.views.panel import or_fresh_panel
from twofactor.web.pages import never_atomic, page, post_only, posted, refuse_doubles
from twofactor.web.redirects import next_or, path_of, safe_next, see_other

NOT_SENT = gettext_lazy("We couldn't send the email. Try again in a few minutes.")


def needs_mail(view: Callable[..., Any]) -> Callable[..., Any]:
    """Answer 404, and say why, on a site that sends no mail."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if conf.site_has_mail():
            return view(request, *args, **kwargs)
        return page(request, "accounts/no_mail.html", status=404)

    return guarded


class InOurLayout:
    """For Django's views. An invalid form is 422, where they answer with 200."""

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        return page(self.request, self.template_name, **context)  # type: ignore[attr-defined]


class WithForm(InOurLayout):
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        refuse_doubles(request)
        return super().post(request, *args, **kwargs)  # type: ignore[misc, no-any-return]


def sign_in(request: HttpRequest, user: User, to: str, **given: Any) -> HttpResponse:
    """The account may be deleted since the password was looked at: then nothing can be stored for it."""
    try:
        return after_password(request, user, to, **given)
    except (DatabaseError, PermissionDenied):
        if User.objects.filter(pk=user.pk).exists():
            raise
        request.session.flush()
        messages.error(request, _("This account has been deleted."))
        return see_other("login")


class Login(WithForm, auth_views.LoginView):
    template_name = "accounts/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_success_url(self) -> str:
        return safe_next(self.request, self.request.POST.get("next", self.request.GET.get("next")))

    def get_initial(self) -> dict[str, Any]:
        name = name_to_prefill(self.request) if self.request.method == "GET" else ""
        return super().get_initial() | {"username": name}

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        password = form.cleaned_data["password"]
        return sign_in(self.request, form.get_user(), self.get_success_url(), password=password)


@method_decorator([open_before_set_up, login_not_required], name="dispatch")
class Logout(auth_views.LogoutView):
    http_method_names = ("get", "post", "options")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Signs nobody out: an image or a prefetch can cause a GET."""
        return see_other("home")

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().post(request, *args, **kwargs)
        clear_browser_after_sign_out(response)
        return response


@method_decorator([never_atomic, or_fresh_panel], name="dispatch")  # type: ignore[list-item]  # for functions
class PasswordChange(WithForm, auth_views.PasswordChangeView):
    template_name = "accounts/password_change.html"
    form_class = PasswordChangeForm
    takes_the_factor = True

    def get_form_kwargs(self) -> dict[str, Any]:
        """Without a step-up, the code is asked for too: an open session and the password are not enough.

        A code that is sent all the same is checked.
        """
        right = partial(step_up.password_is_right, self.request)
        confirmed = "code" not in self.request.POST and step_up.recently_confirmed(self.request)
        accept = self.accept if not confirmed and enrolled.is_on(signed_in_user(self.request)) else None
        return super().get_form_kwargs() | {"password_is_right": right, "accept": accept}

    def get_success_url(self) -> str:
        return next_or(self.request, super().get_success_url())

    def accept(self, code: str) -> Proof:
        return accept_code(cast(User, self.request.user), code, self.request, timezone.now())

    def form_valid(self, form: Any) -> HttpResponse:
        with events.atomic():
            response = super().form_valid(form)
            events.record("password_changed", form.user, self.request)
        return response


class PasswordChangeDone(InOurLayout, auth_views.PasswordChangeDoneView):
    template_name = "accounts/password_change_done.html"


@method_decorator([login_not_required, needs_mail, mail_limits.sets_browser_cookie], name="dispatch")
class PasswordReset(WithForm, auth_views.PasswordResetView):
    template_name = "accounts/password_reset.html"
    form_class = PasswordResetForm

    def form_valid(self, form: Any) -> HttpResponse:
        if not mail_limits.may_send("reset", form.cleaned_data["email"], self.request, timezone.now()):
            return HttpResponseRedirect(self.get_success_url())  # as if the mail had been sent
        return super().form_valid(form)


class PasswordResetDone(InOurLayout, auth_views.PasswordResetDoneView):
    template_name = "accounts/password_reset_done.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {"hours": reset_mail.hours_valid()}


class PasswordResetConfirm(WithForm, auth_views.PasswordResetConfirmView):
    template_name = "accounts/password_reset_confirm.html"
    form_class = NewPasswordForm

    def form_valid(self, form: Any) -> HttpResponse:
        """The link came by mail, so it confirms the address too."""
        form.user.email_verified_at = form.user.email_verified_at or timezone.now()
        form.user.unconfirmed_since = None
        with events.atomic():
            response = super().form_valid(form)
            known_browsers.remember(self.request, response, form.user, timezone.now())
            events.record("password_changed", form.user, self.request, channel="email")
        return response


class PasswordResetComplete(InOurLayout, auth_views.PasswordResetCompleteView):
    template_name = "accounts/password_reset_complete.html"


@sensitive_post_parameters()
@login_not_required
@mail_limits.sets_browser_cookie
def signup(request: HttpRequest) -> HttpResponse:
    form = SignUpForm(posted(request))
    if form.is_valid():
        now, email = timezone.now(), form.cleaned_data["email"]
        if not mail_limits.may_send("signup", email, request, now):
            return see_other("signup_sent")  # as if the mail had been sent
        if registration.sign_up(**form.cleaned_data, language=translation.get_language(), now=now):
            return see_other("signup_sent")
        form.add_error("email", NOT_SENT)
    return page(request, "accounts/signup.html", form=form)


@login_not_required
def signup_sent(request: HttpRequest) -> HttpResponse:
    has_mail, days = conf.site_has_mail(), address_links.days_valid()
    return page(request, "accounts/signup_sent.html", has_mail=has_mail, days=days)


@open_before_set_up
@sensitive_post_parameters()
@login_not_required
def email_verify(request: HttpRequest, token: str) -> HttpResponse:
    """GET changes nothing: mail programs open links before people do."""
    try:
        confirmation = address_links.read_link(token, timezone.now())
        if not request.user.is_authenticated:
            if confirmation.is_change:
                return redirect_to_login(request.get_full_path())
            return confirm_with_password(request, confirmation)
        if request.user != confirmation.user:
            return page(request, "accounts/email_verify_other.html", status=403)
        return confirm_signed_in(request, confirmation)
    except address_links.DeadLink:
        days = address_links.days_valid()
        return page(request, "accounts/email_verify_dead.html", status=404, days=days)


def confirm_signed_in(request: HttpRequest, confirmation: address_links.Confirmation) -> HttpResponse:
    if request.method != "POST":
        return page(request, "accounts/email_verify.html", address=confirmation.address)
    with events.atomic():
        confirmation.apply(timezone.now())
        if confirmation.is_first:  # apply() has ended every session; this one belongs to the owner
            keep_session(request, confirmation.user, request.session[AMR])
        if confirmation.is_change:
            events.record("address_changed", confirmation.user, request, also_to=[confirmation.address])
    messages.success(request, _("Your email address is confirmed."))
    return see_other("home")


def confirm_with_password(request: HttpRequest, confirmation: address_links.Confirmation) -> HttpResponse:
    """The person who reads the mail may not be the one who signed up with the address: the password tells."""
    authenticated: list[Any] = []  # by password_is_right, with the backend that Django notes on the user

    def password_is_right(password: str) -> bool:
        """Asks the site's backends, which count wrong passwords."""
        user = authenticate(request, username=confirmation.user.get_username(), password=password)
        if user == confirmation.user:
            authenticated.append(user)
        return bool(authenticated)

    form = PasswordForm(posted(request), password_is_right=password_is_right)
    if form.is_valid():
        confirmation.apply(timezone.now())
        [user] = authenticated
        user.refresh_from_db(fields=["security_epoch", "email_verified_at", "unconfirmed_since"])
        messages.success(request, _("Your email address is confirmed."))
        password = form.cleaned_data["password"]
        return sign_in(request, user, resolve_url("home"), password=password, read_mail=True)
    return page(
        request,
        "accounts/email_verify.html",
        form=form,
        address=confirmation.address,
        person=confirmation.user,
    )


@open_before_set_up
@needs_mail
@post_only("home")
def email_verify_send(request: HttpRequest) -> HttpResponse:
    user, now = cast(User, request.user), timezone.now()
    if user.email_verified_at:
        messages.info(request, _("Your email address is already confirmed."))
    elif not mail_limits.may_send("verify", user.email, request, now):
        hours = mail_limits.TO_ADDRESS.window // HOUR
        sentence = ngettext(
            "We've already sent you several links. Check your inbox, or wait %(count)d hour.",
            "We've already sent you several links. Check your inbox, or wait %(count)d hours.",
            hours,
        )
        messages.warning(request, sentence % {"count": hours})
    elif address_links.send_link(user, user.email, now):
        days = address_links.days_valid()
        sentence = ngettext(
            "We've sent you a new link. It works for %(count)d day.",
            "We've sent you a new link. It works for %(count)d days.",
            days,
        )
        messages.success(request, sentence % {"count": days})
    else:
        messages.error(request, NOT_SENT)
    return see_other(safe_next(request, request.POST.get("next")))


@what_for(gettext_lazy("To change your email address, confirm it's you."))
@needs_mail
@recently_confirmed(full_proof=True)
def email_change(request: HttpRequest) -> HttpResponse:
    user = cast(User, request.user)
    form = AddressForm(user.email, posted(request))
    if form.is_valid():
        now, email = timezone.now(), form.cleaned_data["email"]
        if not mail_limits.may_send("change", email, request, now):
            return change_link_sent(request)  # as if it had been
        if address_links.send_change_link(user, email, now):
            return change_link_sent(request)
        form.add_error("email", NOT_SENT)
    return page(request, "accounts/email_change.html", form=form)


def change_link_sent(request: HttpRequest) -> HttpResponse:
    messages.success(
        request, _("Open the link we've sent to the new email address. Nothing changes until you do.")
    )
    return see_other("profile")


def profile(request: HttpRequest) -> HttpResponse:
    form = ProfileForm(posted(request), instance=cast(User, request.user))
    if form.is_valid():
        form.save(commit=False).save(update_fields=["name", "language"])
        translation.activate(form.cleaned_data["language"] or translation.get_language())
        messages.success(request, _("Your profile has been saved."))
        return see_other("profile")
    return page(request, "accounts/profile.html", form=form)


# One's own data

ROWS_SHOWN = 20  # of each section; the file has all


@what_for(gettext_lazy("To see what we keep about you, confirm it's you."))
@recently_confirmed()
def account_export(request: HttpRequest) -> HttpResponse:
    """POST downloads the file, because it writes into the audit log."""
    user = cast(User, request.user)
    sections = own_data.what_is_kept(user)
    if request.method == "POST":
        events.record("data_downloaded", user, request)
        return own_data_file(sections)
    shown = [(section, list(section.first_rows(ROWS_SHOWN)), len(section.rows)) for section in sections]
    return page(request, "accounts/export.html", sections=shown, rows_shown=ROWS_SHOWN)


def own_data_file(sections: list[Section]) -> HttpResponse:
    made = {"site": conf.site_name(), "made_at": timezone.now()}
    response = JsonResponse(
        made | {section.name: section.rows for section in sections},
        json_dumps_params={"indent": 2, "ensure_ascii": False},
    )
    response.headers["Content-Disposition"] = 'attachment; filename="my-data.json"'
    return response


def account_delete(request: HttpRequest) -> HttpResponse:
    """Whoever only looks when it is due, or cannot delete the account, need not confirm anything."""
    user = cast(User, request.user)
    if user.deletion_due_at or deletion.why_not(user):
        why_not = "" if user.deletion_due_at else deletion.why_not(user)
        return page(request, "accounts/delete_waiting.html", why_not=why_not)
    return ask_to_delete(request)


@what_for(gettext_lazy("To delete your account, confirm it's you."))
@recently_confirmed(full_proof=True)
def ask_to_delete(request: HttpRequest) -> HttpResponse:
    user = cast(User, request.user)
    if request.method == "POST":
        deletion.request_deletion(user, request, timezone.now())
        return see_other("account_delete")
    return page(
        request,
        "accounts/delete.html",
        days=deletion.WAIT.days,
        stays=twofactor_data.what_stays(),
        has_factor=enrolled.is_on(user),
        has_mail=conf.site_has_mail(),
    )


KEPT = gettext_lazy("Your account will not be deleted.")


@open_before_set_up
@post_only("home")
def account_keep(request: HttpRequest) -> HttpResponse:
    if deletion.stop(cast(User, request.user), request):
        messages.success(request, KEPT)
    return see_other("home")


@open_before_set_up
@login_not_required
def account_delete_stop(request: HttpRequest, token: str) -> HttpResponse:
    """GET changes nothing, because mail programs open links, and shows nothing of the account."""
    try:
        user = deletion.read_link(token, timezone.now())
        if posted(request) is None:
            return page(request, "accounts/delete_stop.html")
        if deletion.stop(user, request):
            return see_other("account_delete_stopped")
    except deletion.DeadLink:
        pass
    return page(request, "accounts/delete_stop_dead.html", status=404)


@open_before_set_up
@login_not_required
def account_delete_stopped(request: HttpRequest) -> HttpResponse:
    return page(request, "accounts/delete_stopped.html")


@open_before_set_up
@login_not_required
@post_only("home")
def language(request: HttpRequest) -> HttpResponse:
    """The switch in the footer: stores the language in a cookie, and on the user who is signed in.

    Returns to the Referer, not to a form field: htmx does not replace the footer with the page.
    """
    chosen = request.POST.get("language", "")
    response = see_other(safe_next(request, path_of(request.headers.get("Referer", ""))))
    if chosen in dict(settings.LANGUAGES):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            chosen,
            max_age=settings.LANGUAGE_COOKIE_AGE,
            secure=settings.LANGUAGE_COOKIE_SECURE,
            httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
            samesite="Lax",
        )
        if request.user.is_authenticated:
            User.objects.filter(pk=request.user.pk).update(language=chosen)
    return response
