"""The one verb for anything worth remembering: it writes the row, and after the commit signals and logs."""

import logging
from functools import partial
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.dispatch import Signal
from django.http import HttpRequest
from django.utils import timezone

from twofactor import signals
from twofactor.models import Event

log = logging.getLogger("countersign.security")

# Every kind of event, and the signal that tells it to the site.
KINDS: dict[str, Signal | None] = {
    "two_factor_enabled": signals.two_factor_enabled,
    "authenticator_replaced": signals.two_factor_enabled,
    "two_factor_disabled": signals.two_factor_disabled,
    "backup_codes_regenerated": signals.backup_codes_regenerated,
    "second_factor_accepted": signals.second_factor_accepted,
    "second_factor_refused": signals.second_factor_refused,
    "code_replayed": signals.second_factor_refused,
    "second_factor_locked": signals.second_factor_refused,
    "signed_in_without_second_factor": signals.signed_in_without_second_factor,
    "confirmed": None,
}


def record(kind: str, user: AbstractBaseUser, request: HttpRequest, **detail: str) -> None:
    Event.objects.create(
        user_id=user.pk,
        kind=kind,
        at=timezone.now(),
        ip_address=request.META.get("REMOTE_ADDR") or None,
        browser=request.headers.get("User-Agent", "")[:200],
        detail=detail,
    )
    transaction.on_commit(partial(tell, kind, user, request, detail))


def tell(kind: str, user: AbstractBaseUser, request: HttpRequest, detail: dict[str, Any]) -> None:
    log.info("%s user=%s ip=%s %s", kind, user.pk, request.META.get("REMOTE_ADDR"), detail)
    signal = KINDS[kind]
    if signal is not None:
        signal.send_robust(Event, user=user, request=request, detail=detail)
