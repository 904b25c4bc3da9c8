"""Proving who you are once more: the confirm page, and the form that dangerous pages carry themselves."""

from dataclasses import dataclass
from typing import Any, cast

from django.conf import settings
from django.contrib.auth import logout
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.urls import Resolver404, get_script_prefix, resolve, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from twofactor import factor_changes
from twofactor.decorators import CONFIRM, FULL_PROOF, changes_the_password, open_before_set_up
from twofactor.factors import enrolled, methods, required
from twofactor.factors.accept import Proof, accept_code
from twofactor.factors.enrolled import Overview
from twofactor.forms import CodeForm, PasskeyForm, PasswordForm, ProofForm, take_backup_codes
from twofactor.signin import kept_forms, step_up
from twofactor.signin.pending import clear_browser_after_sign_out
from twofactor.signin.session import AMR, WITHOUT_FACTOR
from twofactor.users import signed_in_user
from twofactor.views import passkey_forms
from twofactor.views.panel import or_fresh_panel
from twofactor.web.pages import page, posted
from twofactor.web.redirects import safe_next, see_other, with_next


@open_before_set_up
@sensitive_post_parameters()
@or_fresh_panel
def confirm(request: HttpRequest) -> HttpResponse:
    """Asks for the password and the second factor, or a passkey. Then goes on to what was asked for."""
    to = safe_next(request, request.POST.get("next", request.GET.get("next")))
    if request.method == "GET" and (kept := kept_forms.find_confirmed(request, to)):
        shown = kept_forms.shown_fields(kept)
        return page(request, "twofactor/confirm_send.html", kept=kept, shown=shown, to=to)
    own = enrolled.overview_of(signed_in_user(request))
    asks_code = has_code(request, own) and not step_up.takes_password_alone(request, to)
    needs_full_proof = FULL_PROOF in request.GET
    claim: dict[str, Any] = {"claim": factor_changes.is_full_proof} if needs_full_proof else {}
    forms = proof_forms(request, own, with_code=asks_code, **claim)
    if not forms.typed and not forms.by_passkey:
        return without_proof(request, to)
    if forms.are_valid():
        step_up.record_step_up(request, forms.proof, is_on=own.is_on, with_password=forms.password_was_given)
        form_id = kept_forms.confirm(request, to)
        offer = f"{resolve_url(CONFIRM)}?{kept_forms.ID_FIELD}={form_id}"
        return see_other(with_next(offer, to) if form_id else to)
    context = forms.for_page()
    if forms.typed and (forms.typed.errors or not forms.by_passkey):
        field_to_fill = next(iter([*forms.typed.errors, *forms.typed.fields]))
        forms.typed.fields[field_to_fill].widget.attrs["autofocus"] = True  # nothing to read before it
    return page(
        request,
        "twofactor/confirm.html",
        **context,
        next=to,
        to_passkey=f"{reverse('twofactor:confirm_passkey')}?{request.GET.urlencode()}",
        what_for=sentence_for(request, to),
        used_recent_factor=needs_full_proof and step_up.used_recent_factor(request),
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


@dataclass
class ProofForms:
    """All that a page takes as a proof, of which at most one was sent."""

    typed: PasswordForm | CodeForm | None
    by_passkey: list[PasskeyForm]

    @property
    def sent(self) -> Form | None:
        """None if none was, or none that this person may send."""
        forms = [*self.by_passkey, *([self.typed] if self.typed else [])]
        return next((form for form in forms if form.is_bound), None)

    def are_valid(self) -> bool:
        return self.sent is not None and self.sent.is_valid()

    @property
    def proof(self) -> Proof | None:
        """None where the password was enough."""
        if isinstance(self.sent, PasskeyForm):
            return cast(Proof, self.sent.result)
        return self.sent.cleaned_data.get("code") if self.sent else None

    @property
    def password_was_given(self) -> bool:
        return self.sent is not None and "password" in self.sent.fields

    def for_page(self) -> dict[str, Any]:
        """For page(): a refused passkey is an error of the page as a refused code is."""
        shown = {"form": self.typed, "passkey_forms": self.by_passkey}
        if self.sent is None or self.sent is self.typed:
            return shown
        if wrong := self.sent.errors.get("password"):
            if self.typed and "password" in self.typed.fields:
                self.typed.errors["password"] = wrong  # the page has one field for both forms
            else:
                self.sent.fields["password"].widget.attrs["autofocus"] = True
        return {**shown, "status": 422}


def has_code(request: HttpRequest, own: Overview) -> bool:
    """Is a second factor asked for? With a passkey a person may be signed in while it is off."""
    method = request.session.get(AMR)
    return method not in WITHOUT_FACTOR and (method != methods.PASSKEY or own.is_on)


def proof_forms(
    request: HttpRequest,
    own: Overview,
    *,
    with_code: bool = True,
    kinds: frozenset[str] = methods.CODES,
    **accept: Any,
) -> ProofForms:
    """The password and a code, or the code alone for someone without a password; or a passkey."""
    user = signed_in_user(request)
    has_password = user.has_usable_password()
    by_passkey = passkey_forms.proof_forms(request, own.passkeys, has_password=has_password, **accept)
    if by_passkey and required.needs_passkey(user, timezone.now()) and required.counting(own.passkeys):
        return ProofForms(None, by_passkey)  # a code may have been given to a thief's page
    data = None if passkey_forms.is_answer(request) else posted(request)

    def is_right(password: str) -> bool:
        return step_up.password_is_right(request, password)

    def spend(code: str) -> Proof:
        return accept_code(user, code, request, timezone.now(), kinds=kinds, **accept)

    if not with_code:
        typed = PasswordForm(data, password_is_right=is_right) if has_password else None
        return ProofForms(typed, by_passkey)
    has_app = not by_passkey or own.has_app
    if not has_app and methods.BACKUP not in kinds:
        return ProofForms(None, by_passkey)
    form: PasswordForm | CodeForm
    if has_password:
        form = ProofForm(data, password_is_right=is_right, accept=spend)
    else:
        form = CodeForm(data, accept=spend)
    if methods.BACKUP in kinds:
        take_backup_codes(form.fields["code"], alone=not has_app)
    return ProofForms(form, by_passkey)
