"""The way back for someone who has lost every factor: ask for it, wait, stop it, finish it."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from twofactor import conf
from twofactor.clocks import format_duration
from twofactor.decorators import open_before_set_up, open_to_recovery, second_step
from twofactor.factors import methods, sent_codes
from twofactor.forms import PasswordForm, StopWithFactorForm
from twofactor.models import Recovery
from twofactor.recovery import by_factor, links, requests
from twofactor.signin.pending import PendingSignIn, spend_last_login
from twofactor.signin.session import RECOVERY, open_session
from twofactor.users import email_of, sign_in_name
from twofactor.web import cookies
from twofactor.web.pages import page, posted
from twofactor.web.redirects import onward, see_other

COOKIE = "twofactor_recovery"  # what binds a request to this browser
COOKIE_AGE = 60 * 24 * 60 * 60  # seconds; longer than any wait


@login_not_required
def recovery(request: HttpRequest) -> HttpResponse:
    """In the browser that has asked: how long it takes. In any other after the password: the form to ask."""
    now = timezone.now()
    row = requests.find_in_browser(cookies.read(request, COOKIE), now)
    if row is None:
        return ask(request)
    if request.method == "POST":
        return see_other("twofactor:recovery")  # asked for in another tab, or by a double click
    requests.has_begun_anew(row, now)
    row.refresh_from_db()
    return page(
        request,
        "twofactor/recovery_waiting.html",
        row=row,
        name=sign_in_name(row.user),
        target=sent_codes.mask_address(email_of(row.user)),
        is_over=row.ready_at <= now,
        finish_for=links.FINISH_FOR,
        stop=links.make_stop(row, now),
    )


vars(recovery)["takes_the_code"] = True  # for the middleware, as the other pages after the password


@second_step
def ask(request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
    user, now = pending.user, timezone.now()
    if not requests.may_ask(user):
        return see_other("twofactor:verify_other")
    refused: dict[str, Any] = {"until": requests.shut_until(user, now)}
    if posted(request) is not None:
        try:
            secret = requests.ask(user, request, now)
        except requests.Shut as shut:
            refused = {"until": shut.until, "status": 409}
        except requests.AlreadyAsked:
            refused = {"elsewhere": True, "status": 409}
        else:
            response = see_other("twofactor:recovery")
            cookies.write(response, COOKIE, secret, max_age=COOKIE_AGE)
            return response
    return page(
        request,
        "twofactor/recovery.html",
        pending=pending,
        wait=conf.recovery_wait(),
        finish_for=links.FINISH_FOR,
        onward=onward(request),
        **refused,
    )


@open_to_recovery
@open_before_set_up
@login_not_required
def recovery_stop(request: HttpRequest, token: str) -> HttpResponse:
    """GET changes nothing, because mail programs open links, and shows nothing of the account."""
    now = timezone.now()
    try:
        row = requests.find_named(links.read_stop(token, now), now)
    except links.DeadLink:
        return page(request, "twofactor/recovery_dead.html", status=404)
    shut_for = format_duration(requests.SHUT_FOR)
    if posted(request) is None:
        return page(request, "twofactor/recovery_stop.html", shut_for=shut_for)
    if not requests.stop(row, request, now):
        return page(request, "twofactor/recovery_dead.html", status=404)
    return stopped(request)


def stopped(request: HttpRequest) -> HttpResponse:
    messages.success(
        request,
        _("The recovery is stopped. If you didn't ask for it, someone knows your password: change it now."),
    )
    is_own = request.user.is_authenticated
    return see_other("twofactor:settings" if is_own else settings.LOGIN_URL)


@login_not_required
@sensitive_post_parameters("code")
def recovery_stop_with_factor(request: HttpRequest) -> HttpResponse:
    """For someone whose password a thief has changed. A wrong code here costs no guess at sign-in."""
    now = timezone.now()
    form = StopWithFactorForm(
        posted(request), stop=lambda name, code: by_factor.stop(name, code, request, now)
    )
    if form.is_valid():
        return stopped(request)
    return page(request, "twofactor/recovery_stop_with_factor.html", form=form)


@login_not_required
@sensitive_post_parameters("password")
def recovery_finish(request: HttpRequest, token: str) -> HttpResponse:
    """In the browser that has asked, with the password: opens a session that reaches the setup alone."""
    now = timezone.now()
    try:
        row = requests.find_finish(token, now)
    except links.DeadLink:
        return page(request, "twofactor/recovery_dead.html", status=404)
    if not requests.is_of_browser(row, cookies.read(request, COOKIE)):
        return page(request, "twofactor/recovery_dead.html", status=404, other_browser=True)
    found: list[Any] = []

    def is_right(password: str) -> bool:
        user: Any = authenticate(request, username=row.user.get_username(), password=password)
        found.append(user)
        return user is not None and user.pk == row.user.pk

    form = PasswordForm(posted(request), password_is_right=is_right)
    if form.is_valid():
        return open_setup(request, row, found[-1], now)
    return page(request, "twofactor/recovery_finish.html", form=form, name=sign_in_name(row.user))


def open_setup(request: HttpRequest, row: Recovery, user: Any, now: datetime) -> HttpResponse:
    """What waits elsewhere for a code of this person ends with it, as with each sign-in."""
    if not requests.open_setup(row, request, now) or not spend_last_login(user.pk, user.last_login, now):
        return page(request, "twofactor/recovery_dead.html", status=404)
    response = open_session(request, user, methods.WAITED, "twofactor:setup")
    request.session[RECOVERY] = str(row.request_id)
    return response
