"""The second step of signing in."""

from collections.abc import Sequence

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters

from twofactor import conf
from twofactor.decorators import second_step, second_step_by_passkey, sent_code_step
from twofactor.factors import authenticator_app, backup_codes, methods, passkeys, sent_codes, totp
from twofactor.factors.accept import Proof
from twofactor.forms import BackupCodeForm, CodeForm, PasskeyForm
from twofactor.limits import guesses
from twofactor.models import Passkey
from twofactor.recovery import requests
from twofactor.signin import trusted_browsers
from twofactor.signin.pending import PendingSignIn, complete_sign_in
from twofactor.views import passkey_forms
from twofactor.web.pages import page, posted
from twofactor.web.redirects import onward

BACKUP = frozenset({methods.BACKUP})
BY_CODE = "code"  # in the query: the person has chosen the field for a code


@second_step
def verify(request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
    """The field for a code, or the button for a passkey, whichever was used last."""
    form = CodeForm(posted(request), accept=lambda code: pending.accept(request, code))
    if form.is_valid():
        return finish(request, pending, form.cleaned_data["code"])
    usable = usable_passkeys(pending)
    if request.method == "GET" and BY_CODE not in request.GET and prefers_passkey(pending, usable):
        return passkey_page(request, pending, usable)
    return code_page(request, "twofactor/verify.html", pending, form, usable)


@second_step_by_passkey
@sensitive_post_parameters("credential")
def verify_passkey(request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
    is_sent = request.method == "POST"
    usable = usable_passkeys(pending)
    form = passkey_forms.second_step_form(request, pending, usable, is_bound=is_sent)
    if form is not None and form.is_valid():
        return finish(request, pending, form.result)
    return passkey_page(request, pending, usable, form)


def usable_passkeys(pending: PendingSignIn) -> list[Passkey]:
    return passkeys.usable(passkeys.all_of(pending.user)) if passkeys.are_offered() else []


def prefers_passkey(pending: PendingSignIn, usable: list[Passkey]) -> bool:
    """Was one of them used last, or is there no app?"""
    apps = authenticator_app.apps_of_person(pending.user)
    last = max((each.last_used_at or each.added_at for each in usable), default=None)
    return last is not None and all((app.last_used_at or app.added_at) < last for app in apps)


def passkey_page(
    request: HttpRequest,
    pending: PendingSignIn,
    usable: list[Passkey],
    form: PasskeyForm | None = None,
) -> HttpResponse:
    """Without any passkey, the other ways."""
    form = form or passkey_forms.second_step_form(request, pending, usable, is_bound=False)
    if form is None:
        return other_ways_page(request, pending)
    return page(
        request,
        "twofactor/verify_passkey.html",
        form=form,
        passkey_form=form,
        pending=pending,
        onward=onward(request),
    )


@second_step
def verify_backup(request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
    form = BackupCodeForm(posted(request), accept=lambda code: pending.accept(request, code, BACKUP))
    if form.is_valid():
        return finish(request, pending, form.cleaned_data["code"])
    return code_page(request, "twofactor/verify_backup.html", pending, form)


@sent_code_step
def verify_other(request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
    return other_ways_page(request, pending)


def other_ways_page(
    request: HttpRequest, pending: PendingSignIn, *, status: int = 200, problem: str = ""
) -> HttpResponse:
    """Shows the other ways in which this person can sign in."""
    has_passkey = not pending.confirms and bool(usable_passkeys(pending))
    response = page(
        request,
        "twofactor/verify_other.html",
        pending=pending,
        status=status,
        problem=problem,
        digits=totp.DIGITS,
        by_code=with_code_field(onward(request)) if has_passkey else onward(request),
        has_app=bool(authenticator_app.apps_of_person(pending.user)),
        has_passkey=has_passkey,
        codes=backup_codes.count_unused(pending.user),
        channels=pending.find_channels(),
        shut_until=sent_codes.shut_until(pending.user),
        may_recover=not pending.confirms and requests.may_ask(pending.user),
        onward=onward(request),
    )
    response.headers["Content-Location"] = reverse("twofactor:verify_other") + onward(request)
    return response


def with_code_field(query: str) -> str:
    return f"{query}&{BY_CODE}=1" if query else f"?{BY_CODE}=1"


def finish(request: HttpRequest, pending: PendingSignIn, proof: Proof) -> HttpResponse:
    response = complete_sign_in(request, pending, proof)
    if proof.method == methods.BACKUP:
        messages.info(request, codes_left(proof.codes_left))
    return response


def codes_left(left: int) -> str:
    if left == 0:
        return _("That was your last backup code. Make new ones now.")
    sentence = ngettext("You have %(left)d backup code left.", "You have %(left)d backup codes left.", left)
    sentence %= {"left": left}
    return " ".join([sentence, _("Make new ones soon.")]) if left <= backup_codes.FEW_LEFT else sentence


def lock_to_show(pending: PendingSignIn, form: CodeForm) -> guesses.Locked | None:
    """Returns the lock to tell of before the person tries. A try that was refused has its own answer."""
    guess_budget = None if form.is_bound else getattr(pending.user, "guess_budget", None)
    return guesses.lock_of(guess_budget, pending.user, timezone.now())


def code_page(
    request: HttpRequest,
    template: str,
    pending: PendingSignIn,
    form: CodeForm,
    usable: Sequence[Passkey] = (),
) -> HttpResponse:
    may_trust = trusted_browsers.may_trust(pending.user)
    wait = lock_to_show(pending, form)
    return page(
        request,
        template,
        form=form,
        pending=pending,
        wait=wait,
        may_trust=may_trust,
        passkey_form=passkey_forms.second_step_form(request, pending, list(usable), is_bound=False),
        days=conf.trusted_age().days,
        onward=onward(request),
    )
