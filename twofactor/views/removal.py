"""Removing an app, a passkey or a security key: what it ends, what is left, and the proof for it."""

from functools import partial

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from twofactor import factor_changes
from twofactor.factors import backup_codes, enrolled, passkeys
from twofactor.factors.enrolled import Factor
from twofactor.factors.refusal import Changed
from twofactor.models import Passkey
from twofactor.signin.session import AMR, PASSWORD_AT, keep_session
from twofactor.users import signed_in_user
from twofactor.views.panel import row_of
from twofactor.views.proof import proof_forms
from twofactor.web.pages import page
from twofactor.web.redirects import next_or, see_other
from twofactor.web.rows import next_row, tell


def remove(request: HttpRequest, factor: Factor) -> HttpResponse:
    user = signed_in_user(request)
    is_on = enrolled.is_on(user)
    factor_id, factors = enrolled.id_of(factor), enrolled.factors_of(user)
    others = [each for each in factors if enrolled.id_of(each) != factor_id]
    if (is_on and not others) or is_only_way_in(request, factor, others):
        status = 409 if request.method == "POST" else 200
        return page(
            request,
            "twofactor/factor_last.html",
            status=status,
            factor=factor,
            is_on=is_on,
            offers_passkeys=passkeys.are_offered(),
        )
    claim = partial(factor_changes.remove_factor, user, factor_id, request, timezone.now())
    forms = proof_forms(request, with_code=is_on, claim=claim, changes_factors=True)
    if forms.are_valid():
        if forms.proof is None and not claim(None):  # the password alone, while it is off
            raise Changed
        keep_session(request, user, request.session[AMR])
        focused = next_row([row_of(each) for each in factors], row_of(factor))
        tell(request, _("%(name)s was removed.") % {"name": factor.name}, focused)
        return see_other(next_or(request, "twofactor:settings"))
    return page(
        request,
        "twofactor/factor_remove.html",
        **forms.for_page(),
        factor=factor,
        is_passkey=isinstance(factor, Passkey),
        others=others,
        codes_left=backup_codes.count_unused(user) if is_on else 0,
    )


def is_only_way_in(request: HttpRequest, factor: Factor, others: list[Factor]) -> bool:
    """Would someone be left without any way to sign in? Who has come in another way has that one."""
    if signed_in_user(request).has_usable_password() or PASSWORD_AT in request.session:
        return False
    alone = [each for each in others if isinstance(each, Passkey) and not each.is_key]
    return isinstance(factor, Passkey) and not factor.is_key and not alone
