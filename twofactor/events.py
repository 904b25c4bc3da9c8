"""The one verb for anything worth remembering.

It writes the row; once that is committed it tells the site (signal), the log (line) and the person (mail).
"""

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.dispatch import Signal
from django.http import HttpRequest
from django.utils import timezone

from twofactor import budget, mail, signals, standing
from twofactor.models import Event

log = logging.getLogger("countersign.security")


@dataclass(frozen=True)
class Audience:
    """Who hears of an event, besides the audit log."""

    signal: Signal | None = None
    mail: bool = False
    mail_once_in: timedelta | None = None  # for what an attacker could repeat


MAIL = Audience(mail=True)
SUSPICIOUS = Audience(mail=True, mail_once_in=timedelta(hours=24))
AUDIENCES = {
    Event.Kind.TWO_FACTOR_ENABLED: Audience(signals.two_factor_enabled, mail=True),
    Event.Kind.AUTHENTICATOR_REPLACED: Audience(signals.two_factor_enabled, mail=True),
    Event.Kind.TWO_FACTOR_DISABLED: Audience(signals.two_factor_disabled, mail=True),
    Event.Kind.BACKUP_CODES_REGENERATED: Audience(signals.backup_codes_regenerated, mail=True),
    Event.Kind.SECOND_FACTOR_ACCEPTED: Audience(signals.second_factor_accepted),
    Event.Kind.SECOND_FACTOR_REFUSED: Audience(signals.second_factor_refused),
    Event.Kind.SECOND_FACTOR_LOCKED: Audience(signals.second_factor_refused),
    Event.Kind.CODE_REPLAYED: Audience(signals.second_factor_refused),
    Event.Kind.SIGNED_IN_WITHOUT_SECOND_FACTOR: Audience(signals.signed_in_without_second_factor),
    Event.Kind.WRONG_CODES: SUSPICIOUS,
    Event.Kind.RIGHT_AFTER_WRONG: SUSPICIOUS,
    Event.Kind.REPLAYED_ELSEWHERE: SUSPICIOUS,
    Event.Kind.NEW_BROWSER: SUSPICIOUS,
    Event.Kind.TOKEN_REUSED: SUSPICIOUS,
    Event.Kind.BACKUP_CODE_USED: MAIL,
    Event.Kind.RECOVERED_BY_EMAIL: MAIL,
    Event.Kind.BROWSER_TRUSTED: MAIL,
    Event.Kind.PHONE_CHANGED: MAIL,
    Event.Kind.PASSWORD_CHANGED: MAIL,
    Event.Kind.ADDRESS_CHANGED: MAIL,
    Event.Kind.RESET_BY_SUPPORT: Audience(signals.two_factor_disabled, mail=True),
    Event.Kind.EMERGENCY_CODE_MADE: MAIL,
    Event.Kind.SESSIONS_ENDED_BY_SUPPORT: MAIL,
}


def record(
    kind: str, user: Any, request: HttpRequest | None, *, also_to: Iterable[str] = (), **detail: str
) -> None:
    """Without a request, somebody at the command line did it."""
    event = Event.objects.create(
        user_id=user.pk,
        kind=kind,
        at=timezone.now(),
        ip_address=request.META.get("REMOTE_ADDR") or None if request else None,
        browser=browser_of(request) if request else "",
        detail=detail,
    )
    transaction.on_commit(partial(tell, event, user, request, tuple(also_to)))


def browser_of(request: HttpRequest) -> str:
    return request.headers.get("User-Agent", "")[:200]


def tell(event: Event, user: Any, request: HttpRequest | None, also_to: tuple[str, ...]) -> None:
    audience = AUDIENCES.get(Event.Kind(event.kind), Audience())
    said = {name: event.detail[name] for name in ("method", "channel", "by") if name in event.detail}
    note(event.kind, event.user_id, request, **said)
    if audience.signal is not None:
        audience.signal.send_robust(Event, user=user, request=request, detail=event.detail)
    if audience.mail and may_mail(event, audience.mail_once_in):
        for address in dict.fromkeys([standing.address(user), *also_to]):
            if address:
                send_mail(event, user, address)


def note(kind: str, user_id: Any, request: HttpRequest | None, **said: str) -> None:
    """A line in the log, which has no addresses and no words that somebody typed: those are in the audit log.

    Alone it is for what strangers can cause, who would fill the table.
    """
    key = request.session.session_key if request and hasattr(request, "session") else None
    session = hashlib.sha256(key.encode()).hexdigest()[:12] if key else None
    log.info(kind, extra={"event": kind, "user": user_id, "session": session, **said})


def may_mail(event: Event, once_in: timedelta | None) -> bool:
    return once_in is None or budget.take(f"mail:{event.kind}:{event.user_id}", 1, once_in, event.at)


def send_mail(event: Event, user: Any, address: str) -> None:
    """A site overrides the text of one event by a template with its name, or that of all."""
    language = getattr(user, "language", "")
    if "by" in event.detail:  # where support sits, and what they speak, is not the person's
        event.ip_address, event.browser = None, ""
        language = language or settings.LANGUAGE_CODE
    templates = [f"twofactor/mail/{event.kind}", "twofactor/mail/event"]
    mail.queue(templates, address, language, event=event, user=user)
