"""Setup in three steps: the key, a code from the app, the backup codes. Only the last changes anything."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from twofactor import drafts, factor_changes, policy
from twofactor.decorators import may_set_up_first, open_before_set_up, open_to_recovery, what_for
from twofactor.drafts import OpenDraft
from twofactor.factors import enrolled, passkeys
from twofactor.factors.challenges import ADD_PASSKEY
from twofactor.factors.methods import PASSKEY, TOTP, WAITED
from twofactor.factors.refusal import Changed
from twofactor.forms import CodeForm, SavedForm
from twofactor.models import Draft, Recovery
from twofactor.recovery import requests
from twofactor.signin.session import AMR, RECOVERY, WHILE_OFF, keep_session
from twofactor.users import email_of, signed_in_user
from twofactor.views import passkey_forms
from twofactor.views.codes import codes_context
from twofactor.views.drafts import current_draft, draft_owner, key_context, own_draft, set_draft_cookie
from twofactor.views.panel import nothing_to_change, or_fresh_panel
from twofactor.web import frame
from twofactor.web.links import find_link
from twofactor.web.pages import page, post_only, posted
from twofactor.web.redirects import onward, safe_next, see_other

SETUP = Draft.Kind.SETUP
TO_SET_UP = gettext_lazy("To set up two-factor authentication, confirm it's you.")


def while_off(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Passes the draft to the view, as its row. One query tells both.

    Someone for whom it is on has gone back after the last step, or finished in another tab; or is at the end
    of a recovery, which replaces everything older.
    """

    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        is_on, row = drafts.setup_of(signed_in_user(request))
        if is_on and not recovers(request):
            return nothing_to_change(request)
        try:
            return view(request, row)
        except Changed:
            if recovers(request):
                return lead_on(request)
            raise

    return open_to_recovery(what_for(TO_SET_UP)(or_fresh_panel(open_before_set_up(guarded))))


@while_off
@may_set_up_first
def setup(request: HttpRequest, row: Draft | None) -> HttpResponse:
    owner = draft_owner(request)
    draft = drafts.start_after(row, signed_in_user(request), SETUP, timezone.now(), owner)
    context = key_context(request, draft)
    if passkeys.are_offered() and not recovers(request):
        own = enrolled.overview_of(signed_in_user(request))
        context["passkey_form"] = passkey_forms.new_form(request, ADD_PASSKEY, own)
    response = step_page(request, "twofactor/setup.html", **context)
    return set_draft_cookie(request, response, owner)


@open_before_set_up
def setup_address(request: HttpRequest) -> HttpResponse:
    """Says why there is no setup yet, and how to confirm the address."""
    if not drafts.needs_confirmed_address(signed_in_user(request)):
        return see_other(safe_next(request, request.GET["next"]) if onward(request) else "twofactor:setup")
    return page(request, "twofactor/setup_address.html", address=email_of(signed_in_user(request)))


@while_off
@may_set_up_first
def setup_verify(request: HttpRequest, row: Draft | None) -> HttpResponse:
    draft = own_draft(request, row)
    if draft is None:
        return to_step(request, "setup")
    form = CodeForm(posted(request), accept=lambda code: drafts.confirm(draft, code, timezone.now()))
    if form.is_valid():
        return to_step(request, "setup_codes")
    return step_page(request, "twofactor/setup_verify.html", form=form, **key_context(request, draft))


def step_page(request: HttpRequest, template: str, **context: Any) -> HttpResponse:
    """Who must set up has nowhere to go when they cancel it. In our bare frame no menu lets them sign out."""
    if frame.is_of_site() and policy.is_enforced_for(signed_in_user(request), timezone.now()):
        context["sign_out"] = find_link("sign_out")
    return page(request, template, has_secret=True, onward=onward(request), **context)


def to_step(request: HttpRequest, name: str) -> HttpResponse:
    return see_other(reverse(f"twofactor:{name}") + onward(request))


@while_off
def setup_codes(request: HttpRequest, row: Draft | None) -> HttpResponse:
    """A tab whose setup was finished in another one is shown that, instead of being asked who it is."""
    draft = own_draft(request, row)
    is_unfinished = draft is None or not draft.is_confirmed
    if is_unfinished and not recovers(request) and factor_changes.has_working_factor(signed_in_user(request)):
        return codes_after_passkey(request)
    if draft is None and request.method == "POST":
        raise Changed
    return last_step(request, draft)


@may_set_up_first
def codes_after_passkey(request: HttpRequest) -> HttpResponse:
    """Nothing has to be confirmed before the codes: the passkey was used when it was made."""
    owner = draft_owner(request)
    if request.method == "POST":
        draft = current_draft(request, Draft.Kind.CODES)
        if draft is None:
            raise Changed
        return last_step(request, draft)
    draft = drafts.start(signed_in_user(request), Draft.Kind.CODES, timezone.now(), owner)
    return set_draft_cookie(request, last_step(request, draft), owner)


@may_set_up_first
def last_step(request: HttpRequest, draft: OpenDraft | None) -> HttpResponse:
    by_app = draft is not None and bool(draft.key)
    if draft is None or (by_app and not draft.is_confirmed):
        return to_step(request, "setup" if draft is None else "setup_verify")
    form = SavedForm(posted(request))
    if form.is_valid():
        if recovers(request):
            finish_recovery(request, draft)
        else:
            factor_changes.turn_on(signed_in_user(request), draft, request, timezone.now())
            messages.success(request, what_is_true_now(by_app))
        keep_session(request, signed_in_user(request), TOTP if by_app else PASSKEY)
        request.session.pop(WHILE_OFF, None)
        return see_other(safe_next(request, request.GET["next"]) if onward(request) else "twofactor:settings")
    user = signed_in_user(request)
    own = passkeys.all_of(user)  # a thief of the password may have added one
    replaced = [each.name for each in enrolled.factors_of(user)] if recovers(request) else []
    return step_page(
        request,
        "twofactor/setup_codes.html",
        form=form,
        passkeys=[] if recovers(request) else own,
        replaced=replaced,
        **codes_context(request, draft),
    )


def recovers(request: HttpRequest) -> bool:
    """Is this session the end of a recovery?"""
    return request.session.get(AMR) == WAITED


def lead_on(request: HttpRequest) -> HttpResponse:
    """At the end of a recovery, instead of the panel, which is not for this session. It may be over."""
    row = Recovery.objects.filter(pk=signed_in_user(request).pk).first()
    if row and (row.finished_at or (row.opened_at and requests.runs(row, timezone.now()))):
        return see_other("twofactor:settings")  # after a double click; else the middleware leads to the setup
    logout(request)
    return page(request, "twofactor/recovery_dead.html", status=409)


def finish_recovery(request: HttpRequest, draft: OpenDraft) -> None:
    request_id = UUID(request.session.get(RECOVERY, str(UUID(int=0))))
    requests.bind(signed_in_user(request), request_id, draft, request, timezone.now())
    request.session.pop(RECOVERY)
    messages.success(
        request, _("Your new app is set up. Everything you had before is removed, and doesn't work any more.")
    )


def what_is_true_now(by_app: bool) -> str:
    if by_app:
        return _(
            "Two-factor authentication is on. Next time you sign in, we'll ask for your password, "
            "then for a code from your app."
        )
    return _(
        "Two-factor authentication is on. Next time, sign in with your passkey alone, "
        "or with your password and then your passkey."
    )


@open_to_recovery
@open_before_set_up
@post_only("twofactor:settings")
def setup_cancel(request: HttpRequest) -> HttpResponse:
    drafts.cancel(signed_in_user(request), SETUP)
    if recovers(request):
        logout(request)
        messages.success(request, _("Cancelled. Until it ends, the link we sent you starts the setup again."))
        return see_other(settings.LOGIN_URL)
    messages.success(request, _("Setup cancelled. Nothing has changed."))
    return see_other("twofactor:settings")
