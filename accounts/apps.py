from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("People")

    def ready(self) -> None:
        # lockout registers its receiver before Django's, which sets last_login; reset its letter.
        from accounts import lockout, reset  # noqa: F401
