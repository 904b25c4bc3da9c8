"""The app configuration of accounts."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("People")

    def ready(self) -> None:
        # To register receivers, mails and what others call. One reads last_login before Django sets it.
        from accounts import deletion, known_browsers, lockout, password_locks, reset_mail  # noqa: F401
