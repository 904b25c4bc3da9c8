"""An admin site that requires two factors, however the session was opened."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, cast
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import Group
from django.contrib.auth.views import LoginView
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, Resolver404, URLPattern, URLResolver, path, resolve, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy
from django.views.decorators.csrf import csrf_protect

from twofactor import conf, events
from twofactor.decorators import page_to_prove, recently_confirmed, to_proof, what_for
from twofactor.event_kinds import FACTOR_ACCEPTED
from twofactor.factors import backup_codes
from twofactor.limits.allowances import REMINDERS
from twofactor.models import Rule, actor
from twofactor.operations import adoption, chart, locks, reminders, support
from twofactor.signin.pending import after_password, clear_browser_after_sign_out
from twofactor.users import signed_in_user
from twofactor.web.pages import refuse_doubles
from twofactor.web.redirects import own_page, path_of, safe_next, see_other, with_next

__all__ = ["TwoFactorAdminSite"]

TO_ADMINISTRATION = gettext_lazy("To continue to the administration, confirm it's you.")
DAYS = 30
FORMULAS = tuple("=+-@\t\r")
REFUSALS = ("second_factor_refused", "second_factor_locked")


class AdminLoginView(LoginView):
    """Opens no session before the second factor, as the login page of Django's admin would."""

    template_name = "admin/login.html"
    authentication_form = AdminAuthenticationForm

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        refuse_doubles(request)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        logout(self.request)  # ends the session of someone else in this browser
        password = form.cleaned_data["password"]
        return after_password(self.request, form.get_user(), self.get_success_url(), password=password)


class TwoFactorAdminSite(admin.AdminSite):
    index_template = "twofactor/admin/index.html"
    what_for = TO_ADMINISTRATION
    takes_the_factor = True  # password_change() sees to it
    site_header = site_title = pgettext_lazy("two-factor", "Administration")

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        return {**super().each_context(request), "site_header": f"{conf.site_name()} · {self.site_header}"}

    def has_permission(self, request: HttpRequest) -> bool:
        """A trusted browser or an code sent by email is not enough."""
        return super().has_permission(request) and signed_in_user(request).is_verified()

    @method_decorator(login_not_required)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Redirects staff without a second factor to the setup, and after it to the page they wanted."""
        index = reverse("admin:index", current_app=self.name)
        if request.method == "GET" and self.has_permission(request):
            return see_other(safe_next(request, request.GET.get("next") or index))
        if super().has_permission(request) and not self.has_permission(request):
            return to_proof(request, page_to_prove(request))
        if request.user.is_authenticated:
            events.log_only("permission_denied", request.user.pk, request)
        elif request.method in ("GET", "HEAD") and (page := sign_in_page(request)):
            return see_other(with_next(page, own_page(request, request.GET.get("next") or index)))
        context = {
            **self.each_context(request),
            "title": _("Sign in"),
            "app_path": request.get_full_path(),
            "username": request.user.get_username(),
            **(extra_context or {}),
        }
        return cast(HttpResponse, AdminLoginView.as_view(extra_context=context, next_page=index)(request))

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Signing out needs no second factor: Django's check would leave the session open."""
        return csrf_protect(view) if view == self.logout else super().admin_view(view, cacheable)

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        response = super().logout(request, extra_context)
        clear_browser_after_sign_out(response)
        return response

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """The site's own page, which limits guesses; where there is none, the admin's after a step-up."""
        try:
            return see_other("password_change")
        except NoReverseMatch:
            return recently_confirmed()(super().password_change)(request, extra_context)

    def index(self, request: HttpRequest, extra_context: Any = None) -> Any:
        more = {"may_see_people": support.may_see_people(request.user), **(extra_context or {})}
        return super().index(request, more)

    def get_urls(self) -> list[URLResolver | URLPattern]:
        remind = what_for(TO_ADMINISTRATION)(self.admin_view(self.remind))
        urls = [
            path("two-factor/", self.admin_view(self.adoption), name="two_factor_adoption"),
            path("two-factor/locks/", self.admin_view(self.locks), name="two_factor_locks"),
            path("two-factor/remind/", remind, name="two_factor_remind"),
            path("two-factor/without.csv", self.admin_view(self.without), name="two_factor_without"),
        ]
        return [*urls, *super().get_urls()]

    def adoption(self, request: HttpRequest) -> HttpResponse:
        now = timezone.now()
        context = {
            **self.each_context(request),
            "title": _("Two-factor authentication"),
            "days": DAYS,
            "few": backup_codes.FEW_LEFT,
            "numbers": adoption.counts(now),
            "shares": adoption.shares(with_groups=request.user.has_perm("auth.view_group")),
            "may_require": request.user.has_perm("twofactor.add_rule"),
            "may_see_people": support.may_see_people(request.user),
            "may_remind": reminders.may_change_people(request.user),
            "in_two_weeks": timezone.localdate(now) + timedelta(days=14),
            "growth": chart.Chart(adoption.growth(now, DAYS)),
            "methods": chart.Chart(adoption.codes_by_method(now, DAYS)),
            "wrong": chart.Chart(adoption.events_per_day(now, DAYS, *REFUSALS)),
            "accepted": chart.Chart(adoption.events_per_day(now, DAYS, *FACTOR_ACCEPTED)),
        }
        return TemplateResponse(request, "twofactor/admin/adoption.html", context)

    def locks(self, request: HttpRequest) -> HttpResponse:
        """Who has to wait now, where wrong passwords and codes come from, and which limits are reached."""
        if not support.may_see_people(request.user):
            raise PermissionDenied
        now = timezone.now()
        context = {
            **self.each_context(request),
            "title": _("Locks and attacks"),
            "now": now,
            "locks": locks.all_locks(now),
            "most_locks": locks.MOST_LOCKS,
            "addresses": locks.tries_by_address(now),
            "warnings": locks.warnings_by_kind(now),
            "limits": locks.reached_limits(now),
            "may_help": reminders.may_change_people(request.user),
        }
        return TemplateResponse(request, "twofactor/admin/locks.html", context)

    @method_decorator(recently_confirmed(full_proof=True))
    def remind(self, request: HttpRequest) -> HttpResponse:
        """Shows whom the mail would go to and what it says; a POST sends it."""
        try:
            rule = adoption.rule_of_share(request.GET.get("scope", ""), request.GET.get("group", ""))
        except (ValueError, OverflowError, Group.DoesNotExist):
            raise Http404 from None
        sees_groups = rule.scope != Rule.Scope.GROUP or request.user.has_perm("auth.view_group")
        if not (reminders.may_change_people(request.user) and sees_groups):
            raise PermissionDenied
        now = timezone.now()
        if request.method == "POST":
            reminded = reminders.remind(rule, actor(request.user.pk), request, now)
            sentence = ngettext(
                "%(count)d person is reminded by email.", "%(count)d people are reminded by email.", reminded
            )
            messages.info(request, sentence % {"count": reminded})
            return see_other(reverse("admin:two_factor_adoption", current_app=self.name))
        context = {
            **self.each_context(request),
            "title": _("Remind of two-factor authentication"),
            "rule": rule,
            "without": reminders.people_without(rule).count(),
            "to_remind": reminders.people_to_remind(rule, now).count(),
            "days": REMINDERS.window.days,
            "mail": reminders.sample(request.user, now),
        }
        return TemplateResponse(request, "twofactor/admin/remind.html", context)

    def without(self, request: HttpRequest) -> HttpResponseBase:
        """A table of the people of a share who have no two-factor authentication."""
        if not support.may_see_people(request.user):
            raise PermissionDenied
        try:
            names = adoption.names_without(request.GET.get("scope", ""), request.GET.get("group", ""))
        except (ValueError, OverflowError, Group.DoesNotExist):
            raise Http404 from None
        response = StreamingHttpResponse(lines_of(names), content_type="text/csv; charset=utf-8")
        response.headers["Content-Disposition"] = 'attachment; filename="without-two-factor.csv"'
        return response


def sign_in_page(request: HttpRequest) -> str:
    """That of the site, which also takes passkeys; empty where there is none but the one asked for."""
    page = resolve_url(settings.LOGIN_URL)
    if path_of(page).partition("?")[0] == request.path:
        return ""
    if urlsplit(page).netloc:
        return page
    try:
        resolve(urlsplit(page).path)
    except Resolver404:
        return ""
    return page


def lines_of(names: Iterable[str]) -> Iterator[str]:
    """One quoted name a line. Spreadsheets would calculate what begins with one of these characters."""
    for name in names:
        safe = f"'{name}" if name.startswith(FORMULAS) else name
        yield '"' + safe.replace('"', '""') + '"\r\n'
