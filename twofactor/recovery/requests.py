"""Who may ask for a recovery, and its steps: asked, told of, opened, finished or stopped."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import IntegrityError, router
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import translation
from django.utils.translation import gettext as _

from twofactor import conf, events, factor_changes, policy
from twofactor.clocks import DAY, HOUR
from twofactor.drafts import OpenDraft
from twofactor.event_kinds import EventKind
from twofactor.factors import enrolled, sent_codes
from twofactor.factors.refusal import Changed
from twofactor.models import Event, Recovery, TwoFactor
from twofactor.outgoing import mail, outbox, sms
from twofactor.recovery import links
from twofactor.sessions import credential_digests
from twofactor.transactions import atomic
from twofactor.users import TwoFactorUser, is_staff

SHUT_FOR = timedelta(days=7)  # after a stop
LEAST_WAIT = 24 * HOUR  # to which support may shorten it
LONGEST_LAST_STEP = DAY + links.FINISH_FOR  # outbox.py tries for a day to send the link
# The columns that tell whether password and address are the same, and the events of their changes.
DIGESTS = {
    "password_digest": (credential_digests.PASSWORD_PURPOSE, EventKind.PASSWORD_CHANGED),
    "address_digest": (credential_digests.ADDRESS_PURPOSE, EventKind.ADDRESS_CHANGED),
}


class NotOffered(Exception):
    """There is another way, or this person may not have this one."""


class Shut(Exception):
    """One was stopped lately, or the person has said "this wasn't me". Not before `until`."""

    def __init__(self, until: datetime) -> None:
        self.until = until


class AlreadyAsked(Exception):
    """A request waits already."""


# Who may


def may_recover(user: TwoFactorUser) -> bool:
    """Asked at each step, because an administrator may have given the person a role meanwhile."""
    return (
        bool(conf.recovery_wait())
        and conf.email_fallback() != conf.NOBODY
        and conf.site_has_mail()
        and user.is_active
        and user.has_usable_password()
        and not is_staff(user)
        and not getattr(user, "is_superuser", False)
        and sent_codes.has_confirmed_email(user)
        and not must_use_passkey(user)
        and enrolled.is_on(user)
    )


def must_use_passkey(user: TwoFactorUser) -> bool:
    """The end of a recovery is an app."""
    return policy.passkey_deadline(user) is not None


def may_ask(user: TwoFactorUser) -> bool:
    """Not while a code by email lets the person in today."""
    return not sent_codes.may_email(user) and may_recover(user)


def shut_until(user: TwoFactorUser, now: datetime) -> datetime | None:
    by_owner = TwoFactor.objects.filter(pk=user.pk).values_list("recovery_shut_until", flat=True).first()
    stopped = Recovery.objects.filter(pk=user.pk).values_list("stopped_at", flat=True).first()
    latest = max(filter(None, [by_owner, stopped and stopped + SHUT_FOR]), default=None)
    return latest if latest and latest > now else None


# Finding one


def running(now: datetime) -> QuerySet[Recovery]:
    """Those that can still be stopped."""
    return Recovery.objects.filter(stopped_at=None, finished_at=None).exclude(was_missed(now))


def runs(row: Recovery, now: datetime) -> bool:
    """The same of a row that was read."""
    is_late = row.told_at is not None and row.told_at <= now - LONGEST_LAST_STEP
    return row.stopped_at is None and row.finished_at is None and not is_late


def was_missed(now: datetime) -> Q:
    """Nobody came with the second link in its time."""
    return Q(told_at__lte=now - LONGEST_LAST_STEP)


def may_follow(now: datetime) -> Q:
    """A new request takes the place of such a row. In the UPDATE itself, so that one of two requests wins."""
    was_stopped = Q(stopped_at__lte=now - SHUT_FOR)
    return was_stopped | (Q(stopped_at=None) & (~Q(finished_at=None) | was_missed(now)))


def find(user_pk: Any, now: datetime) -> Recovery | None:
    return running(now).select_related("user").filter(pk=user_pk).first()


def find_named(named: links.Named, now: datetime) -> Recovery:
    """Raises links.DeadLink."""
    row = find(named.user_pk, now)
    if row is None or row.request_id != named.request_id or not row.user.is_active:
        raise links.DeadLink
    return row


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def find_in_browser(secret: str, now: datetime) -> Recovery | None:
    """By the secret in its cookie."""
    rows = running(now).select_related("user").filter(browser_digest=digest_of(secret)) if secret else []
    return next((row for row in rows if row.user.is_active), None)


# The steps


def ask(user: TwoFactorUser, request: HttpRequest, now: datetime) -> str:
    """Returns the secret for the browser. Raises NotOffered, Shut or AlreadyAsked.

    The caller knows that the password was right. What the person waits for is counted from here on.
    """
    if not may_ask(user):
        raise NotOffered
    if until := shut_until(user, now):
        raise Shut(until)
    secret = secrets.token_urlsafe(32)
    new: dict[str, Any] = {
        "request_id": uuid4(),
        "browser_digest": digest_of(secret),
        "asked_at": now,
        **since(user, now),
        **dict.fromkeys(("stopped_at", "finished_at")),
    }
    try:
        with events.atomic():
            if not Recovery.objects.filter(may_follow(now), pk=user.pk).update(**new):
                with atomic(router.db_for_write(Recovery)):
                    Recovery.objects.create(pk=user.pk, **new)
            events.record("recovery_asked", user, request)
    except IntegrityError:
        raise AlreadyAsked from None
    send_text(user, Recovery(pk=user.pk, **new), now)
    return secret


def since(user: TwoFactorUser, moment: datetime) -> dict[str, Any]:
    """The columns of a wait that begins then."""
    return {
        "counted_from": moment,
        "ready_at": moment + conf.recovery_wait(),
        "told_at": None,
        "opened_at": None,
        **{column: credential_digests.digest(user, purpose) for column, (purpose, _kind) in DIGESTS.items()},
    }


def send_text(user: TwoFactorUser, row: Recovery, now: datetime) -> None:
    """To the confirmed number. If it cannot be sent, the mails still tell of it."""
    phone = sent_codes.find_confirmed_phone(user) if sms.is_configured() else None
    if phone is None:
        return
    with translation.override(mail.language_for(getattr(user, "language", ""))):
        sentence = _(
            "%(site)s: someone with your password says you've lost every way to confirm it's you. "
            "If that's not you, stop it:"
        )
        text = f"{sentence % {'site': conf.site_name()}} {conf.base_url()}{links.make_stop(row, now)}"
    try:
        sms.send(phone.number, text)
    except sms.NotSent:
        events.log_only("recovery_text_not_sent", user.pk, None)


def has_begun_anew(row: Recovery, now: datetime) -> bool:
    """Password or address are others than at its beginning. Counted from that change, or from now."""
    changes = [
        last_change(row, kind, now)
        for column, (purpose, kind) in DIGESTS.items()
        if not credential_digests.has_digest(row.user, purpose, getattr(row, column))
    ]
    if not changes:
        return False
    same = running(now).filter(pk=row.pk, request_id=row.request_id, counted_from=row.counted_from)
    same.update(**since(row.user, max(changes)))
    return True


def last_change(row: Recovery, kind: EventKind, now: datetime) -> datetime:
    """Code of a site may change a password or an address and record no event of that kind."""
    events_since = Event.objects.filter(user_id=row.pk, kind=kind, at__gt=row.counted_from, at__lte=now)
    return events_since.order_by("-at").values_list("at", flat=True).first() or now


def tell_who_is_ready(now: datetime) -> datetime | None:
    """Mails the second link to everyone whose wait is over. Returns when the next wait will be."""
    waiting = running(now).filter(told_at=None)
    for row in waiting.filter(ready_at__lte=now).select_related("user"):
        if not may_recover(row.user):
            stop(row, None, now)
        elif not has_begun_anew(row, now):
            tell(row, now)
    return waiting.order_by("ready_at").values_list("ready_at", flat=True).first()


def tell(row: Recovery, now: datetime) -> None:
    with events.atomic():
        due = running(now).filter(pk=row.pk, request_id=row.request_id, told_at=None, ready_at__lte=now)
        if due.update(told_at=now):
            events.record("recovery_ready", row.user, None)


outbox.write_in_time(tell_who_is_ready)


def find_finish(token: str, now: datetime) -> Recovery:
    """The request that the second link finishes. Raises links.DeadLink."""
    named = links.read_finish(token, now)
    row = find_named(named, now)
    if row.told_at is None or row.told_at.isoformat() != named.told_at or not may_recover(row.user):
        raise links.DeadLink
    if has_begun_anew(row, now):
        raise links.DeadLink
    return row


def is_of_browser(row: Recovery, secret: str) -> bool:
    return bool(secret) and secrets.compare_digest(digest_of(secret), row.browser_digest)


def open_setup(row: Recovery, request: HttpRequest, now: datetime) -> bool:
    """The link may be used again until it ends: a setup can be interrupted. What is spent is the binding."""
    with events.atomic():
        told = running(now).filter(pk=row.pk, request_id=row.request_id, told_at=row.told_at)
        if not told.update(opened_at=now):
            return False
        events.record("recovery_opened", row.user, request)
    return True


def bind(
    user: TwoFactorUser, request_id: UUID, setup: OpenDraft, request: HttpRequest, now: datetime
) -> None:
    """The new app takes the place of everything older.

    Raises Changed if it was stopped meanwhile, or is no longer for this person, or their password or address
    is another one: the session that the link has opened goes on after some of these changes.
    """
    row = find(user.pk, now)
    if row is None or not may_recover(row.user) or has_begun_anew(row, now):
        raise Changed

    def claim() -> bool:
        opened = running(now).filter(pk=user.pk, request_id=request_id).exclude(opened_at=None)
        return opened.update(finished_at=now) == 1

    factor_changes.turn_on(user, setup, request, now, claim)


def stop(row: Recovery, request: HttpRequest | None, now: datetime, kind: str = "", **detail: str) -> bool:
    """False if it is over already."""
    with events.atomic():
        if not running(now).filter(pk=row.pk, request_id=row.request_id).update(stopped_at=now):
            return False
        events.record(kind or "recovery_stopped", row.user, request, **detail)
    return True


def stop_of(user: TwoFactorUser, request: HttpRequest | None, now: datetime) -> bool:
    """Of this person, if there is one."""
    row = find(user.pk, now)
    return row is not None and stop(row, request, now)


def refuse(user: TwoFactorUser, request: HttpRequest | None, now: datetime, **by: str) -> bool:
    """By support."""
    row = find(user.pk, now)
    return row is not None and stop(row, request, now, "recovery_refused", **by)


def shorten(user: TwoFactorUser, hours: int, request: HttpRequest | None, now: datetime, **by: str) -> bool:
    """Support knows the person in another way. False if that would be no shorter wait."""
    row = find(user.pk, now)
    if row is None:
        return False
    ready_at = row.counted_from + max(timedelta(hours=hours), LEAST_WAIT)
    waiting = running(now).filter(pk=row.pk, request_id=row.request_id, told_at=None)
    with events.atomic():
        if not waiting.filter(counted_from=row.counted_from, ready_at__gt=ready_at).update(ready_at=ready_at):
            return False
        events.record("recovery_shortened", user, request, **by)
    return True


def prunable(now: datetime) -> QuerySet[Recovery]:
    """Over for longer than a stop shuts new ones."""
    before = now - SHUT_FOR - DAY
    is_over = Q(stopped_at__lt=before) | Q(finished_at__lt=before) | Q(told_at__lt=before)
    return Recovery.objects.filter(is_over)
