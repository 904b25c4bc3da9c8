"""What the ModelAdmin of the user model shows: checked by Django's admin with the rest of the class."""

from collections.abc import Iterator
from typing import Any

from django.contrib.admin.checks import ModelAdminChecks
from django.contrib.admin.utils import flatten, flatten_fieldsets
from django.core.checks import CheckMessage, Warning


class UserAdminChecks(ModelAdminChecks):
    def check(self, admin_obj: Any, **kwargs: Any) -> list[CheckMessage]:
        return [*super().check(admin_obj, **kwargs), *check_password_field(admin_obj)]


def check_password_field(admin_obj: Any) -> Iterator[CheckMessage]:
    if shows_hash(admin_obj):
        yield Warning(
            f"{type(admin_obj).__name__} shows the hash of the password.",
            hint='Put django.contrib.auth.admin.UserAdmin to the right of TwoFactorUserAdmin, or "password" '
            "into exclude.",
            obj=type(admin_obj),
            id="twofactor.W007",
        )


def shows_hash(admin_obj: Any) -> bool:
    """As text, or in an ordinary field? The form of Django's UserAdmin declares one that masks it."""
    meta = getattr(admin_obj.form, "_meta", None)  # ModelForm itself has none
    excluded = admin_obj.exclude or getattr(meta, "exclude", None) or ()
    is_safe = "password" in {*excluded, *admin_obj.form.declared_fields}
    return "password" in named_fields(admin_obj) and not is_safe


def named_fields(admin_obj: Any) -> list[str]:
    """In the order in which ModelAdmin looks for them; where nobody names any, all."""
    if admin_obj.fieldsets:
        return flatten_fieldsets(admin_obj.fieldsets)
    return flatten(admin_obj.fields) if admin_obj.fields else ["password"]
