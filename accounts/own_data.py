"""Everything that the site keeps about one person: their account, and what twofactor.own_data returns."""

from typing import Any

from django.contrib.auth.models import Permission
from django.utils.translation import gettext_lazy, pgettext_lazy

from accounts.models import KnownBrowser, User
from twofactor import own_data
from twofactor.own_data import Section

SHOWN = ("email", "name", "language", "date_joined", "last_login", "email_verified_at", "deletion_due_at")
IN_THE_FILE = ("unconfirmed_since", "security_epoch", "is_active", "is_staff", "is_superuser")


def what_is_kept(user: User) -> list[Section]:
    sections = [account_of(user), *own_data.what_is_kept(user)]
    browsers = KnownBrowser.objects.filter(user_id=user.pk).order_by("-expires_at")
    rows: list[Any] = list(browsers.values("expires_at", "last_try_at", "tries", "in_a_row"))
    if rows:
        labels = {
            "expires_at": pgettext_lazy("two-factor", "expires"),
            "tries": gettext_lazy("wrong passwords"),
        }
        title = gettext_lazy("Browsers you've signed in with")
        sections.append(Section("known_browsers", title, rows, labels))
    return sections


def account_of(user: User) -> Section:
    row: dict[str, Any] = {name: getattr(user, name) for name in (*SHOWN, *IN_THE_FILE)}
    row["groups"] = list(user.groups.values_list("name", flat=True))
    row["permissions"] = [permission.name for permission in Permission.objects.filter(user=user)]
    names = {field.name: field.verbose_name for field in User._meta.concrete_fields}
    labels = {name: names[name] for name in SHOWN} | {"last_login": gettext_lazy("last sign-in")}
    return Section("account", pgettext_lazy("two-factor", "Account"), [row], labels)
