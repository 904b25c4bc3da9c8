"""What django-hijack is told where it is installed, so that support acts for people without their factors.

Its session is that of a person who cannot be asked for their code (signin/session.py).
"""

from typing import Any

from django.http import HttpRequest

from twofactor import events
from twofactor.models import actor
from twofactor.signin.session import remember_actor, replace_last_login


def connect_hijack() -> None:
    from hijack.signals import hijack_ended, hijack_started

    hijack_started.connect(record_impersonation, dispatch_uid="twofactor.record_impersonation")
    for signal in (hijack_started, hijack_ended):
        signal.connect(put_back_last_login, dispatch_uid="twofactor.put_back_last_login")


def record_impersonation(
    sender: Any, request: HttpRequest, hijacker: Any, hijacked: Any, **kwargs: Any
) -> None:
    """By the first one, where someone acts for a person who acts for another."""
    remember_actor(request, hijacker)
    events.record("impersonated", hijacked, request, by=actor(request.session["hijack_history"][0]))


def put_back_last_login(sender: Any, **kwargs: Any) -> None:
    """django-hijack takes a receiver away for a moment, and then puts Django's in the place of ours."""
    replace_last_login()
