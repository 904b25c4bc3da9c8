"""Proving who you are once more: the confirm page, and the form that dangerous pages carry themselves."""

from typing import Any

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.urls import Resolver404, get_script_prefix, resolve
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from twofactor import factor_changes
from twofactor.decorators import CONFIRM, FULL_PROOF, changes_the_password, open_before_set_up
from twofactor.factors import methods
from twofactor.factors.accept import Proof, accept_code
from twofactor.forms import CodeForm, PasswordForm, ProofForm, take_backup_codes
from twofactor.signin import kept_forms, step_up
from twofactor.signin.pending import clear_browser_after_sign_out
from twofactor.signin.session import AMR, NONE
from twofactor.users import signed_in_user
from twofactor.views.panel import or_fresh_panel
from twofactor.web.pages import page, posted
from twofactor.web.redirects import safe_next, see_other, with_next


@open_before_set_up
@sensitive_post_parameters()
@or_fresh_panel
def confirm(request: HttpRequest) -> HttpResponse:
    """Asks for the password, and the second factor if there is one. Then goes on to what was asked for."""
    to = safe_next(request, request.POST.get("next", request.GET.get("next")))
    if request.method == "GET" and (kept := kept_forms.find_confirmed(request, to)):
        shown = kept_forms.shown_fields(kept)
        return page(request, "twofactor/confirm_send.html", kept=kept, shown=shown, to=to)
    has_factor = request.session.get(AMR) != NONE
    if not has_factor and not signed_in_user(request).has_usable_password():
        return without_proof(request, to)
    with_code = has_factor and not step_up.takes_password_alone(request, to)
    needs_full_proof = FULL_PROOF in request.GET
    claim = {"claim": factor_changes.is_full_proof} if needs_full_proof else {}
    form = proof_form(request, with_code=with_code, **claim)
    if form.is_valid():
        step_up.record_step_up(request, form.cleaned_data.get("code"))
        form_id = kept_forms.confirm(request, to)
        offer = f"{resolve_url(CONFIRM)}?{kept_forms.ID_FIELD}={form_id}"
        return see_other(with_next(offer, to) if form_id else to)
    field_to_fill = next(iter([*form.errors, *form.fields]))
    form.fields[field_to_fill].widget.attrs["autofocus"] = True  # nothing has to be read before it
    return page(
        request,
        "twofactor/confirm.html",
        form=form,
        next=to,
        what_for=sentence_for(request, to),
        used_recent_app=needs_full_proof and step_up.used_recent_app(request),
    )


def sentence_for(request: HttpRequest, path: str) -> Any:
    """What the view at the path, or its ModelAdmin or AdminSite, says that the confirmation is for."""
    route = "/" + path.partition("?")[0].removeprefix(get_script_prefix())
    try:
        view = resolve(route, getattr(request, "urlconf", None)).func
    except Resolver404:
        return ""
    if changes_the_password(view):
        return _("To change your password, confirm it's you.")
    found: list[Any] = [view, getattr(view, "model_admin", None), getattr(view, "admin_site", None)]
    return next((each.what_for for each in found if hasattr(each, "what_for")), "")


def without_proof(request: HttpRequest, to: str) -> HttpResponse:
    """For people with neither password nor factor, who sign in somewhere else (social, single sign-on).

    A new sign-in is enough to set up the first factor. Everything else takes that factor.
    """
    if not to.startswith(resolve_url("twofactor:setup")):
        return see_other(with_next("twofactor:setup", to))
    if request.method != "POST":
        return page(request, "twofactor/confirm.html", next=to)
    logout(request)
    response = see_other(with_next(settings.LOGIN_URL, to))
    clear_browser_after_sign_out(response)
    return response


def proof_form(request: HttpRequest, *, with_code: bool = True, **accept: Any) -> PasswordForm | CodeForm:
    """Asks for the password and a code, or for the code alone if there is no password."""

    def is_right(password: str) -> bool:
        return step_up.password_is_right(request, password)

    def spend(code: str) -> Proof:
        return accept_code(signed_in_user(request), code, request, timezone.now(), **accept)

    form: PasswordForm | CodeForm
    if not signed_in_user(request).has_usable_password():
        form = CodeForm(posted(request), accept=spend)
    elif with_code:
        form = ProofForm(posted(request), password_is_right=is_right, accept=spend)
    else:
        return PasswordForm(posted(request), password_is_right=is_right)
    if methods.BACKUP in accept.get("kinds", methods.CODES):
        take_backup_codes(form.fields["code"])
    return form
