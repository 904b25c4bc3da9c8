"""New backup codes, and turning two-factor authentication off.

Turning off always asks for a proof. New codes do unless an app or passkey was used within the last minutes.
"""

from datetime import date
from functools import partial
from typing import Any
from urllib.parse import quote

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters

from twofactor import conf, drafts, factor_changes, policy
from twofactor.decorators import what_for
from twofactor.drafts import OpenDraft
from twofactor.factors import backup_codes as codes
from twofactor.factors import enrolled, methods
from twofactor.factors.refusal import Changed
from twofactor.forms import SavedForm
from twofactor.models import Draft, Passkey
from twofactor.signin import step_up
from twofactor.signin.session import AMR, NONE, keep_session
from twofactor.users import sign_in_name, signed_in_user
from twofactor.views.drafts import current_draft, draft_owner, set_draft_cookie
from twofactor.views.own_factors import signs_in_with_passkey_alone
from twofactor.views.panel import nothing_to_change, or_fresh_panel
from twofactor.views.proof import proof_forms
from twofactor.web.pages import page, posted
from twofactor.web.redirects import next_or, onward, see_other

CODES = Draft.Kind.CODES
LIVE_CODE = frozenset({methods.TOTP})  # with a backup code, a thief of the paper could make new ones


@what_for(gettext_lazy("To make new backup codes, confirm it's you."))
@sensitive_post_parameters()
@or_fresh_panel
def backup_codes(request: HttpRequest) -> HttpResponse:
    """New codes are shown until they are acknowledged, but only in the session where the code was given.

    The old ones work until then.
    """
    if not enrolled.is_on(signed_in_user(request)):
        return nothing_to_change(request)
    new = current_draft(request, CODES) if step_up.may_see_new_codes(request) else None
    if new is None and "saved" in request.POST:
        raise Changed  # they were saved in another tab; what is new by now has not been seen there
    return show_codes(request, new) if new else ask_for_codes(request)


def ask_for_codes(request: HttpRequest) -> HttpResponse:
    """Nothing is asked after a step-up with an app or passkey. What is sent all the same is checked."""
    user = signed_in_user(request)
    confirmed = step_up.may_make_codes(user, step_up.time_of(request), step_up.factor_of(request))
    total = conf.number_of_backup_codes()
    if confirmed and not {"password", "code", "credential"} & set(request.POST):
        form = Form(posted(request))
        if form.is_valid():
            return begin_codes(request)
        return page(request, "twofactor/backup_codes.html", form=form, total=total)
    own = enrolled.overview_of(user)
    forms = proof_forms(request, own, kinds=LIVE_CODE, claim=factor_changes.may_make_codes)
    if forms.are_valid():
        step_up.record_step_up(request, forms.proof, is_on=own.is_on, with_password=forms.password_was_given)
        return begin_codes(request)
    return page(request, "twofactor/backup_codes.html", **forms.for_page(), total=total)


def begin_codes(request: HttpRequest) -> HttpResponse:
    owner = draft_owner(request)
    drafts.start(signed_in_user(request), CODES, timezone.now(), owner)
    to = reverse("twofactor:backup_codes") + onward(request)
    return set_draft_cookie(request, see_other(to), owner)


def show_codes(request: HttpRequest, new: OpenDraft) -> HttpResponse:
    form = SavedForm(posted(request))
    if form.is_valid():
        factor_changes.save_new_codes(signed_in_user(request), new, request)
        keep_session(request, signed_in_user(request), request.session[AMR])
        sentence = _("Your new backup codes are saved. The old ones no longer work.")
        messages.success(request, sentence, extra_tags="codes")
        return see_other(next_or(request, "twofactor:settings"))
    return page(
        request,
        "twofactor/backup_codes_new.html",
        form=form,
        has_secret=True,
        **codes_context(request, new),
    )


def codes_context(request: HttpRequest, draft: OpenDraft) -> dict[str, Any]:
    return {"codes": draft.formatted_codes, "file": codes_as_file(request, draft), "issuer": conf.issuer()}


def codes_as_file(request: HttpRequest, draft: OpenDraft) -> str:
    """The address of a link that saves the codes, without JavaScript and without a second page with them."""
    lines = [conf.issuer(), sign_in_name(signed_in_user(request)), date.today().isoformat(), ""]
    return "data:text/plain;charset=utf-8," + quote("\n".join([*lines, *draft.formatted_codes, ""]))


@sensitive_post_parameters()
@or_fresh_panel
def disable(request: HttpRequest) -> HttpResponse:
    own = enrolled.overview_of(signed_in_user(request))
    if not own.is_on:
        return nothing_to_change(request)
    if who := policy.who_requires_it(signed_in_user(request), timezone.now()):
        status = 409 if request.method == "POST" else 200
        return page(request, "twofactor/disable_required.html", status=status, who=who)
    needs_passkey = signs_in_with_passkey_alone(request)
    claim = partial(factor_changes.turn_off, signed_in_user(request), request, needs_passkey=needs_passkey)
    forms = proof_forms(request, own, claim=claim, changes_factors=True)
    if forms.are_valid():
        keep_session(request, signed_in_user(request), NONE)
        messages.success(request, _("Two-factor authentication is off."))
        return see_other("twofactor:settings")
    return page(
        request,
        "twofactor/disable.html",
        **forms.for_page(),
        factors=[
            each
            for each in enrolled.factors_of(signed_in_user(request))
            if not (needs_passkey and isinstance(each, Passkey) and not each.is_key)
        ],
        codes_left=codes.count_unused(signed_in_user(request)),
    )
