from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.utils.translation import gettext_lazy as _


class AdminBehindTwoFactors(admin_apps.AdminConfig):
    """In INSTALLED_APPS in place of django.contrib.admin."""

    default = False
    default_site = "twofactor.adminsite.Site"


class TwoFactorConfig(AppConfig):
    default = True
    name = "twofactor"
    verbose_name = _("Two-factor sign-in")

    def ready(self) -> None:
        from twofactor import checks, signin  # noqa: F401 - registers the checks and the receiver
