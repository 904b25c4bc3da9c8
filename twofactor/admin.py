"""Pages of the admin to help users and to read the audit log. None of them shows a secret or a hash."""

from collections.abc import Callable
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, ClassVar
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import flatten_fieldsets
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce, Greatest
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.formats import date_format
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext, pgettext_lazy

from twofactor import devices, policy
from twofactor.activity import Row, list_rows, name_actors
from twofactor.adminsite import TO_ADMINISTRATION
from twofactor.checks.user_admin import UserAdminChecks
from twofactor.decorators import recently_confirmed, what_for
from twofactor.event_kinds import GROUPS, EventGroup
from twofactor.factors import backup_codes, enrolled, makers, sent_codes
from twofactor.forms import EmergencyCodeForm, EndDeviceForm, ReasonForm, RuleForm, ShortenForm
from twofactor.limits import guesses
from twofactor.models import (
    Authenticator,
    Event,
    GuessBudget,
    Passkey,
    Rule,
    TrustedBrowser,
    TwoFactor,
    actor,
)
from twofactor.operations import locks, rules, support
from twofactor.recovery import requests
from twofactor.users import TwoFactorUser
from twofactor.web import browser_names
from twofactor.web.redirects import see_other

__all__ = [
    "LockedFilter",
    "PhishingResistantFilter",
    "StepUpModelAdmin",
    "TwoFactorFilter",
    "TwoFactorUserAdmin",
]

STYLE = ["twofactor/countersign-admin.css"]
OWN_FIELDS = ("two_factor_state", "sign_in_help")  # on the page of a person


class TwoFactorFilter(admin.SimpleListFilter):
    title = gettext_lazy("two-factor authentication")
    parameter_name = "two_factor"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("on", pgettext("two-factor", "On")), ("off", pgettext("two-factor", "Off"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(two_factor__isnull=self.value() == "off") if self.value() else queryset


class PhishingResistantFilter(admin.SimpleListFilter):
    """Who has a passkey or security key that works. They may have codes beside it."""

    title = gettext_lazy("phishing-resistant factor")
    parameter_name = "phishing_resistant"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", pgettext("two-factor", "Yes")), ("no", pgettext("two-factor", "No"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        has_one = Exists(Passkey.objects.filter(user_id=OuterRef("pk"), suspected_at=None))
        return queryset.filter(has_one if self.value() == "yes" else ~has_one)


class LockedFilter(admin.SimpleListFilter):
    title = pgettext_lazy("two-factor", "locked")
    parameter_name = "locked"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("now", _("Locked now"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        return queryset.filter(guess_budget__in=guesses.locked_now(timezone.now()))


class EventGroupFilter(admin.SimpleListFilter):
    title = pgettext_lazy("two-factor", "what")
    parameter_name = "group"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return EventGroup.choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        group = self.value()
        return queryset.filter(kind__in=GROUPS[group]) if group in GROUPS else queryset


# A thief who added an app recently must not reset two-factor authentication, or give a new address, here.
fully_confirmed = recently_confirmed(full_proof=True)


@method_decorator(fully_confirmed, name="changeform_view")
@method_decorator(fully_confirmed, name="delete_view")
class StepUpModelAdmin(admin.ModelAdmin):
    """Adding, changing and deleting need a step-up, because a new address can receive a password reset."""

    what_for = TO_ADMINISTRATION

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Sending a list with fields in it (list_editable) is changing."""
        inherited: Callable[..., HttpResponse] = super().changelist_view
        changes = request.method == "POST" and self.list_editable
        return (fully_confirmed(inherited) if changes else inherited)(request, extra_context)

    def get_actions(self, request: HttpRequest, action_location: Any = None) -> Any:
        """Without the bulk deletion, which needs no step-up."""
        more = {"action_location": action_location} if action_location else {}  # from Django 6.1 on
        actions = super().get_actions(request, **more)
        return {name: action for name, action in actions.items() if name != "delete_selected"}

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save only what the form changed: another column, such as the password, may be newer by now."""
        if not change:
            return super().save_model(request, obj, form, change)
        changed = [
            field.name
            for field in obj._meta.concrete_fields
            if field.name in form.changed_data or getattr(field, "auto_now", False)
        ]
        obj.save(update_fields=changed)


class TwoFactorUserAdmin(StepUpModelAdmin):
    """Inherit the ModelAdmin of your user model from this: adds columns, and a page to help the user.

    Left of Django's UserAdmin, if you inherit from both.
    """

    checks_class = UserAdminChecks

    class Media:
        css: ClassVar = {"all": STYLE}

    def get_list_display(self, request: HttpRequest) -> Any:
        """Django would take "two_factor" for the relation of that name, and show its row."""
        listed = with_missing(super().get_list_display(request), "two_factor", "factor_last_used")
        return ["two_factor_in_words" if name == "two_factor" else name for name in listed]

    def get_list_filter(self, request: HttpRequest) -> Any:
        return with_missing(super().get_list_filter(request), TwoFactorFilter, PhishingResistantFilter)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The links only for someone whom this person may help: they lead others nowhere."""
        fields = super().get_readonly_fields(request, obj)
        if obj is None:
            return fields
        may_help = self.has_change_permission(request, obj)
        return with_missing(fields, "two_factor_state", *(["sign_in_help"] if may_help else []))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """With the state and the links on top, unless the site has put them elsewhere."""
        fieldsets = super().get_fieldsets(request, obj)
        readonly, shown = self.get_readonly_fields(request, obj), flatten_fieldsets(fieldsets)
        own = [name for name in OWN_FIELDS if name in readonly and name not in shown]
        return [(None, {"fields": own}), *fieldsets] if own else fieldsets

    @admin.display(description=gettext_lazy("two-factor authentication"))
    def two_factor_state(self, user: TwoFactorUser) -> str:
        return render_to_string("twofactor/admin/_state.html", state_of(user, timezone.now()))

    @admin.display(description=pgettext_lazy("two-factor", "Signing in"))
    def sign_in_help(self, user: TwoFactorUser) -> str:
        parts = [
            ("", _("Help with signing in")),
            ("#requirement", pgettext("two-factor", "Requirement")),
            ("#devices", _("Devices")),
            ("#activity", _("Recent activity")),
        ]
        links = [(f"{self.help_url(user)}{part}", name) for part, name in parts]
        return format_html_join(" · ", '<a href="{}">{}</a>', links)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        by_code, by_passkey = last_use_of(Authenticator), last_use_of(Passkey)
        # On SQLite, the greatest of NULL and a time is NULL.
        last_used = Greatest(Coalesce(by_code, by_passkey), Coalesce(by_passkey, by_code))
        people = super().get_queryset(request).select_related("two_factor")
        with_last_used: QuerySet[Any] = people.annotate(factor_last_used_at=last_used)
        return with_last_used

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or support.may_help(request.user, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = super().has_delete_permission(request, obj)
        return allowed and (obj is None or support.may_help(request.user, obj))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Trusted browsers are deleted with their user, although nobody has the permission to delete one."""
        tree, counts, perms_needed, protected = super().get_deleted_objects(objs, request)
        return tree, counts, perms_needed - {str(TrustedBrowser._meta.verbose_name)}, protected

    @admin.display(description=pgettext_lazy("two-factor", "two-factor"), ordering="two_factor__enabled_at")
    def two_factor_in_words(self, user: TwoFactorUser) -> str:
        """A cross would say that something is wrong."""
        return pgettext("two-factor", "On") if hasattr(user, "two_factor") else pgettext("two-factor", "Off")

    @admin.display(
        description=gettext_lazy("factor last used"), ordering="factor_last_used_at", empty_value="–"
    )
    def factor_last_used(self, user: Any) -> Any:
        """The day: with the time, the list would not fit."""
        used = user.factor_last_used_at
        return used and date_format(timezone.localtime(used), "DATE_FORMAT")

    def user_change_password(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Needs a step-up as well, if this class stands left of Django's UserAdmin."""
        inherited: Callable[..., HttpResponse] = super().user_change_password  # type: ignore[misc]
        return fully_confirmed(inherited)(request, *args, **kwargs)

    def get_urls(self) -> list[URLPattern]:
        views = [
            ("", self.help_page, "help"),
            ("reset/", self.reset, "reset"),
            ("emergency-code/", self.emergency_code, "emergency_code"),
            ("end-device/", self.end_device, "end_device"),
            ("end-sessions/", self.end_sessions, "end_sessions"),
            ("refuse-recovery/", self.refuse_recovery, "refuse_recovery"),
            ("shorten-recovery/", self.shorten_recovery, "shorten_recovery"),
            ("require/", self.require, "require"),
            ("release/", self.release, "release"),
        ]
        urls = [
            path(f"<path:object_id>/two-factor/{route}", self.support_view(view), name=f"two_factor_{name}")
            for route, view, name in views
        ]
        return urls + super().get_urls()

    def support_view(self, view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        """Require a step-up and the permission to change this user, then call the view with the user."""

        @what_for(TO_ADMINISTRATION)
        @fully_confirmed
        def guarded(request: HttpRequest, object_id: str) -> HttpResponse:
            user = self.get_object(request, object_id)
            if user is None or not self.has_change_permission(request, user):
                raise PermissionDenied
            if view != self.help_page and request.method != "POST":
                return self.redirect_to_help(user)
            return view(request, user)

        return self.admin_site.admin_view(guarded)

    def redirect_to_help(self, user: TwoFactorUser) -> HttpResponse:
        return see_other(self.help_url(user))

    def help_url(self, user: TwoFactorUser) -> str:
        return reverse("admin:two_factor_help", args=[user.pk], current_app=self.admin_site.name)

    def help_page(
        self, request: HttpRequest, user: TwoFactorUser, status: int = 200, **context: Any
    ) -> HttpResponse:
        listed = devices.list_devices(user, timezone.now())
        defaults = {
            **self.admin_site.each_context(request),
            "title": _("Help with signing in"),
            "opts": self.opts,
            "person": user,
            "two_factor": TwoFactor.objects.filter(pk=user.pk).first(),
            "is_on": enrolled.is_on(user),
            "apps": enrolled.apps_of(user),
            "passkeys": [(each, maker_of(each)) for each in enrolled.passkeys_of(user)],
            "shut_until": sent_codes.shut_until(user),
            "codes_left": backup_codes.count_unused(user),
            "lock": guesses.lock_of(GuessBudget.objects.filter(pk=user.pk).first(), user, timezone.now()),
            "last_guess": guesses.LAST_GUESS,
            "password_locks": locks.password_locks_of(user, timezone.now()),
            "activity": recent_activity(user),
            "reset_form": ReasonForm(prefix="reset"),
            "code_form": EmergencyCodeForm(prefix="code"),
            "devices": listed,
            "device_form": EndDeviceForm(prefix="device", listed=listed),
            "sessions_form": ReasonForm(prefix="sessions"),
            "recovery": requests.find(user.pk, timezone.now()),
            "recovery_shut_for": requests.SHUT_FOR,
            "refuse_form": ReasonForm(prefix="refuse"),
            "shorten_form": ShortenForm(prefix="shorten"),
            "who_requires_it": policy.who_requires_it(user, timezone.now()),
            "required_from": policy.deadline(user),
            "passkey_required_from": policy.passkey_deadline(user),
            "own_rule": rules.rule_of(user),
            "may_require": request.user.has_perm("twofactor.add_rule"),
            "may_release": request.user.has_perm("twofactor.delete_rule"),
            "require_form": ReasonForm(prefix="require"),
            "release_form": ReasonForm(prefix="release"),
        }
        request.current_app = self.admin_site.name  # read by {% url %}
        return TemplateResponse(request, "twofactor/admin/help.html", defaults | context, status=status)

    def reset(self, request: HttpRequest, user: TwoFactorUser) -> HttpResponse:
        form = ReasonForm(request.POST, prefix="reset")
        if not form.is_valid():
            return self.help_page(request, user, status=422, reset_form=form)
        try:
            support.reset(user, form.cleaned_data["reason"], actor(request.user.pk), request)
        except support.NothingToDo:
            messages.warning(request, _("This person doesn't have two-factor authentication."))
        else:
            messages.success(request, _("Two-factor authentication is off, and all sessions have ended."))
        return self.redirect_to_help(user)

    def emergency_code(self, request: HttpRequest, user: TwoFactorUser) -> HttpResponse:
        """Renders the page instead of a redirect, because the code is shown in this response only."""
        form = EmergencyCodeForm(request.POST, prefix="code")
        if not form.is_valid():
            return self.help_page(request, user, status=422, code_form=form)
        valid_for = timedelta(hours=form.cleaned_data["hours"])
        by = actor(request.user.pk)
        try:
            code = support.make_emergency_code(
                user, form.cleaned_data["reason"], by, request, timezone.now(), valid_for
            )
        except support.NothingToDo:
            messages.warning(request, _("This person doesn't have two-factor authentication."))
            return self.redirect_to_help(user)
        except support.NeedsNewPassword:
            messages.error(request, _("Codes are blocked until this person chooses a new password."))
            return self.redirect_to_help(user)
        return self.help_page(request, user, code=code, hours=form.cleaned_data["hours"])

    def end_device(self, request: HttpRequest, user: TwoFactorUser) -> HttpResponse:
        listed = devices.list_devices(user, timezone.now())
        form = EndDeviceForm(request.POST, prefix="device", listed=listed)
        if not form.is_valid():
            return self.help_page(request, user, status=422, device_form=form)
        chosen = next(device for device in listed if str(device.device_id) == form.cleaned_data["device"])
        try:
            support.end_device(user, chosen, form.cleaned_data["reason"], actor(request.user.pk), request)
        except devices.AlreadyEnded:
            messages.warning(request, _("That device is signed out already. Choose another."))
        else:
            messages.success(request, _("The device is signed out."))
        return self.redirect_to_help(user)

    def end_sessions(self, request: HttpRequest, user: TwoFactorUser) -> HttpResponse:
        form = ReasonForm(request.POST, prefix="sessions")
        if not form.is_valid():
            return self.help_page(request, user, status=422, sessions_form=form)
        support.end_sessions(user, form.cleaned_data["reason"], actor(request.user.pk), request)
        messages.success(request, _("All of this person's sessions have ended."))
        return self.redirect_to_help(user)

    def refuse_recovery(self, request: HttpRequest, user: TwoFactorUser) -> HttpResponse:
        form = ReasonForm(request.POST, prefix="refuse")
        if not form.is_valid():
            return self.help_page(request, user, status=422, refuse_form=form)
        try:
            support.refuse_recovery(user, form.cleaned_data["reason"], actor(request.user.pk), request)
        except support.NothingToDo:
            messages.warning(request, _("No recovery is running for this person."))
        else:
            messages.success(request, _("The recovery is refused."))
        return self.redirect_to_help(user)

    def shorten_recovery(self, request: HttpRequest, user: TwoFactorUser) -> HttpResponse:
        form = ShortenForm(request.POST, prefix="shorten")
        if not form.is_valid():
            return self.help_page(request, user, status=422, shorten_form=form)
        reason, hours = form.cleaned_data["reason"], form.cleaned_data["hours"]
        try:
            support.shorten_recovery(user, hours, reason, actor(request.user.pk), request)
        except support.NothingToDo:
            messages.warning(request, _("That wouldn't shorten the wait."))
        else:
            messages.success(request, _("The wait is shorter now."))
        return self.redirect_to_help(user)

    def require(self, request: HttpRequest, user: TwoFactorUser) -> HttpResponse:
        """From today. At their next page, someone without a factor is led to the setup."""
        if not request.user.has_perm("twofactor.add_rule"):
            raise PermissionDenied
        form = ReasonForm(request.POST, prefix="require")
        if not form.is_valid():
            return self.help_page(request, user, status=422, require_form=form)
        try:
            rules.require(user, actor(request.user.pk), request, timezone.now(), **form.cleaned_data)
        except support.NothingToDo:
            messages.warning(request, _("This person needs two-factor authentication already."))
        except rules.LocksOut:
            messages.error(request, rules.LOCKS_OUT)
        else:
            messages.success(request, _("This person needs two-factor authentication from now on."))
            rules.tell_soon()
        return self.redirect_to_help(user)

    def release(self, request: HttpRequest, user: TwoFactorUser) -> HttpResponse:
        if not request.user.has_perm("twofactor.delete_rule"):
            raise PermissionDenied
        form = ReasonForm(request.POST, prefix="release")
        if not form.is_valid():
            return self.help_page(request, user, status=422, release_form=form)
        try:
            rules.release(user, actor(request.user.pk), request, **form.cleaned_data)
        except support.NothingToDo:
            messages.warning(request, _("There is no rule for this person alone."))
        else:
            messages.success(request, _("There is no longer a rule for this person alone."))
        return self.redirect_to_help(user)


def state_of(user: TwoFactorUser, now: datetime) -> dict[str, Any]:
    """What support sees first of a person."""
    return {
        "is_on": enrolled.is_on(user),
        "since": TwoFactor.objects.filter(pk=user.pk).values_list("enabled_at", flat=True).first(),
        "factors": [factor.name for factor in enrolled.factors_of(user)],
        "codes_left": backup_codes.count_unused(user),
        "locks": locks.locks_of(user, now),
        "required_from": policy.deadline(user),
        "rules": [name_of(rule) for _ends, rule in sorted(policy.deadlines(user), key=itemgetter(0))],
    }


def name_of(rule: Rule | None) -> str:
    """For whom it is, as support reads it. None stands for the setting."""
    if rule is None:
        return _("Setting of this site")
    return rule.get_scope_display() if rule.scope == Rule.Scope.PERSON else rule.whom


def last_use_of(factors: type[Authenticator] | type[Passkey]) -> Subquery:
    used = factors._default_manager.filter(user_id=OuterRef("pk")).exclude(last_used_at=None)
    return Subquery(used.order_by("-last_used_at").values("last_used_at")[:1])


def maker_of(passkey: Passkey) -> str:
    """As the browser claims it; often empty."""
    return makers.name_of(str(passkey.aaguid)) if passkey.aaguid else ""


def with_missing(listed: Any, *names: Any) -> list[Any]:
    return [*listed, *(name for name in names if name not in listed)]


def recent_activity(user: TwoFactorUser) -> list[Row]:
    rows = list_rows(user.pk, 10).rows
    name_actors([row.event for row in rows])
    return rows


class ReadOnlyModelAdmin(admin.ModelAdmin):
    class Media:
        css: ClassVar = {"all": STYLE}

    list_select_related = ("user",)
    search_fields = (f"user__{get_user_model().USERNAME_FIELD}",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Event)
class EventAdmin(ReadOnlyModelAdmin):
    list_display = ("at", "what", "user", "where", "details")
    empty_value_display = ""
    list_filter = (EventGroupFilter, "at")
    fields = ("at", "what", "user", "ip_address", "browser", "details")
    date_hierarchy = "at"
    show_full_result_count = False  # it would count the whole audit log for each page

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        changelist = super().get_changelist_instance(request)
        name_actors(changelist.result_list)
        return changelist

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Event | None:
        event: Event | None = super().get_object(request, object_id, from_field)
        name_actors([event] if event else [])
        return event

    @admin.display(description=pgettext_lazy("two-factor", "what"), ordering="kind")
    def what(self, event: Event) -> str:
        return event.get_kind_display()

    @admin.display(description=pgettext_lazy("two-factor", "where"))
    def where(self, event: Event) -> str:
        return " · ".join(filter(None, [event.ip_address, browser_names.name_of(event.browser)]))

    @admin.display(description=pgettext_lazy("two-factor", "details"))
    def details(self, event: Event) -> str:
        return event.details


@admin.register(TrustedBrowser)
class TrustedBrowserAdmin(ReadOnlyModelAdmin):
    list_display = ("user", "browser", "ip_address", "began_at", "last_used_at", "trusted_until")
    fields = list_display

    @admin.display(description=pgettext_lazy("two-factor", "trusted until"), ordering="expires_at")
    def trusted_until(self, browser: TrustedBrowser) -> datetime:
        return devices.trusted_until(browser.began_at, browser.expires_at)


@admin.register(Rule)
class RuleAdmin(StepUpModelAdmin):
    """A rule is saved from a page that shows whom it would hold."""

    class Media:
        css: ClassVar = {"all": STYLE}

    form = RuleForm
    list_display = ("whom", "factor", "starts_on", "grace_days")
    list_display_links = ("whom",)
    list_select_related = ("group", "user")
    raw_id_fields = ("user",)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Django shows the name of whatever id stands in the field, also to those who may not see people."""
        field: Any = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "user" and not support.may_see_people(request.user):
            field.widget = forms.NumberInput()
        return field

    @admin.display(description=pgettext_lazy("two-factor", "for"), ordering="scope")
    def whom(self, rule: Rule) -> str:
        return rule.whom

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.helper = request.user
        return form

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"starts_on": timezone.localdate(), **super().get_changeform_initial_data(request)}

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or rules.may_write(request.user, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = super().has_delete_permission(request, obj)
        return allowed and (obj is None or rules.may_write(request.user, obj))

    @method_decorator(fully_confirmed)
    def changeform_view(self, request: HttpRequest, object_id: Any = None, *args: Any, **kwargs: Any) -> Any:
        is_first = request.method == "POST" and "_previewed" not in request.POST
        if is_first and (shown := self.preview(request, object_id)):
            return shown
        response = super().changeform_view(request, object_id, *args, **kwargs)
        if request.method == "POST" and response.status_code == 302:
            self.tell(request)
        return response

    def preview(self, request: HttpRequest, object_id: Any) -> HttpResponse | None:
        """None if Django's own view has an error to show."""
        rule = self.get_object(request, object_id) if object_id else None
        allowed = self.has_change_permission(request, rule) if rule else self.has_add_permission(request)
        form = self.get_form(request, rule, change=rule is not None)(request.POST, instance=rule)
        if not allowed or (object_id and rule is None) or not form.is_valid():
            return None
        entered = {name: request.POST.get(name, "") for name in form.fields}
        context = {
            **self.admin_site.each_context(request),
            "title": _("Check this rule"),
            "opts": self.opts,
            "rule": form.instance,
            "preview": form.preview,
            "entered": entered.items(),
            "back": "" if rule else f"?{urlencode(entered)}",
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "twofactor/admin/rule_preview.html", context)

    def tell(self, request: HttpRequest) -> None:
        if told := rules.tell_soon():
            sentence = ngettext(
                "%(count)d person is told by email.", "%(count)d people are told by email.", told
            )
            messages.info(request, sentence % {"count": told})

    def save_model(self, request: HttpRequest, obj: Rule, form: Any, change: bool) -> None:
        rules.write(obj, actor(request.user.pk), request)

    def delete_model(self, request: HttpRequest, obj: Rule) -> None:
        rules.remove(obj, actor(request.user.pk), request)
