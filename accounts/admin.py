"""The administration of users and groups. Only superusers give permissions."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import deletion
from accounts.models import User
from twofactor import events
from twofactor.admin import (
    LockedFilter,
    PhishingResistantFilter,
    StepUpModelAdmin,
    TwoFactorFilter,
    TwoFactorUserAdmin,
    fully_confirmed,
)
from twofactor.adminsite import TO_ADMINISTRATION
from twofactor.decorators import what_for
from twofactor.forms import ReasonForm
from twofactor.models import actor
from twofactor.operations import support
from twofactor.web.redirects import see_other

PERMISSION_FIELDS = ("is_staff", "is_superuser", "groups", "user_permissions")


class DeletionFilter(admin.SimpleListFilter):
    title = gettext_lazy("deletion")
    parameter_name = "deletion"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("waiting", _("Waiting to be deleted"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(deletion_due_at__isnull=False) if self.value() else queryset


@admin.register(User)
class UserAdmin(TwoFactorUserAdmin):
    """Has no password fields: a new person chooses a password with "Forgot your password?"."""

    ordering = ("email",)
    list_display = ("email", "two_factor", "role", "name", "factor_last_used")
    list_filter = (
        TwoFactorFilter,
        PhishingResistantFilter,
        LockedFilter,
        DeletionFilter,
        "is_active",
        "is_staff",
        "is_superuser",
    )
    search_fields = ("email", "name")
    filter_horizontal = ("groups", "user_permissions")
    readonly_fields = ("email_verified_at", "last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("email", "name", "language")}),
        (gettext_lazy("Permissions"), {"fields": ("is_active", *PERMISSION_FIELDS)}),
        (gettext_lazy("Dates"), {"fields": ("email_verified_at", "last_login", "date_joined")}),
    )

    @admin.display(description=gettext_lazy("role"))
    def role(self, user: User) -> str:
        """In words, as two columns of ticks and crosses would not be read."""
        if not user.is_active:
            return _("Inactive")
        if user.is_superuser:
            return _("Superuser")
        return _("Staff") if user.is_staff else ""

    def get_list_display(self, request: HttpRequest) -> Any:
        """With the day, in the list of those who wait."""
        columns = super().get_list_display(request)
        if DeletionFilter.parameter_name not in request.GET:
            return columns
        return [columns[0], "deletion_due_at", *columns[1:]]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or obj.deletion_due_at is None:
            return fieldsets
        may_stop = self.has_change_permission(request, obj)
        fields = ["waits_for_deletion" if may_stop else "deletion_due_at"]
        return [*fieldsets[:1], (gettext_lazy("Deletion"), {"fields": fields}), *fieldsets[1:]]

    @admin.display(description=gettext_lazy("to be deleted on"))
    def waits_for_deletion(self, user: User) -> str:
        day = date_format(user.deletion_due_at, "DATE_FORMAT") if user.deletion_due_at else ""
        return format_html('{} · <a href="{}">{}</a>', day, self.keep_url(user), _("Stop the deletion"))

    def keep_url(self, user: User) -> str:
        return reverse("admin:accounts_user_keep", args=[user.pk], current_app=self.admin_site.name)

    def get_urls(self) -> list[URLPattern]:
        view: Callable[..., HttpResponse] = what_for(TO_ADMINISTRATION)(fully_confirmed(self.keep))
        keep = path("<path:object_id>/keep/", self.admin_site.admin_view(view), name="accounts_user_keep")
        return [keep, *super().get_urls()]

    def keep(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Stops the deletion of the account, for a reason that support gives."""
        user = self.get_object(request, object_id)
        if user is None or not self.has_change_permission(request, user):
            raise PermissionDenied
        to = reverse("admin:accounts_user_change", args=[user.pk], current_app=self.admin_site.name)
        form = ReasonForm(request.POST or None)
        if form.is_valid():
            if deletion.stop(user, request, reason=form.cleaned_data["reason"], by=actor(request.user.pk)):
                messages.success(request, _("This account will not be deleted. The person is told by email."))
            return see_other(to)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Stop the deletion"),
            "opts": self.opts,
            "person": user,
            "form": form,
            "to": to,
        }
        request.current_app = self.admin_site.name  # read by {% url %}
        status = 422 if form.errors else 200
        return TemplateResponse(request, "accounts/admin/keep.html", context, status=status)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Only superusers give permissions, and only they activate or deactivate people who have any."""
        fields = [*super().get_readonly_fields(request, obj), "waits_for_deletion", "deletion_due_at"]
        if request.user.is_superuser:
            return fields
        has_permissions = obj is not None and (obj.is_staff or support.permissions_if_active(obj))
        return (*fields, *PERMISSION_FIELDS, *(["is_active"] if has_permissions else []))

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        address_changed = change and "email" in form.changed_data
        if not change:
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)
        if address_changed:  # the new address is not confirmed
            obj.email_verified_at = None
            obj.save(update_fields=["email_verified_at"])
            by, old = actor(request.user.pk), form.initial["email"]
            events.record("address_changed", obj, request, also_to=[old], by=by)


admin.site.unregister(Group)


@admin.register(Group)
class StepUpGroupAdmin(StepUpModelAdmin, GroupAdmin):
    """For superusers: staff who change a group give permissions to its members, perhaps to themselves."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser
