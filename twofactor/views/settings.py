"""The security settings, and what can be changed there."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from twofactor import backup_codes as codes
from twofactor import enrolment, factors, signin, stepup
from twofactor.forms import PasswordForm, ProofForm, SavedForm
from twofactor.http import page, posted, safe_next, see_other
from twofactor.models import Authenticator, Draft
from twofactor.user import person
from twofactor.views.setup import shown

CODES = Draft.Kind.CODES


def settings(request: HttpRequest) -> HttpResponse:
    user, now = person(request), timezone.now()
    authenticator = Authenticator.objects.filter(pk=user.pk).first()
    return page(
        request,
        "twofactor/settings.html",
        authenticator=authenticator,
        codes_left=codes.unused(user) if authenticator else 0,
        few=codes.FEW,
        total=codes.COUNT,
        setup=enrolment.unfinished(user, Draft.Kind.SETUP, now),
        new_codes=enrolment.unfinished(user, CODES, now),
    )


def confirm(request: HttpRequest) -> HttpResponse:
    """The password, and for people who have one their second factor; then on to what was asked for."""
    to = safe_next(request, request.POST.get("next", request.GET.get("next")))
    form = proof(request, with_code=person(request).is_verified())
    if form.is_valid():
        stepup.confirmed(request)
        return see_other(to)
    return page(request, "twofactor/confirm.html", form=form, next=to)


def backup_codes(request: HttpRequest) -> HttpResponse:
    """New codes are shown until they are acknowledged; the old ones work until then."""
    if not enrolment.is_on(person(request)):
        return see_other("twofactor:settings")
    new = enrolment.unfinished(person(request), CODES, timezone.now())
    seen = new and stepup.recently_confirmed(request, Draft.MAX_AGE)
    return show_codes(request, new) if new and seen else ask_for_codes(request)


def ask_for_codes(request: HttpRequest) -> HttpResponse:
    form = proof(request, with_code=True, kinds=frozenset({factors.TOTP}))
    if form.is_valid():
        enrolment.start(person(request), CODES, timezone.now())
        stepup.confirmed(request)
        return see_other("twofactor:backup_codes")
    return page(request, "twofactor/backup_codes.html", form=form)


def show_codes(request: HttpRequest, new: enrolment.Unfinished) -> HttpResponse:
    form = SavedForm(posted(request))
    if form.is_valid():
        enrolment.save_new_codes(person(request), new, request)
        signin.keep_session(request, request.user, factors.TOTP)
        messages.success(request, _("New backup codes saved. Old ones no longer work."))
        return see_other("twofactor:settings")
    return page(request, "twofactor/backup_codes_new.html", form=form, **shown(request, new))


def disable(request: HttpRequest) -> HttpResponse:
    if not enrolment.is_on(person(request)):
        return see_other("twofactor:settings")
    form = proof(request, with_code=True, claim=lambda: enrolment.turn_off(person(request), request))
    if form.is_valid():
        signin.keep_session(request, request.user, signin.NONE)
        messages.success(request, _("Two-factor authentication is off"))
        return see_other("twofactor:settings")
    return page(request, "twofactor/disable.html", form=form)


def proof(request: HttpRequest, *, with_code: bool, **kwargs: Any) -> PasswordForm:
    """The form that asks who you are: the password, and a code that is spent for what it is asked for."""

    def right(password: str) -> bool:
        return stepup.password_is_right(request, password)

    def accept(code: str) -> str:
        return factors.accept(person(request), code, request, timezone.now(), **kwargs)

    if with_code:
        return ProofForm(posted(request), password_is_right=right, accept=accept)
    return PasswordForm(posted(request), password_is_right=right)
