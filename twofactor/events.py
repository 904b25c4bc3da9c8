"""Writes the audit log, and informs everyone else who hears of an event.

Which kinds of events there are, and what people read about each, stands in event_kinds.py.

The mails to the person are queued in the same transaction as the row. The signal to the site and the line in
the log follow once it is committed.
"""

import hashlib
import logging
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.conf import settings
from django.db import router, transaction
from django.dispatch import Signal
from django.http import HttpRequest
from django.utils import timezone

from twofactor import conf, not_me_links, signals, statements, transactions
from twofactor.limits import allowances
from twofactor.limits.allowances import Limit
from twofactor.models import Event, WarningsAddress
from twofactor.outgoing import outbox
from twofactor.sessions.device_ids import id_of_device, trusted_browser_of
from twofactor.users import TwoFactorUser, email_for_codes, email_of
from twofactor.web.client_address import client_address, remote_address

log = logging.getLogger("countersign.security")


@dataclass(frozen=True)
class Audience:
    """Who hears of an event, besides the audit log."""

    signal: Signal | None = None
    mail: bool = False
    mail_limit: Limit | None = None
    for_each_browser: bool = False  # the limit counts each browser and network apart
    warning: bool = False  # the mail goes to the address for warnings, too


# What gives someone a way in has no limit: a thief could use up a limit with harmless events first.
MAIL = Audience(mail=True)
WARNING = Audience(mail=True, warning=True)
SUSPICIOUS = Audience(mail=True, mail_limit=allowances.MAILS_ABOUT_EVENT)
AUDIENCES = {
    Event.Kind.TWO_FACTOR_ENABLED: Audience(signals.two_factor_enabled, mail=True),
    Event.Kind.AUTHENTICATOR_REPLACED: Audience(signals.two_factor_enabled, mail=True),
    Event.Kind.APP_ADDED: MAIL,
    Event.Kind.APP_REMOVED: MAIL,
    Event.Kind.PASSKEY_ADDED: Audience(signals.passkey_added, mail=True),
    Event.Kind.PASSKEY_REMOVED: Audience(signals.passkey_removed, mail=True),
    Event.Kind.PASSKEY_COPIED: MAIL,
    Event.Kind.PASSKEY_CLEARED: MAIL,
    Event.Kind.TWO_FACTOR_DISABLED: Audience(signals.two_factor_disabled, mail=True, warning=True),
    Event.Kind.BACKUP_CODES_REGENERATED: Audience(signals.backup_codes_regenerated, mail=True),
    Event.Kind.SIGNED_IN_WITH_CODE: Audience(signals.second_factor_accepted),
    Event.Kind.SECOND_FACTOR_ACCEPTED: Audience(signals.second_factor_accepted),
    Event.Kind.SIGNED_IN_WITH_PASSKEY: Audience(signals.second_factor_accepted),
    Event.Kind.CONFIRMED_WITH_PASSKEY: Audience(signals.second_factor_accepted),
    Event.Kind.SECOND_FACTOR_REFUSED: Audience(signals.second_factor_refused),
    Event.Kind.SECOND_FACTOR_LOCKED: Audience(signals.second_factor_refused),
    Event.Kind.CODE_REPLAYED: Audience(signals.second_factor_refused),
    Event.Kind.SIGNED_IN_WITHOUT_SECOND_FACTOR: Audience(signals.signed_in_without_second_factor),
    Event.Kind.SIGN_IN_CONFIRMED: Audience(signals.signed_in_without_second_factor),
    Event.Kind.WRONG_CODES: SUSPICIOUS,
    Event.Kind.RIGHT_AFTER_WRONG: SUSPICIOUS,
    Event.Kind.REPLAYED_ELSEWHERE: SUSPICIOUS,
    Event.Kind.NEW_BROWSER: Audience(
        mail=True, mail_limit=allowances.MAILS_ABOUT_EVENT, for_each_browser=True
    ),
    Event.Kind.TOKEN_REUSED: SUSPICIOUS,
    Event.Kind.BACKUP_CODE_USED: MAIL,
    Event.Kind.RECOVERED_BY_EMAIL: MAIL,
    Event.Kind.BROWSER_TRUSTED: MAIL,
    Event.Kind.PHONE_CHANGED: MAIL,
    Event.Kind.PASSWORD_CHANGED: WARNING,
    Event.Kind.ADDRESS_CHANGED: WARNING,
    Event.Kind.WARNINGS_ADDRESS_CHANGED: WARNING,
    Event.Kind.DATA_DOWNLOADED: Audience(mail=True, mail_limit=allowances.MAILS_ABOUT_EVENT),
    Event.Kind.DELETION_STOPPED: WARNING,
    Event.Kind.RECOVERY_ASKED: WARNING,
    Event.Kind.RECOVERY_SHORTENED: WARNING,
    Event.Kind.RECOVERY_READY: WARNING,
    Event.Kind.RECOVERY_OPENED: WARNING,
    Event.Kind.RECOVERY_STOPPED: WARNING,
    Event.Kind.RECOVERY_REFUSED: WARNING,
    Event.Kind.RECOVERY_FINISHED: Audience(signals.two_factor_enabled, mail=True, warning=True),
    Event.Kind.RESET_BY_SUPPORT: Audience(signals.two_factor_disabled, mail=True, warning=True),
    Event.Kind.EMERGENCY_CODE_MADE: WARNING,
    Event.Kind.TWO_FACTOR_REQUIRED: MAIL,
    Event.Kind.TWO_FACTOR_REMINDED: MAIL,
    Event.Kind.SESSIONS_ENDED: SUSPICIOUS,
    Event.Kind.NOT_ME: Audience(signals.said_not_me, mail=True, mail_limit=allowances.MAILS_ABOUT_EVENT),
    Event.Kind.SESSIONS_ENDED_BY_SUPPORT: MAIL,
    Event.Kind.DEVICE_ENDED_BY_SUPPORT: MAIL,
}


def atomic() -> AbstractContextManager[None]:
    """A transaction for a change and the record of it: if the process dies in between, neither is kept."""
    return transactions.atomic(router.db_for_write(Event))


def record(
    kind: str,
    user: TwoFactorUser | None,
    request: HttpRequest | None,
    trusted_browser_id: int | None = None,
    /,
    *,
    also_to: Iterable[str] = (),
    **detail: str,
) -> None:
    """Without a request it was done at the command line. Only support names in `by` who did it.

    Without a user it is about no single person, and nobody gets a mail.

    The browser is the one of this session, unless the event is about the trust of another one.
    """
    if request and trusted_browser_id is None:
        trusted_browser_id = trusted_browser_of(request)
    audience = AUDIENCES.get(Event.Kind(kind), Audience())
    with atomic() if audience.mail else nullcontext():
        event = Event(
            user_id=user.pk if user else None,
            kind=kind,
            at=timezone.now(),
            ip_address=ip_of(request) if request else None,
            browser=browser_of(request) if request else "",
            device_id=id_of_device(request) if request else None,
            trusted_browser_id=trusted_browser_id,
            detail=detail,
        )
        statements.insert(event)
        if user and audience.mail and may_mail(event, audience, request):
            warned = warnings_address(user) if audience.warning else []
            queue_mails(event, user, [*also_to, *warned])
    transaction.on_commit(
        partial(log_and_signal, event, audience.signal, user, request), using=router.db_for_write(Event)
    )


def ip_of(request: HttpRequest) -> str | None:
    """None if the server has put something else there: the column takes addresses only."""
    address = remote_address(request)
    return str(address) if address else None


def browser_of(request: HttpRequest) -> str:
    return request.headers.get("User-Agent", "")[:200]


def log_and_signal(
    event: Event, signal: Signal | None, user: TwoFactorUser | None, request: HttpRequest | None
) -> None:
    fields = {name: event.detail[name] for name in ("method", "channel", "by") if name in event.detail}
    log_only(event.kind, event.user_id, request, **fields)
    if signal is not None:
        signal.send_robust(Event, user=user, request=request, detail=event.detail)


def log_only(kind: str, user_id: Any, request: HttpRequest | None, **fields: str) -> None:
    """A line without addresses and without anything that someone typed: the audit log has those.

    Called directly for what strangers can cause: with record() they could fill the table.
    """
    key = request.session.session_key if request and hasattr(request, "session") else None
    session = hashlib.sha256(key.encode()).hexdigest()[:12] if key else None
    log.info(kind, extra={"event": kind, "user": user_id, "session": session, **fields})


def may_mail(event: Event, audience: Audience, request: HttpRequest | None) -> bool:
    if audience.mail_limit is None:
        return True
    subject = f"{event.kind}:{event.user_id}"
    if audience.for_each_browser and request:
        place = f"{event.browser} {client_address(request)}"
        subject += f":{hashlib.sha256(place.encode()).hexdigest()[:16]}"
    return audience.mail_limit.charge(subject, event.at)


def may_mail_to_own_address(user: TwoFactorUser, event: Event) -> bool:
    """One mail a day to an unconfirmed address: it may belong to someone who never signed up."""
    if getattr(user, "unconfirmed_since", None) is None:
        return True
    return allowances.MAILS_TO_UNCONFIRMED.charge(user.pk, event.at)


def warnings_address(user: TwoFactorUser) -> list[str]:
    """The second address of a person, if they have confirmed one."""
    confirmed = WarningsAddress.objects.filter(pk=user.pk).exclude(confirmed_at=None)
    return list(confirmed.values_list("address", flat=True))


def queue_mails(event: Event, user: TwoFactorUser, also_to: Iterable[str]) -> None:
    """A site can override the template of one event, which has its name, or the one for all events."""
    language = getattr(user, "language", "")
    if event.is_by_someone_else:
        language = language or settings.LANGUAGE_CODE
    own = (email_of(user) or email_for_codes(user)) if may_mail_to_own_address(user, event) else ""
    for address in dict.fromkeys([own, *also_to]):
        if address:
            outbox.write(f"twofactor/mail/{event.kind}", user, address, language, event=event)


@statements.row
def event_by_key(pk: int) -> Any:
    return Event.objects.filter(pk=pk)


@outbox.makes_context(outbox.OF_EVENTS)
def context_of_event(user: Any, contents: dict[str, Any]) -> dict[str, Any] | None:
    event = event_by_key(contents["event_id"])
    if event is None:
        return None
    if event.is_by_someone_else:
        event.ip_address, event.browser = None, ""
    # A deleted account has no link: nothing is left to make safer.
    link = "" if user._state.adding else not_me_links.make(event, user, timezone.now())
    return {"event": event, "not_me_link": link, "not_me_days": conf.not_me_age().days}
