"""What is kept about one person: to show and to download, and what becomes of it when the account goes.

No secret is in it: no key, code, hash, handle or token, nor the addresses and browsers of support.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db.models import Model
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext, pgettext_lazy

from twofactor import events
from twofactor.event_kinds import EventKind
from twofactor.models import (
    Authenticator,
    BackupCode,
    Draft,
    Event,
    GuessBudget,
    Letter,
    Passkey,
    Phone,
    Recovery,
    Reminder,
    Rule,
    SecurityRecord,
    SentCode,
    Session,
    TokenFamily,
    TrustedBrowser,
    TwoFactor,
    WarningsAddress,
)
from twofactor.operations.prune import LETTERS_KEPT
from twofactor.users import TwoFactorUser
from twofactor.web import browser_names

__all__ = ["Section", "anonymise_log", "what_is_kept", "what_stays"]

Row = dict[str, Any]

ADDED, LAST_USED, SINCE = (
    pgettext_lazy("two-factor", "added"),
    pgettext_lazy("two-factor", "last used"),
    gettext_lazy("since"),
)
WHEN, NAME = pgettext_lazy("two-factor", "when"), pgettext_lazy("two-factor", "name")
BROWSER, IP_ADDRESS = pgettext_lazy("two-factor", "browser"), pgettext_lazy("two-factor", "IP address")
USED, EXPIRES = pgettext_lazy("two-factor", "used"), pgettext_lazy("two-factor", "expires")
DEVICE_AS_SHOWN = {"browser": browser_names.localized}
OF_DEVICE = {
    "name": NAME,
    "browser": BROWSER,
    "ip_address": IP_ADDRESS,
    "began_at": SINCE,
    "last_used_at": LAST_USED,
}
# What stays of an event's detail. The rest names what the person owns, or was typed by support.
DETAILS_THAT_STAY = frozenset({"about", "by", "channel", "day", "method", "rule", "source"})
ROWS_AT_ONCE = 500


@dataclass(frozen=True)
class Section:
    """The rows of one table."""

    name: str  # in the file
    title: Any  # on the page
    rows: list[Row]
    labels: Mapping[str, Any]  # of the columns on the page; the others are in the file alone
    formats: Mapping[str, Callable[[Any], str]] = field(default_factory=dict)

    def first_rows(self, limit: int) -> Iterator[list[tuple[str, str]]]:
        """As label and text, for the page."""
        for row in self.rows[:limit]:
            yield [
                (capfirst(str(label)), self.as_text(name, row[name])) for name, label in self.labels.items()
            ]

    def as_text(self, name: str, value: Any) -> str:
        if name in self.formats and value:
            return self.formats[name](value)
        return as_text(value)


def as_text(value: Any) -> str:
    if isinstance(value, bool):
        return pgettext("two-factor", "Yes") if value else pgettext("two-factor", "No")
    if isinstance(value, datetime):
        return f"{date_format(value, 'DATETIME_FORMAT')} (UTC)"
    if isinstance(value, date):
        return date_format(value, "DATE_FORMAT")
    return "–" if value in (None, "") else str(value)


@dataclass(frozen=True)
class Table:
    model: type[Model]
    title: Any
    labels: Mapping[str, Any]
    more: tuple[str, ...] = ()  # columns that only the file has
    order: str = "pk"
    formats: Mapping[str, Callable[[Any], str]] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.labels, *self.more)


def name_of_letter(template: str) -> str:
    """The sentence of its event, where it is about one."""
    name = template.rpartition("/")[2]
    if name not in EventKind.values:
        return pgettext("two-factor", "Email")
    kind = EventKind(name)
    return str(kind.to_person or kind.label)


TABLES = {
    "two_factor": Table(
        TwoFactor,
        gettext_lazy("Two-factor authentication"),
        {"enabled_at": pgettext_lazy("two-factor", "on since")},
        ("changed_at", "recovery_shut_until"),
    ),
    "authenticator_apps": Table(
        Authenticator,
        Authenticator._meta.verbose_name_plural,
        {"name": NAME, "added_at": ADDED, "last_used_at": LAST_USED},
        ("full_from",),
    ),
    "passkeys": Table(
        Passkey,
        Passkey._meta.verbose_name_plural,
        {"name": NAME, "added_at": ADDED, "last_used_at": LAST_USED},
        (
            *("kind", "rp_id", "sign_count", "transports", "aaguid", "discoverable", "verified"),
            *("backup_eligible", "backed_up", "made_quietly", "full_from", "suspected_at"),
        ),
    ),
    "backup_codes": Table(
        BackupCode,
        gettext_lazy("Backup codes"),
        {"used_at": USED, "expires_at": EXPIRES},
        ("imported",),
    ),
    "phone": Table(
        Phone,
        gettext_lazy("Phone number for text messages"),
        {"number": pgettext_lazy("two-factor", "Phone number"), "verified_at": SINCE},
        ("new_number",),
    ),
    "warnings_address": Table(
        WarningsAddress,
        gettext_lazy("Email address for warnings"),
        {"address": pgettext_lazy("two-factor", "Email"), "confirmed_at": SINCE},
        ("new_address",),
    ),
    "recovery": Table(
        Recovery,
        gettext_lazy("Recovery"),
        {"asked_at": WHEN},
        ("counted_from", "ready_at", "told_at", "opened_at", "stopped_at", "finished_at"),
    ),
    "sessions": Table(
        Session,
        gettext_lazy("Where you're signed in"),
        OF_DEVICE,
        ("method", "expire_date"),
        "-began_at",
        DEVICE_AS_SHOWN,
    ),
    "programs": Table(
        TokenFamily,
        gettext_lazy("Programs that are signed in"),
        OF_DEVICE,
        ("method", "stepped_up_at", "expires_at"),
        "-began_at",
        DEVICE_AS_SHOWN,
    ),
    "trusted_browsers": Table(
        TrustedBrowser,
        TrustedBrowser._meta.verbose_name_plural,
        {**OF_DEVICE, "expires_at": pgettext_lazy("two-factor", "trusted until")},
        ("without_factor",),
        "-began_at",
        DEVICE_AS_SHOWN,
    ),
    "sent_codes": Table(
        SentCode,
        gettext_lazy("Codes we sent you"),
        {"sent_at": WHEN, "target": pgettext_lazy("two-factor", "to"), "used_at": USED},
        ("channel", "tries"),
    ),
    "emails": Table(
        Letter,
        gettext_lazy("Emails we sent you"),
        {"written_at": WHEN, "template": pgettext_lazy("two-factor", "what")},
        ("due_at", "tries", "was_refused", "ended_at"),
        "-written_at",
        {"template": name_of_letter},
    ),
    "wrong_codes": Table(
        GuessBudget,
        gettext_lazy("Wrong codes"),
        {
            "failures": pgettext_lazy("two-factor", "in a row"),
            "day_failures": pgettext_lazy("two-factor", "that day"),
        },
        ("locked_until", "day_began_at", "has_many_apps", "lifted_at"),
    ),
    "setups": Table(Draft, gettext_lazy("Unfinished setup"), {"started_at": WHEN}, ("kind", "failures")),
    "reminder": Table(Reminder, gettext_lazy("Dismissed reminder"), {"dismissed_at": WHEN}),
    "rules": Table(
        Rule,
        Rule._meta.verbose_name_plural,
        {"starts_on": pgettext_lazy("two-factor", "first day"), "grace_days": gettext_lazy("days of grace")},
        ("factor",),
    ),
    "email": Table(
        SecurityRecord,
        pgettext_lazy("two-factor", "Email"),
        {"email_verified_at": gettext_lazy("email address confirmed")},
        ("security_epoch",),
    ),
    "activity": Table(
        Event,
        pgettext_lazy("two-factor", "All activity"),
        {
            "at": WHEN,
            "what": pgettext_lazy("two-factor", "what"),
            "browser": BROWSER,
            "ip_address": IP_ADDRESS,
        },
        ("kind", "detail"),
        "-at",
        {"browser": browser_names.name_of},
    ),
}


def what_is_kept(user: TwoFactorUser) -> list[Section]:
    """One section for each table that has rows of this person. Values are as in the models."""
    sections = []
    for name, table in TABLES.items():
        if rows := list(rows_of(table, user)):
            sections.append(Section(name, table.title, rows, table.labels, table.formats))
    return sections


def rows_of(table: Table, user: TwoFactorUser) -> Iterator[Row]:
    found = table.model._default_manager.filter(user_id=user.pk).order_by(table.order)
    if table.model is Event:
        return (row_of_event(event) for event in found.iterator())
    return found.values(*table.columns).iterator()


def row_of_event(event: Any) -> Row:
    """As the list of activity shows it, with the whole detail but who of support did it."""
    is_own = not event.is_by_someone_else
    return {
        "at": event.at,
        "what": event.title,
        "browser": event.browser if is_own else "",
        "ip_address": event.ip_address if is_own else None,
        "kind": event.kind,
        "detail": event.detail if is_own else {**event.detail, "by": "support"},
    }


# After the account


def what_stays() -> list[str]:
    """What is still there once the person is deleted, in sentences for the person."""
    days = LETTERS_KEPT.days
    sent = ngettext(
        "For %(count)d day, that we sent you emails, without their text and your address.",
        "For %(count)d days, that we sent you emails, without their text and your address.",
        days,
    )
    return [
        _(
            "In the security log, what happened and when, without your name, IP addresses, browsers and"
            " devices."
        ),
        sent % {"count": days},
        _("For a short time, counts that limit attempts, without your name."),
    ]


def lock_factors(user_id: Any) -> None:
    """As a sign-in does, before the person: in another order the two could wait for each other."""
    for model in (GuessBudget, TwoFactor, Authenticator, Passkey, BackupCode, SentCode):
        rows = model._default_manager.select_for_update().filter(user_id=user_id)
        list(rows.order_by("pk").values_list("pk", flat=True))


def anonymise_log(user: TwoFactorUser) -> None:
    """Call it right before the person is deleted, in the same transaction.

    The rows of the audit log stay, and the deletion takes the person out of them. This takes out the rest.
    """
    with events.atomic():
        lock_factors(user.pk)
        rows = Event.objects.filter(user_id=user.pk)
        rows.update(ip_address=None, browser="", device_id=None, trusted_browser_id=None)
        for detail, keys in shortened_details(rows.exclude(detail={}).values_list("pk", "detail")):
            for start in range(0, len(keys), ROWS_AT_ONCE):
                Event.objects.filter(pk__in=keys[start : start + ROWS_AT_ONCE]).update(detail=detail)


def shortened_details(rows: Any) -> list[tuple[dict[str, Any], list[int]]]:
    """Each detail that has to be written, and for which rows: few of them differ."""
    found: dict[tuple[Any, ...], list[int]] = {}
    for pk, detail in rows.iterator():
        if not DETAILS_THAT_STAY.issuperset(detail):
            left = tuple(sorted((name, detail[name]) for name in DETAILS_THAT_STAY.intersection(detail)))
            found.setdefault(left, []).append(pk)
    return [(dict(left), keys) for left, keys in found.items()]
