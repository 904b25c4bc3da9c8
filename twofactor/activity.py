"""The activity of one person, in rows: all events of one sign-in are one row, other events one each.

A row stands where its first event does, and a page goes on from the row before it, without OFFSET: a long
history costs no more than a short one.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db.models import Case, Max, Q, QuerySet, When
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from twofactor.event_kinds import (
    ABOUT_APPS,
    ABOUT_PASSKEYS,
    GROUP_OF,
    GROUPS,
    OF_SECURITY_KEY,
    SECURITY_KEY,
    EventKind,
)
from twofactor.models import Event, Rule, actor, rule_as_actor
from twofactor.web import browser_names

# A sign-in, or a step-up, begins with one of these; the others follow it in the same request.
BEGINS = frozenset(
    {
        EventKind.SIGNED_IN_WITH_CODE,
        EventKind.SIGNED_IN_WITH_PASSKEY,
        EventKind.SIGNED_IN_WITHOUT_SECOND_FACTOR,
        EventKind.SIGN_IN_CONFIRMED,
        EventKind.SIGNED_IN_TRUSTED,
        EventKind.SECOND_FACTOR_ACCEPTED,
        EventKind.CONFIRMED_WITH_PASSKEY,
    }
)
FOLLOWS = frozenset(
    {
        EventKind.BACKUP_CODE_USED,
        EventKind.RECOVERED_BY_EMAIL,
        EventKind.BROWSER_TRUSTED,
        EventKind.NEW_BROWSER,
    }
)
WITHIN = timedelta(minutes=1)
EVENTS_PER_ROW = 4  # no sign-in writes more of them
EVENTS_BETWEEN = 24  # of other sign-ins at the same moment, between those of one
MAX_NAMES = 1000  # browser, device and factor together, all different, that a search looks through
MAX_SEARCH = 100  # characters
MAX_WORDS = 5

CURSOR = re.compile(r"(\d{1,17})-(\d{1,18})", re.ASCII)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

# What a row says, to the person and to support, where the event alone says something else.
TITLE_OF_SIGN_IN: dict[str, tuple[Any, Any]] = {
    EventKind.BACKUP_CODE_USED: (_("You signed in with a backup code"), _("Signed in with a backup code")),
    EventKind.RECOVERED_BY_EMAIL: (
        EventKind.RECOVERED_BY_EMAIL.to_person,
        EventKind.RECOVERED_BY_EMAIL.label,
    ),
}
ADDITIONS: dict[str, tuple[Any, Any]] = {
    EventKind.NEW_BROWSER: (_("From a new browser"), _("From a new browser")),
    EventKind.BROWSER_TRUSTED: (_("You trusted this browser"), EventKind.BROWSER_TRUSTED.label),
}
PERSON, SUPPORT = 0, 1

# named_device and named_factor of Event, for a query. In an expression: KT alone compares with JSON.
NAMED = {
    "device": Case(When(detail__has_key="device", then=KT("detail__device"))),
    "factor": Case(
        When(kind__in=ABOUT_APPS, then=KT("detail__app")),
        When(kind__in=ABOUT_PASSKEYS, then=Coalesce(KT("detail__passkey"), KT(f"detail__{SECURITY_KEY}"))),
    ),
}
AS_SHOWN: dict[str, Callable[[str], str]] = {
    "browser": browser_names.name_of,
    "device": browser_names.localized_device,
    "factor": str,
}


@dataclass
class Row:
    event: Event
    following: list[Event] = field(default_factory=list)
    is_this_device: bool = False

    @property
    def events(self) -> list[Event]:
        return [self.event, *self.following]

    @property
    def group(self) -> str:
        """Also the name of its icon in static/twofactor/icons.svg."""
        return GROUP_OF[self.event.kind]

    @property
    def title(self) -> str:
        return self.sentences(PERSON)[0]

    @property
    def additions(self) -> list[str]:
        return self.sentences(PERSON)[1:]

    @property
    def title_for_support(self) -> str:
        return self.sentences(SUPPORT)[0]

    @property
    def additions_for_support(self) -> list[str]:
        return self.sentences(SUPPORT)[1:]

    def sentences(self, reader: int) -> list[str]:
        title, additions = sentence(self.event, reader), []
        for event in sorted(self.following, key=lambda event: event.kind != EventKind.NEW_BROWSER):
            if event.kind in TITLE_OF_SIGN_IN and self.event.kind == EventKind.SIGNED_IN_WITH_CODE:
                title = str(TITLE_OF_SIGN_IN[event.kind][reader])
            elif event.kind in ADDITIONS:
                additions.append(str(ADDITIONS[event.kind][reader]))
            else:
                additions.append(sentence(event, reader))
        return [title, *additions]


def sentence(event: Event, reader: int) -> str:
    return event.title if reader == PERSON else event.get_kind_display()


class Cursor(NamedTuple):
    """Where a page ends. It does not say whose: the rows are always those of one person."""

    at: datetime
    pk: int

    @classmethod
    def of(cls, event: Event) -> "Cursor":
        return cls(event.at, event.pk)

    @classmethod
    def from_text(cls, text: str) -> "Cursor | None":
        """None for what as_text() has not written."""
        found = CURSOR.fullmatch(text)
        return cls(EPOCH + int(found[1]) * MICROSECOND, int(found[2])) if found else None

    def as_text(self) -> str:
        return f"{(self.at - EPOCH) // MICROSECOND}-{self.pk}"


class Page(NamedTuple):
    rows: list[Row]
    next: str  # the cursor of the page after this one; empty after the last


def list_rows(
    user_id: Any,
    size: int,
    *,
    before: Cursor | None = None,
    group: str = "",
    search: str = "",
    this_device: UUID | None = None,
) -> Page:
    """The newest rows of this person, or those before the cursor: one query, and one more for each of
    `before` and `search`.
    """
    events = Event.objects.filter(user_id=user_id)
    if group in GROUPS:
        events = events.filter(kind__in=GROUPS[group])
    if search:
        events = matching(events, user_id, search)
    older, newer = events, []
    if before:
        # Not "earlier or with a smaller key": PostgreSQL expects few rows of an OR, and sorts all there are.
        older = events.filter(at__lte=before.at).exclude(at=before.at, pk__gte=before.pk)
        newer = first_after(events, before)
    limit = size * EVENTS_PER_ROW + EVENTS_BETWEEN
    read = list(older.order_by("-at", "-pk")[: limit + 1])
    rows = in_rows([*reversed(read), *newer])
    rows = [row for row in reversed(rows) if not before or Cursor.of(row.event) < before]
    if len(read) > limit:
        rows = without_parts(rows, read[-1].at)
    shown = rows[:size]
    for row in shown:
        row.is_this_device = is_on(row.event, this_device)
    has_more = len(read) > limit or len(rows) > size
    return Page(shown, Cursor.of(shown[-1].event).as_text() if has_more else "")


def first_after(events: QuerySet[Event], cursor: Cursor) -> list[Event]:
    """The events at and after the cursor that may belong to a sign-in before it, the oldest first."""
    of_sign_ins = events.filter(kind__in=BEGINS | FOLLOWS, at__range=(cursor.at, cursor.at + WITHIN))
    after = of_sign_ins.exclude(at=cursor.at, pk__lt=cursor.pk)
    return list(after.order_by("at", "pk")[: EVENTS_PER_ROW + EVENTS_BETWEEN])


def in_rows(events: Iterable[Event]) -> list[Row]:
    """The events are given and the rows returned with the oldest first."""
    rows: list[Row] = []
    last_sign_in: dict[Any, Row] = {}
    for event in events:
        device = event.device_id or (event.browser, event.ip_address)
        row = last_sign_in.get(device)
        if row and belongs_to(event, row):
            row.following.append(event)
            continue
        rows.append(Row(event))
        if event.kind in BEGINS:
            last_sign_in[device] = rows[-1]
    return rows


def belongs_to(event: Event, row: Row) -> bool:
    """A sign-in has one event of each kind: with another session engine, a second one may be of another."""
    return (
        event.kind in FOLLOWS
        and event.at - row.event.at <= WITHIN
        and event.kind not in {other.kind for other in row.following}
    )


def without_parts(rows: list[Row], oldest: datetime) -> list[Row]:
    """Without what may belong to a sign-in that was not read, which was before `oldest`; never empty."""
    for place, row in enumerate(rows):
        if row.event.kind in FOLLOWS and row.event.at - oldest <= WITHIN:
            return rows[: max(place, 1)]
    return rows


def is_on(event: Event, device_id: UUID | None) -> bool:
    """Not for an event that names a device: that may be another one than it happened on."""
    if event.named_device or event.is_by_someone_else:
        return False
    return device_id is not None and event.device_id == device_id


def matching(events: QuerySet[Event], user_id: Any, text: str) -> QuerySet[Event]:
    """Those whose row shows every word of the text: in its sentences, browser, device, factor or address.

    Names are compared here, because SQLite knows upper and lower case of ASCII letters only. The browser and
    address of support are not shown, and must not be found out either.
    """
    own = Q(detail__by__isnull=True) | Q(detail__by=actor(user_id))
    newest = events.order_by().values("browser", **NAMED).annotate(last=Max("at")).order_by("-last")
    stored: list[Any] = list(newest[:MAX_NAMES])
    events = events.alias(**NAMED)
    for word in text.replace("\0", " ")[:MAX_SEARCH].casefold().split()[:MAX_WORDS]:
        found = {column: values_with(word, column, stored) for column in AS_SHOWN}
        shown = says(word) | Q(device__in=found["device"]) | Q(factor__in=found["factor"])
        where = Q(browser__in=found["browser"]) | Q(ip_address__icontains=word)
        events = events.filter(shown | own & where)
    return events


def says(word: str) -> Q:
    """Whose sentence has the word."""
    of_key = Q(detail__has_key=SECURITY_KEY)
    plain = Q(kind__in=kinds_with(word, {})) & ~of_key
    return plain | Q(kind__in=kinds_with(word, OF_SECURITY_KEY)) & of_key


def values_with(word: str, column: str, stored: Iterable[dict[str, Any]]) -> list[str]:
    values = {row[column] for row in stored if row[column]}
    return [value for value in values if word in AS_SHOWN[column](value).casefold()]


def kinds_with(word: str, instead: Mapping[EventKind, tuple[Any, Any]]) -> list[EventKind]:
    """Whose sentence for the person has the word, alone or as a part of a sign-in.

    `instead`: the sentences of some kinds, in place of those in event_kinds.py.
    """
    return [
        kind
        for kind in EventKind
        if any(
            word in str(sentence).casefold()
            for sentence in (
                instead[kind][PERSON] if kind in instead else kind.to_person or kind.label,
                *TITLE_OF_SIGN_IN.get(kind, ())[:1],
                *ADDITIONS.get(kind, ())[:1],
            )
        )
    ]


def name_actors(events: Sequence[Event]) -> None:
    """For support: sets the name of the user who did it, or of the rule, in one query for all of each.

    What is deleted has none.
    """
    people, rules = get_user_model()._default_manager, Rule.objects.select_related("group", "user")
    name_some(events, actor, lambda keys: people.filter(pk__in=keys), lambda user: user.get_username())
    name_some(events, rule_as_actor, lambda keys: rules.filter(pk__in=keys), lambda rule: rule.whom)


def name_some(
    events: Sequence[Event],
    as_actor: Callable[[Any], str],
    find: Callable[[set[str]], Iterable[Any]],
    name_of: Callable[[Any], str],
) -> None:
    prefix = as_actor("")
    theirs = [event for event in events if event.detail.get("by", "").startswith(prefix)]
    if theirs:
        keys = {event.detail["by"].removeprefix(prefix) for event in theirs}
        names = {as_actor(row.pk): name_of(row) for row in find(keys)}
        for event in theirs:
            event.actor_name = names.get(event.detail["by"], "")
