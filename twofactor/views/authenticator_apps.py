"""Authenticator apps beside the first one: add, rename, remove."""

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters

from twofactor import drafts, factor_changes
from twofactor.decorators import may_set_up, must_use_passkey_first, what_for
from twofactor.factors import enrolled
from twofactor.factors.methods import TOTP
from twofactor.forms import AddAppForm, too_many_apps
from twofactor.models import Draft
from twofactor.signin import step_up
from twofactor.signin.session import AMR, keep_session
from twofactor.users import signed_in_user
from twofactor.views import own_factors
from twofactor.views.drafts import draft_owner, key_context, set_draft_cookie
from twofactor.views.panel import or_fresh_panel, row_of
from twofactor.web.pages import page, posted
from twofactor.web.redirects import next_or, onward, see_other, with_next
from twofactor.web.rows import tell

APP = Draft.Kind.APP


def if_there_is_room(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Says that there are too many apps before it asks for anything. After a recovery one is replaced."""

    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        apps = list(enrolled.apps_of(signed_in_user(request)))
        if len(apps) < enrolled.MAX_APPS or step_up.recovered_by_email(request):
            return view(request)
        status = 409 if request.method == "POST" else 200
        return page(request, "twofactor/app_full.html", status=status, apps=apps, sentence=too_many_apps())

    return guarded


def unless_a_passkey_is_needed(
    view: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Another app would not help someone who has to add or use a passkey now."""

    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        if must_use_passkey_first(request.user, request.session.get(AMR, ""), None):
            return see_other(reverse("twofactor:passkey_add") + onward(request))
        return view(request)

    return guarded


@what_for(gettext_lazy("To add an authenticator app, confirm it's you."))
@sensitive_post_parameters("code")
@unless_a_passkey_is_needed
@if_there_is_room
@or_fresh_panel
@may_set_up
def app_add(request: HttpRequest) -> HttpResponse:
    """The key and the field for a code of it on one page, and a box for each app that it is to replace."""
    user, now = signed_in_user(request), timezone.now()
    if not enrolled.is_on(user):
        return see_other(reverse("twofactor:setup") + onward(request))
    owner, recovered = draft_owner(request), step_up.recovered_by_email(request)
    draft = drafts.start(user, APP, now, owner)
    apps = list(enrolled.apps_of(user))
    form = AddAppForm(
        posted(request),
        accept=lambda code: drafts.confirm(draft, code, now),
        factors=enrolled.factors_of(user) if recovered else [*apps],
        lost=recovered,
        initial={"name": factor_changes.unused_name(_("Authenticator app"), apps)},
    )
    if form.is_valid():
        name, ticked = form.cleaned_data["name"], form.ticked()
        to = next_or(request, reverse("twofactor:settings"))
        if recovered:
            app = factor_changes.add_app_after_recovery(user, draft, name, request, now, ticked)
            keep_session(request, user, TOTP)
        else:
            vouched = step_up.vouches(user, step_up.factor_of(request))
            app = factor_changes.add_app(user, draft, name, request, now, vouched=vouched)
            for key in reversed(ticked):  # each takes a proof in its own form
                to = with_next(reverse("twofactor:app_remove", args=[key]), to)
        tell(request, _("%(name)s was added.") % {"name": app.name}, row_of(app))
        return see_other(to)
    response = page(
        request, "twofactor/app_add.html", form=form, has_secret=True, **key_context(request, draft)
    )
    return set_draft_cookie(request, response, owner)


@or_fresh_panel
def app_rename(request: HttpRequest, pk: int) -> HttpResponse:
    return own_factors.rename(request, own_factors.own(request, str(pk)))


@sensitive_post_parameters()
@or_fresh_panel
def app_remove(request: HttpRequest, pk: int) -> HttpResponse:
    return own_factors.remove(request, own_factors.own(request, str(pk)))
