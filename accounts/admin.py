"""The administration of users and groups. Only superusers give permissions."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from twofactor import events
from twofactor.admin import (
    LockedFilter,
    PhishingResistantFilter,
    StepUpModelAdmin,
    TwoFactorFilter,
    TwoFactorUserAdmin,
)
from twofactor.models import actor
from twofactor.operations import support

PERMISSION_FIELDS = ("is_staff", "is_superuser", "groups", "user_permissions")


@admin.register(User)
class UserAdmin(TwoFactorUserAdmin):
    """Has no password fields: a new person chooses a password with "Forgot your password?"."""

    ordering = ("email",)
    list_display = ("email", "two_factor", "factor_last_used", "name", "is_active", "is_staff", "last_login")
    list_filter = (
        TwoFactorFilter,
        PhishingResistantFilter,
        LockedFilter,
        "is_active",
        "is_staff",
        "is_superuser",
    )
    search_fields = ("email", "name")
    filter_horizontal = ("groups", "user_permissions")
    readonly_fields = ("email_verified_at", "last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("email", "name", "language")}),
        (_("Permissions"), {"fields": ("is_active", *PERMISSION_FIELDS)}),
        (_("Dates"), {"fields": ("email_verified_at", "last_login", "date_joined")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Only superusers give permissions, and only they activate or deactivate people who have any."""
        fields = super().get_readonly_fields(request, obj)
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
