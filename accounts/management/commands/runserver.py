from typing import Any

from django.conf import settings
from django.core.management.commands import runserver


class Command(runserver.Command):
    """Says where the site is, once it answers, in place of Django's banner. WhiteNoise serves files."""

    def on_bind(self, server_port: Any) -> None:
        self.stdout.write(f"\n  {settings.TWOFACTOR_SITE_NAME} is at   {settings.TWOFACTOR_BASE_URL}/")
        self.stdout.write(f"  Its emails appear at {settings.TWOFACTOR_BASE_URL}/mailbox/\n\n")
