"""Renaming and removing an app, a passkey or a security key."""

from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from twofactor import factor_changes
from twofactor.factors import backup_codes, enrolled, passkeys
from twofactor.factors.enrolled import Factor
from twofactor.factors.refusal import Changed
from twofactor.forms import NameForm
from twofactor.models import Passkey
from twofactor.signin.session import AMR, PASSWORD_AT, keep_session
from twofactor.users import signed_in_user
from twofactor.views.panel import factor_row, or_fresh_panel, row_of
from twofactor.views.proof import proof_forms
from twofactor.web import undo
from twofactor.web.pages import page, post_only, posted
from twofactor.web.redirects import next_or, see_other
from twofactor.web.rows import next_row, page_with_rows, tell
from twofactor.web.undo import TooLate

UNDO = "twofactor:factor_undo"


def own(request: HttpRequest, factor_id: str) -> Factor:
    """Raises Changed for that of another person, too: else the answers would tell which ids exist."""
    factor = enrolled.find_factor(signed_in_user(request), factor_id)
    if factor is None:
        raise Changed
    return factor


def rename(request: HttpRequest, factor: Factor, *, is_new: bool = False) -> HttpResponse:
    """`is_new`: it was added a moment ago, under a name that was proposed for it."""
    row = row_of(factor)
    form = NameForm(posted(request), initial={"name": factor.name}, auto_id=f"{row}_%s")
    if form.is_valid():
        name = factor_changes.rename_factor(signed_in_user(request), factor, form.cleaned_data["name"])
        if is_new:
            tell(request, _("%(name)s was added.") % {"name": name}, row)
        else:
            before = {"factor": enrolled.id_of(factor), "name": factor.name, "instead_of": name}
            offered = undo.offer(request, UNDO, row, **before) if name != factor.name else ""
            tell(request, _("The name was changed."), row, offered)
        return see_other(next_or(request, "twofactor:settings"))
    rows = [factor_row(factor, timezone.now())]
    shown: dict[str, Any] = {"is_new": is_new, "is_key": isinstance(factor, Passkey) and factor.is_key}
    return page_with_rows(request, "twofactor/factor_rename.html", rows, form=form, **shown)


@post_only("twofactor:settings")
@or_fresh_panel
def factor_undo(request: HttpRequest) -> HttpResponse:
    """Gives it its name back."""
    offered = undo.take(request, UNDO)
    factor = own(request, offered["factor"])
    if factor.name != offered["instead_of"]:
        raise TooLate
    factor_changes.rename_factor(signed_in_user(request), factor, offered["name"])
    tell(request, _("The old name is back."), row_of(factor))
    return see_other("twofactor:settings")


def remove(request: HttpRequest, factor: Factor) -> HttpResponse:
    """Says what that ends and what is left, and asks for a proof."""
    user = signed_in_user(request)
    overview = enrolled.overview_of(user)
    is_on = overview.is_on
    factor_id, factors = enrolled.id_of(factor), enrolled.factors_of(user)
    others = [each for each in factors if enrolled.id_of(each) != factor_id]
    needs_passkey = signs_in_with_passkey_alone(request)
    is_only_way = needs_passkey and factor_changes.is_only_way_in(factor, others)
    who = factor_changes.who_requires_this(user, factor, others, timezone.now())
    if (is_on and factor_changes.is_last(factor, others)) or is_only_way or who:
        status = 409 if request.method == "POST" else 200
        return page(
            request,
            "twofactor/factor_last.html",
            status=status,
            factor=factor,
            is_on=is_on and not is_only_way,
            who=who,
            offers_passkeys=passkeys.are_offered(),
        )
    claim = partial(
        factor_changes.remove_factor, user, factor_id, request, timezone.now(), needs_passkey=needs_passkey
    )
    forms = proof_forms(request, overview, with_code=is_on, claim=claim, changes_factors=True)
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


def signs_in_with_passkey_alone(request: HttpRequest) -> bool:
    """Is there no other way? Who has come in by one in this session has that one."""
    return not signed_in_user(request).has_usable_password() and PASSWORD_AT not in request.session
