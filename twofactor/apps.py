"""The app configurations: for INSTALLED_APPS, and for the admin site with two-factor authentication."""

from django.apps import AppConfig, apps
from django.contrib.admin import apps as admin_apps
from django.contrib.auth import get_user_model
from django.core.signals import request_started
from django.db.models.signals import pre_save
from django.utils.translation import gettext_lazy as _

__all__ = ["TwoFactorAdminConfig", "TwoFactorConfig"]


class TwoFactorAdminConfig(admin_apps.AdminConfig):
    """In INSTALLED_APPS in place of django.contrib.admin."""

    default = False
    default_site = "twofactor.adminsite.TwoFactorAdminSite"


class TwoFactorConfig(AppConfig):
    default = True
    name = "twofactor"
    verbose_name = _("Two-factor authentication")

    def ready(self) -> None:
        # Registers the checks, the receivers and the letters.
        from twofactor import checks  # noqa: F401
        from twofactor.outgoing import outbox
        from twofactor.recovery import requests  # noqa: F401
        from twofactor.sessions.credential_digests import keep_digests
        from twofactor.signin.session import replace_last_login

        pre_save.connect(keep_digests, get_user_model(), dispatch_uid="twofactor.keep_digests")
        replace_last_login()
        if apps.is_installed("hijack"):
            from twofactor.impersonation import connect_hijack

            connect_hijack()
        if apps.is_installed("allauth.account"):
            from twofactor.contrib import allauth

            allauth.connect()
        request_started.connect(outbox.start, dispatch_uid="twofactor.outbox.start")
