"""Where a person is signed in: sessions, sign-ins over the API, and browsers that are trusted.

A session is listed only if SESSION_ENGINE is twofactor.sessions: other engines do not know whose it is.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from importlib import import_module
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import F, QuerySet, Value
from django.http import Http404, HttpRequest

from twofactor import conf, events, statements
from twofactor.models import Device, Session, TokenFamily, TrustedBrowser
from twofactor.sessions import SessionStore, epoch
from twofactor.sessions.contents import longest_age, longest_idle
from twofactor.users import TwoFactorUser

SESSION, API, TRUSTED = "session", "api", "trusted"
MODELS: dict[str, type[Session | TokenFamily | TrustedBrowser]] = {
    SESSION: Session,
    API: TokenFamily,
    TRUSTED: TrustedBrowser,
}
COLUMNS = ("device_id", "name", "browser", "ip_address", "began_at", "last_used_at")


class AlreadyEnded(Exception):
    """It is in the list no more, or is the one that is in use, which signing out ends."""


@dataclass(frozen=True)
class ListedDevice:
    """One row of the list. A session in a trusted browser has both facts."""

    device_id: UUID
    name: str  # that the person has given it
    browser: str  # as web/browser_names.py describes it
    ip_address: str | None
    began_at: datetime
    last_used_at: datetime
    kind: str
    method: str  # how the person signed in; empty for a trusted browser without a session
    trusted_pk: int | None  # the row in TrustedBrowser that it is, or was signed in with
    trusted_until: datetime | None  # shown in one row only, though several sessions may name that browser
    is_this: bool


def describe(device: ListedDevice | Device) -> str:
    """For the audit log. A name never stands alone, because a thief can give any."""
    browser = device.browser or "?"
    return f"{device.name} ({browser})" if device.name else browser


def trusted_until(began_at: datetime, expires_at: datetime) -> datetime:
    """A setting that was lowered since holds for older rows, too."""
    return min(expires_at, began_at + conf.trusted_age())


def has_session_list() -> bool:
    return issubclass(import_module(settings.SESSION_ENGINE).SessionStore, SessionStore)


def list_devices(user: TwoFactorUser, now: datetime, this: UUID | None = None) -> list[ListedDevice]:
    """Those that still work, in one query: the one with the id `this` first, then by last use."""
    rows = [as_device(row, this, now) for row in working_rows(user, now)]
    rows.sort(key=lambda device: (device.is_this, device.last_used_at), reverse=True)
    trusted = {device.trusted_pk: device for device in rows if device.kind == TRUSTED}
    listed, merged = [], set()
    for device in rows:
        if device.kind == SESSION:
            browser = trusted.get(device.trusted_pk)
            if browser and browser.device_id not in merged:  # one browser may have an older session, too
                merged.add(browser.device_id)
                name = device.name or browser.name
                device = replace(device, name=name, trusted_until=browser.trusted_until)
        listed.append(device)
    return [device for device in listed if device.device_id not in merged]


def working_rows(user: TwoFactorUser, now: datetime) -> list[Any]:
    """What ends a person's sessions changes the hashes, and leaves such rows in the tables for a while."""
    hashes = epoch.hashes_of_sessions(user)
    since = (now - longest_age(), now - longest_idle(), now - conf.trusted_age())
    of_person = (user.pk, epoch.auth_hash(user), now, *since)
    if len(hashes) == 1:
        return rows_with_hash(hashes[0], *of_person)
    return list(rows_of_all_kinds(Session.objects.filter(session_hash__in=hashes), *of_person))


@statements.rows
def rows_with_hash(
    session_hash: str,
    user_id: Any,
    auth_hash: str,
    now: datetime,
    began_after: datetime,
    used_after: datetime,
    trusted_after: datetime,
) -> Any:
    """A statement, because the security page lists them too. Two hashes are rare: after a new SECRET_KEY."""
    sessions = Session.objects.filter(session_hash=session_hash)
    return rows_of_all_kinds(sessions, user_id, auth_hash, now, began_after, used_after, trusted_after)


def rows_of_all_kinds(
    sessions: QuerySet[Session],
    user_id: Any,
    auth_hash: str,
    now: datetime,
    began_after: datetime,
    used_after: datetime,
    trusted_after: datetime,
) -> QuerySet[Any]:
    in_time = sessions.filter(began_at__gt=began_after, last_used_at__gt=used_after)
    unexpired = {"session_hash": auth_hash, "expires_at__gt": now}
    trusted = TrustedBrowser.objects.filter(began_at__gt=trusted_after, **unexpired)
    parts = [
        columns(in_time, SESSION, F("method"), F("trusted_browser_id"), F("expire_date")),
        columns(TokenFamily.objects.filter(**unexpired), API, F("method"), F("pk"), F("expires_at")),
        columns(trusted, TRUSTED, Value(""), F("pk"), F("expires_at")),
    ]
    first, *others = [part.filter(user_id=user_id) for part in parts]
    return first.union(*others, all=True)


def columns(rows: QuerySet[Any], kind: str, method: Any, key: Any, until: Any) -> QuerySet[Any]:
    """The same columns of every table, for the UNION."""
    named = rows.annotate(listed_kind=Value(kind), listed_method=method, listed_key=key, listed_until=until)
    listed: QuerySet[Any] = named.values_list(
        *COLUMNS, "listed_kind", "listed_method", "listed_key", "listed_until"
    )
    return listed


def as_device(row: tuple[Any, ...], this: UUID | None, now: datetime) -> ListedDevice:
    device_id, name, browser, ip_address, began_at, last_used_at, kind, method, key, until = row
    return ListedDevice(
        device_id,
        name,
        browser,
        ip_address,
        began_at,
        now if device_id == this else last_used_at,  # this very request
        kind,
        method,
        trusted_pk=None if kind == API else key,
        trusted_until=trusted_until(began_at, until) if kind == TRUSTED else None,
        is_this=device_id == this,
    )


def find(devices: Iterable[ListedDevice], device_id: UUID, user: TwoFactorUser) -> ListedDevice:
    """Raises Http404 for a device of someone else, and AlreadyEnded for one that is gone."""
    for device in devices:
        if device.device_id == device_id:
            return device
    for model in MODELS.values():
        if model._default_manager.filter(device_id=device_id).exclude(user_id=user.pk).exists():
            raise Http404
    raise AlreadyEnded


def rename(device: ListedDevice, user: TwoFactorUser, name: str) -> None:
    """The name of a trusted browser stays with it, for the next session there."""
    if not own_rows(device, user).update(name=name):
        raise AlreadyEnded
    if device.trusted_until:
        trusted_row(device, user).update(name=name)


def end(
    device: ListedDevice,
    user: TwoFactorUser,
    request: HttpRequest,
    kind: str = "",
    **detail: str,
) -> None:
    own_kind = "browser_forgotten" if device.kind == TRUSTED else "device_ended"
    with events.atomic():
        if not remove(device, user):
            raise AlreadyEnded
        events.record(kind or own_kind, user, request, device=describe(device), **detail)


def remove(device: ListedDevice, user: TwoFactorUser) -> bool:
    """With the trust it was signed in with: whoever holds the device must not come back without a code.

    That trust may be shown in another row, if the cookie was copied: then that browser loses it, too.
    A request of that session that is still running cannot bring the row back (sessions/store.py).
    """
    removed = own_rows(device, user).delete()[0] > 0
    if removed:
        trusted_row(device, user).delete()
    return removed


def own_rows(device: ListedDevice, user: TwoFactorUser) -> QuerySet[Any]:
    rows: QuerySet[Any] = MODELS[device.kind]._default_manager.filter(
        device_id=device.device_id, user_id=user.pk
    )
    return rows


def trusted_row(device: ListedDevice, user: TwoFactorUser) -> QuerySet[TrustedBrowser]:
    return TrustedBrowser.objects.filter(pk__in=filter(None, [device.trusted_pk]), user_id=user.pk)


def end_others(user: TwoFactorUser, this: UUID | None, now: datetime, *, keep_trusted: bool) -> None:
    """Everything but this session, which has to be kept with signin.session.keep_session().

    For a transaction: in between, a kept browser has the wrong hash.
    """
    epoch.end_sessions(user)
    Session.objects.filter(user_id=user.pk).exclude(device_id__in=filter(None, [this])).delete()
    TokenFamily.objects.filter(user_id=user.pk).delete()
    browsers = TrustedBrowser.objects.filter(user_id=user.pk)
    if keep_trusted:
        # Not those that something else has ended before, nor all if something else ends them just now.
        working = browsers.filter(session_hash=epoch.auth_hash(user, epochs_back=1), expires_at__gt=now)
        working.update(session_hash=epoch.auth_hash(user))
    else:
        browsers.delete()
