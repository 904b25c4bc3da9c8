"""The second step of signing in."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from twofactor import conf
from twofactor.decorators import second_step
from twofactor.factors import backup_codes, methods, sent_codes, totp
from twofactor.factors.accept import Proof
from twofactor.forms import BackupCodeForm, CodeForm
from twofactor.limits import guesses
from twofactor.signin import trusted_browsers
from twofactor.signin.pending import PendingSignIn, complete_sign_in
from twofactor.web.pages import page, posted
from twofactor.web.redirects import onward

BACKUP = frozenset({methods.BACKUP})


@second_step
def verify(request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
    form = CodeForm(posted(request), accept=lambda code: pending.accept(request, code))
    if form.is_valid():
        return finish(request, pending, form.cleaned_data["code"])
    return code_page(request, "twofactor/verify.html", pending, form)


@second_step
def verify_backup(request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
    form = BackupCodeForm(posted(request), accept=lambda code: pending.accept(request, code, BACKUP))
    if form.is_valid():
        return finish(request, pending, form.cleaned_data["code"])
    return code_page(request, "twofactor/verify_backup.html", pending, form)


@second_step
def verify_other(request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
    return other_ways_page(request, pending)


def other_ways_page(
    request: HttpRequest, pending: PendingSignIn, *, status: int = 200, problem: str = ""
) -> HttpResponse:
    """Shows the other ways in which this person can sign in."""
    response = page(
        request,
        "twofactor/verify_other.html",
        pending=pending,
        status=status,
        problem=problem,
        digits=totp.DIGITS,
        codes=backup_codes.count_unused(pending.user),
        channels=pending.find_channels(),
        shut_until=sent_codes.shut_until(pending.user),
        onward=onward(request),
    )
    response.headers["Content-Location"] = reverse("twofactor:verify_other") + onward(request)
    return response


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


def code_page(request: HttpRequest, template: str, pending: PendingSignIn, form: CodeForm) -> HttpResponse:
    may_trust = trusted_browsers.may_trust(pending.user)
    wait = lock_to_show(pending, form)
    return page(
        request,
        template,
        form=form,
        pending=pending,
        wait=wait,
        may_trust=may_trust,
        days=conf.trusted_age().days,
        onward=onward(request),
    )
