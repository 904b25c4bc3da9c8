"""For sites that use django-hijack: apps.py imports this where it is installed.

Its session is that of a person who cannot be asked for their code (signin/session.py).
"""

from typing import Any

from django.dispatch import receiver
from django.http import HttpRequest
from hijack.signals import hijack_ended, hijack_started

from twofactor import events
from twofactor.models import actor
from twofactor.signin.session import replace_last_login


@receiver(hijack_started, dispatch_uid="twofactor.record_impersonation")
def record_impersonation(sender: Any, request: HttpRequest, hijacked: Any, **kwargs: Any) -> None:
    """By the first one, where somebody acts for a person who acts for another."""
    events.record("impersonated", hijacked, request, by=actor(request.session["hijack_history"][0]))


@receiver([hijack_started, hijack_ended], dispatch_uid="twofactor.last_login_after_hijack")
def last_login_after_hijack(sender: Any, **kwargs: Any) -> None:
    """django-hijack takes away Django's receiver for a moment, and puts it back in the place of ours."""
    replace_last_login()
