"""Proving who you are once more: the confirm page, and the form that dangerous pages carry themselves."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters

from twofactor import factors, signin, stepup
from twofactor.decorators import open_before_set_up
from twofactor.forms import PasswordForm, ProofForm
from twofactor.http import page, posted, safe_next, see_other
from twofactor.user import person
from twofactor.views.panel import or_fresh_panel


@open_before_set_up
@sensitive_post_parameters()
@or_fresh_panel
def confirm(request: HttpRequest) -> HttpResponse:
    """The password, and for people who have one their second factor; then on to what was asked for."""
    to = safe_next(request, request.POST.get("next", request.GET.get("next")))
    with_code = request.session.get(signin.AMR) != signin.NONE and not stepup.is_on_the_way_back(request, to)
    form = proof(request, with_code=with_code)
    form.fields["password"].widget.attrs["autofocus"] = True  # nothing on this page has to be read first
    if form.is_valid():
        stepup.confirmed(request, form.cleaned_data.get("code"))
        return see_other(to)
    return page(request, "twofactor/confirm.html", form=form, next=to)


def proof(request: HttpRequest, *, with_code: bool = True, **accept: Any) -> PasswordForm:
    """Password, and a code that is spent for what it is asked for."""

    def right(password: str) -> bool:
        return stepup.password_is_right(request, password)

    def spent(code: str) -> str:
        return factors.accept(person(request), code, request, timezone.now(), **accept)

    if with_code:
        return ProofForm(posted(request), password_is_right=right, accept=spent)
    return PasswordForm(posted(request), password_is_right=right)
