"""Deletes rows that are not needed any more."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.db import router
from django.db.models import Q, QuerySet

from twofactor import conf
from twofactor.clocks import DAY
from twofactor.limits.allowances import REMINDERS
from twofactor.models import (
    Allowance,
    BackupCode,
    Draft,
    Event,
    Letter,
    SecurityMixin,
    SentCode,
    Session,
    SpentChallenge,
    TokenFamily,
    TrustedBrowser,
    TwoFactor,
)
from twofactor.operations.batches import in_batches
from twofactor.recovery import requests
from twofactor.transactions import atomic
from twofactor.users import has_column, has_relation
from twofactor.web.undo import UNDO_FOR

BATCH = 1000
EVENTS_KEPT = timedelta(days=400)
MAX_EVENTS_KEPT = timedelta(days=36500)
LETTERS_KEPT = timedelta(days=7)  # after they were sent; the text is deleted at once
UNCONFIRMED_KEPT = timedelta(days=30)  # after sign-up and after the last sign-in

# Other apps of the site add functions here that return their expired rows, under the name that is printed.
OTHER_APPS: dict[str, Callable[[datetime], QuerySet[Any]]] = {}
# And here those that do more than delete rows. They return how much was done, or would be with dry_run.
OTHER_STEPS: dict[str, Callable[[datetime, bool], int]] = {}


def expired(now: datetime, events_kept: timedelta) -> Iterator[tuple[str, QuerySet[Any]]]:
    yield "events", Event.objects.filter(at__lt=now - events_kept)
    yield "unfinished setups", Draft.objects.filter(started_at__lt=now - conf.draft_age())
    yield "sent codes", SentCode.objects.filter(sent_at__lt=now - DAY)
    yield "trusted browsers", TrustedBrowser.objects.filter(expires_at__lt=now - UNDO_FOR)
    yield "sign-ins over the API", TokenFamily.objects.filter(expires_at__lt=now)
    long_windows = Q(key__startswith=REMINDERS.key(""), began_at__gte=now - REMINDERS.window - DAY)
    yield "allowances", Allowance.objects.filter(began_at__lt=now - 2 * DAY).exclude(long_windows)
    yield "letters", Letter.objects.filter(ended_at__lt=now - LETTERS_KEPT)
    yield "recoveries", requests.prunable(now)
    yield "passkey challenges", SpentChallenge.objects.filter(spent_at__lt=now - DAY)
    yield "emergency codes", BackupCode.objects.filter(expires_at__lt=now - DAY)
    yield "sessions", sessions().filter(expire_date__lt=now)
    for name, rows_of in OTHER_APPS.items():
        yield name, rows_of(now)
    if issubclass(get_user_model(), SecurityMixin):
        yield "accounts nobody confirmed", unconfirmed(now - UNCONFIRMED_KEPT)


def sessions() -> QuerySet[Any]:
    """Of the site's SESSION_ENGINE; none where that keeps them in no table."""
    engine = import_module(settings.SESSION_ENGINE).SessionStore
    rows: QuerySet[Any] = Session.objects.none()
    return engine.get_model_class()._default_manager.all() if issubclass(engine, SessionStore) else rows


def unconfirmed(before: datetime) -> QuerySet[Any]:
    """Users who signed up, perhaps with someone else's address, and never confirmed it.

    Not those who have a second factor, or whom an administrator has given a role since. Here and not in
    accounts, because every site whose user model inherits SecurityMixin has the column.
    """
    unused = Q(last_login=None) | Q(last_login__lt=before)
    flags = [name for name in ("is_staff", "is_superuser") if has_column(name)]
    users = get_user_model()._default_manager
    if not conf.site_has_mail():
        return users.none()  # without mail nobody can confirm an address
    expired_users = users.filter(unused, unconfirmed_since__lt=before, **dict.fromkeys(flags, False))
    for relation in ("groups", "user_permissions"):
        if has_relation(relation):
            # A subquery, because PostgreSQL cannot lock the rows of an outer join.
            with_role = users.filter(**{f"{relation}__isnull": False})
            expired_users = expired_users.exclude(pk__in=with_role.values("pk"))
    return expired_users.exclude(pk__in=TwoFactor.objects.values("pk"))


def prune(
    now: datetime,
    events_kept: timedelta = EVENTS_KEPT,
    *,
    dry_run: bool = False,
    progress: Callable[[int], None] = lambda done: None,
) -> dict[str, int]:
    """How many rows of each kind were deleted, or would be. Tells `progress` how many were in all so far."""
    counts: dict[str, int] = {}
    for name, rows in expired(now, events_kept):
        before = sum(counts.values())
        tell = partial(tell_sum, progress, before)
        counts[name] = rows.count() if dry_run else delete(rows, tell)
    return counts | {name: step(now, dry_run) for name, step in OTHER_STEPS.items()}


def tell_sum(progress: Callable[[int], None], before: int, done: int) -> None:
    progress(before + done)


def delete(rows: QuerySet[Any], progress: Callable[[int], None] = lambda done: None) -> int:
    """In batches, each of one DELETE."""
    deleted = 0
    for batch in in_batches(rows.only("pk"), BATCH):
        keys = [row.pk for row in batch]
        if rows.model is get_user_model():
            deleted += delete_users(rows.filter(pk__in=keys))
        else:
            chosen = rows.model._default_manager.filter(pk__in=keys)
            deleted += chosen._raw_delete(chosen.db)
        progress(deleted)
    return deleted


def delete_users(users: QuerySet[Any]) -> int:
    """With their related rows. Locking filters again: someone may have signed in or confirmed meanwhile."""
    with atomic(router.db_for_write(users.model)):
        locked = [user.pk for user in users.select_for_update()]
        users.model._default_manager.filter(pk__in=locked).delete()
    return len(locked)
