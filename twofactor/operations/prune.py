"""Removing what has had its time."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Q, QuerySet

from twofactor import conf
from twofactor.clocks import DAY
from twofactor.models import (
    Allowance,
    Authenticator,
    BackupCode,
    Draft,
    Event,
    Letter,
    SecurityMixin,
    SentCode,
    TokenFamily,
    TrustedBrowser,
)
from twofactor.operations.batches import in_batches
from twofactor.users import has_column, has_relation

BATCH = 1000
EVENTS_KEPT = timedelta(days=400)
LONGEST = timedelta(days=36500)  # that events can be kept
LETTERS_KEPT = timedelta(days=7)  # after they were sent; what they said is gone at once
ATTEMPTS_KEPT = timedelta(days=90)
UNCONFIRMED_KEPT = timedelta(days=30)  # of a sign-up, and since somebody last signed in with it


# What an app of the same site keeps for a while, by the name that is told.
MORE: dict[str, Callable[[datetime], QuerySet[Any]]] = {}


def expired(now: datetime, events_kept: timedelta) -> Iterator[tuple[str, QuerySet[Any]]]:
    yield "events", Event.objects.filter(at__lt=now - events_kept)
    yield "unfinished set-ups", Draft.objects.filter(started_at__lt=now - Draft.MAX_AGE)
    yield "sent codes", SentCode.objects.filter(sent_at__lt=now - DAY)
    yield "trusted browsers", TrustedBrowser.objects.filter(expires_at__lt=now)
    yield "sign-ins over the API", TokenFamily.objects.filter(expires_at__lt=now)
    yield "allowances", Allowance.objects.filter(began_at__lt=now - 2 * DAY)
    yield "letters", Letter.objects.filter(ended_at__lt=now - LETTERS_KEPT)
    yield "emergency codes", BackupCode.objects.filter(expires_at__lt=now - DAY)
    yield "sessions", Session.objects.filter(expire_date__lt=now)
    if apps.is_installed("axes"):
        attempts = apps.get_model("axes", "AccessAttempt")
        yield "wrong passwords", attempts.objects.filter(attempt_time__lt=now - ATTEMPTS_KEPT)
    for name, rows_of in MORE.items():
        yield name, rows_of(now)
    if issubclass(get_user_model(), SecurityMixin):
        yield "accounts nobody confirmed", unconfirmed(now - UNCONFIRMED_KEPT)


def unconfirmed(before: datetime) -> QuerySet[Any]:
    """Signed up by themselves, perhaps with somebody else's address, and given nothing by anybody since."""
    unused = Q(last_login=None) | Q(last_login__lt=before)
    powers = [name for name in ("is_staff", "is_superuser") if has_column(name)]
    everybody = get_user_model()._default_manager
    if not conf.site_has_mail():
        return everybody.none()  # they could not confirm it
    people = everybody.filter(unused, unconfirmed_since__lt=before, **dict.fromkeys(powers, False))
    for given in ("groups", "user_permissions"):
        if has_relation(given):
            # A query of its own, because PostgreSQL locks no rows of an outer join.
            people = people.exclude(pk__in=everybody.filter(**{f"{given}__isnull": False}).values("pk"))
    return people.exclude(pk__in=Authenticator.objects.values("pk"))


def prune(now: datetime, events_kept: timedelta = EVENTS_KEPT, *, dry_run: bool = False) -> dict[str, int]:
    return {name: rows.count() if dry_run else remove(rows) for name, rows in expired(now, events_kept)}


def remove(rows: QuerySet[Any]) -> int:
    """As Django's own delete() would, but axes listens to that one and would load each row."""
    removed = 0
    for batch in in_batches(rows.only("pk"), BATCH):
        keys = [row.pk for row in batch]
        if rows.model is get_user_model():
            removed += remove_people(rows.filter(pk__in=keys))
        else:
            some = rows.model._default_manager.filter(pk__in=keys)
            removed += some._raw_delete(some.db)
    return removed


def remove_people(some: QuerySet[Any]) -> int:
    """With all that is theirs, unless they have confirmed the address or signed in meanwhile."""
    with transaction.atomic():
        people = [person.pk for person in some.select_for_update()]
        some.model._default_manager.filter(pk__in=people).delete()
    return len(people)
