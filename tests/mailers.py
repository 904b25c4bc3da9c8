"""Settings for mail in a test, under the names that the running Django has."""

from typing import Any

import django

from config.environment import mail_settings


def send_mail_with(settings: Any, backend: str, **options: Any) -> None:
    for name, value in mail_settings(backend, **options).items():
        setattr(settings, name, value)


def send_mail_by(settings: Any, backend: str) -> None:
    """Send mail through a site's own backend."""
    if django.VERSION >= (6, 1):
        settings.MAILERS = {"default": {"BACKEND": backend}}
    else:
        settings.EMAIL_BACKEND = backend


def send_mail_to_nobody(settings: Any) -> None:
    """Send mail to a port where nobody listens."""
    send_mail_with(settings, "smtp", host="127.0.0.1", port=1)


# Lines for the settings of another project, whose mail goes nowhere.
NO_MAIL = "\n".join(f"{name} = {value!r}" for name, value in mail_settings("dummy").items())
