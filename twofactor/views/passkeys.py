"""Passkeys and security keys: add, rename, remove, and signing in with one alone."""

from typing import cast

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters

from twofactor import conf, factor_changes, policy
from twofactor.decorators import (
    may_set_up,
    may_set_up_first,
    open_before_set_up,
    recently_confirmed,
    what_for,
)
from twofactor.factors import challenges, enrolled, passkeys, required
from twofactor.factors.methods import KEY, PASSKEY
from twofactor.factors.passkeys import NewPasskey
from twofactor.factors.refusal import Changed, Refused
from twofactor.forms import NewPasskeyForm
from twofactor.models import Passkey
from twofactor.signin import step_up
from twofactor.signin.session import keep_session
from twofactor.users import signed_in_user
from twofactor.views import own_factors, passkey_forms
from twofactor.views.panel import nothing_to_change, or_fresh_panel, row_of
from twofactor.web.pages import page
from twofactor.web.redirects import next_or, onward, safe_next, see_other, with_next
from twofactor.web.rows import tell

ADDED = "added"  # in the query of the page for the name, right after the ceremony


@what_for(gettext_lazy("To add a passkey, confirm it's you."))
@sensitive_post_parameters()  # a challenge is for this session: nothing is worth keeping for after a step-up
@or_fresh_panel
@may_set_up
def passkey_add(request: HttpRequest) -> HttpResponse:
    """Two forms: a passkey that signs in alone is asked of a device in another way than an old key."""
    user = signed_in_user(request)
    own = enrolled.overview_of(user)
    if not own.is_on and policy.is_enforced_for(user, timezone.now()):
        return see_other(reverse("twofactor:setup") + onward(request))
    is_full = len(own.passkeys) >= passkeys.MAX_PASSKEYS
    if is_full or not passkeys.are_offered():
        status = 409 if request.method == "POST" else 200
        return page(
            request,
            "twofactor/passkey_none.html",
            status=status,
            most=passkeys.MAX_PASSKEYS if is_full else None,
            domain=conf.passkey_domain(),
        )
    recovered = step_up.recovered_by_email(request)
    lost = enrolled.factors_of(user) if recovered else []
    forms = [
        passkey_forms.new_form(request, use, own, lost)
        for use in (challenges.ADD_PASSKEY, challenges.ADD_KEY)
    ]
    sent = next((form for form in forms if form.is_bound), None)
    row = None if sent is None else save_sent(request, sent, was_on=own.is_on, recovered=recovered)
    if sent is not None and row is not None:
        if recovered or required.needs_passkey(user, timezone.now()):  # it was given just now
            keep_session(request, user, KEY if row.is_key else PASSKEY)
        to = next_or(request, reverse("twofactor:settings"))
        name_it = f"{reverse('twofactor:passkey_rename', args=[row.pk])}?{ADDED}=1"
        return see_other(with_next(name_it, to))
    return page(
        request,
        "twofactor/passkey_add.html",
        status=200 if sent is None else 422,
        forms=forms,
        is_on=own.is_on,
    )


def save_sent(
    request: HttpRequest, form: NewPasskeyForm, *, was_on: bool, recovered: bool = False
) -> Passkey | None:
    """None if the form says why not. Only the database knows whether someone has the passkey already."""
    if not form.is_valid():
        return None
    try:
        return save(request, form.result, was_on, form.ticked() if recovered else None)
    except Refused as refused:
        form.add_error(None, refused.sentence)
        return None


def save(request: HttpRequest, new: NewPasskey, was_on: bool, lost: list[str] | None = None) -> Passkey:
    user, now = signed_in_user(request), timezone.now()
    recovered = step_up.recovered_by_email(request)
    if was_on and not recovered and step_up.factor_of(request) == step_up.PASSWORD_ALONE:
        raise Changed  # turned on since may_set_up() has asked
    factor = step_up.factor_of(request)
    vouched = not recovered and step_up.vouches(user, factor)
    return factor_changes.add_passkey(
        user,
        new,
        request,
        now,
        was_on=was_on,
        by_passkey=not recovered and enrolled.is_id_of_passkey(factor),
        vouched=vouched,
        lost=lost,
    )


@or_fresh_panel
def passkey_rename(request: HttpRequest, pk: int) -> HttpResponse:
    return own_factors.rename(request, own_passkey(request, pk), is_new=ADDED in request.GET)


@sensitive_post_parameters()
@or_fresh_panel
def passkey_remove(request: HttpRequest, pk: int) -> HttpResponse:
    return own_factors.remove(request, own_passkey(request, pk))


@what_for(gettext_lazy("To use this passkey again, confirm it's you another way."))
@or_fresh_panel
@recently_confirmed(full_proof=True)  # a thief who has added a factor may have the copy, too
def passkey_clear(request: HttpRequest, pk: int) -> HttpResponse:
    """After its count went back: it was the person, for example after a backup of the device was restored."""
    passkey = own_passkey(request, pk)
    if passkey.suspected_at is None:
        return nothing_to_change(request)
    if request.method != "POST":
        return page(request, "twofactor/passkey_clear.html", passkey=passkey)
    factor_changes.clear_passkey(signed_in_user(request), passkey, request)
    tell(request, _("%(name)s works again.") % {"name": passkey.name}, row_of(passkey))
    return see_other("twofactor:settings")


def own_passkey(request: HttpRequest, pk: int) -> Passkey:
    return cast(Passkey, own_factors.own(request, f"passkey-{pk}"))


@sensitive_post_parameters()
@open_before_set_up
@or_fresh_panel
@may_set_up_first
def setup_passkey(request: HttpRequest) -> HttpResponse:
    """In place of an app. Nothing is on before the backup codes are saved."""
    if request.method != "POST":
        return see_other(reverse("twofactor:setup") + onward(request))
    own = enrolled.overview_of(signed_in_user(request))
    if own.is_on:
        return nothing_to_change(request)
    form = passkey_forms.new_form(request, challenges.ADD_PASSKEY, own)
    if form.is_bound and save_sent(request, form, was_on=False):
        return see_other(reverse("twofactor:setup_codes") + onward(request))
    return page(
        request, "twofactor/setup_passkey.html", passkey_form=form, status=422, onward=onward(request)
    )


# Signing in


@login_not_required
@sensitive_post_parameters("credential")
def passkey_sign_in(request: HttpRequest) -> HttpResponse:
    """Where the form of the sign-in page leads, and the page of a refused one."""
    to = safe_next(request, request.POST.get("next", request.GET.get("next")))
    if request.user.is_authenticated:
        return see_other(to)
    if not passkeys.are_offered():
        return see_other(settings.LOGIN_URL)
    form = passkey_forms.sign_in_form(request, to, is_bound=True)
    if form.is_valid():
        return cast(HttpResponse, form.result)
    return page(request, "twofactor/passkey_sign_in.html", form=form, passkey_form=form, next=to)


@login_not_required
def passkey_challenge(request: HttpRequest) -> HttpResponse:
    """A new one for a sign-in page that has been open for long. Asks no database."""
    if not passkeys.are_offered():
        return see_other(settings.LOGIN_URL)
    question = passkey_forms.sign_in_form(request).question
    response = JsonResponse({"challenge": question.token, "options": question.options})
    response.headers["Cache-Control"] = "no-store"
    return response
