"""Imports the second factors of another app, all of them in one transaction and without sending mail."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from twofactor import events
from twofactor.factor_changes import unused_name
from twofactor.factors import authenticator_app, backup_codes, code_text, totp
from twofactor.factors.enrolled import MAX_APPS, ONLY_WHILE_ON
from twofactor.forms import visible_name
from twofactor.importers import allauth, django_otp, django_totp
from twofactor.importers.records import ForeignApp, ForeignFactor, LeftOut, ReadOptions
from twofactor.limits import guesses
from twofactor.models import (
    FACTOR_NAME_LENGTH,
    Authenticator,
    BackupCode,
    Draft,
    GuessBudget,
    Phone,
    TwoFactor,
)
from twofactor.sessions import epoch
from twofactor.users import TwoFactorUser

SOURCES: dict[str, Callable[[ReadOptions], Iterator[ForeignFactor | LeftOut]]] = {
    "django-otp": django_otp.read,
    "allauth": allauth.read,
    "django-totp": django_totp.read,
}
DIGITS = range(6, 9)
PERIODS = range(1, 60 * 60 + 1)
MAX_DRIFT = 32767  # steps; the column is a small integer
MAX_AHEAD = timedelta(hours=1)  # how far the clock of the other site may have been ahead of ours
NUMBERS = {
    "digits": "a number of digits",
    "period": "a period",
    "t0": "a first moment",
    "drift": "a drift",
    "last_step": "a last used step",
}
MAX_NUMBER_DIGITS = 15  # ITU-T E.164


@dataclass
class ImportSummary:
    """What was imported, or would be. The command prints each field under its name."""

    imported: int = 0
    authenticator_apps: int = 0
    backup_codes: int = 0
    phones_to_verify: int = 0
    already_here: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    faults: list[tuple[str, str]] = field(default_factory=list)  # (name of the user, what is wrong)


@dataclass(frozen=True)
class Candidate:
    """A user and the factor to import. Its codes and number are already as this app stores them."""

    user: TwoFactorUser
    apps: list[ForeignApp]
    backup_codes: list[str] = field(repr=False)
    phone: str = field(repr=False)


def run_import(
    source: str,
    now: datetime,
    *,
    only: set[Any] | None = None,
    only_default: bool = False,
    dry_run: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ImportSummary:
    """Safe to repeat: a user for whom it is on here is left alone. `only` has primary keys."""
    summary = ImportSummary()
    records = SOURCES[source](ReadOptions(now, only_default))
    candidates = select(list(records), only, summary, now)
    stored = candidates if dry_run else store_all(candidates, source, now, progress)
    summary.imported = len(stored)
    summary.authenticator_apps = sum(len(candidate.apps) for candidate in stored)
    summary.backup_codes = sum(len(candidate.backup_codes) for candidate in stored)
    summary.phones_to_verify = sum(1 for candidate in stored if candidate.phone)
    summary.already_here += len(candidates) - len(stored)
    return summary


def select(
    records: list[ForeignFactor | LeftOut], only: set[Any] | None, summary: ImportSummary, now: datetime
) -> list[Candidate]:
    """The factors that can be imported; all others are counted or listed in the summary."""
    by_id = [(to_user_id(record.user_id), record) for record in records]
    wanted = [(user_id, record) for user_id, record in by_id if only is None or user_id in only]
    users = get_user_model()._default_manager.in_bulk({user_id for user_id, _ in wanted})
    enrolled, with_phone = enrolled_ids(), {*Phone.objects.values_list("pk", flat=True)}
    candidates = []
    for user_id, record in wanted:
        user = users.get(user_id)
        name = user.get_username() if user else f"user {record.user_id}"
        if user_id in enrolled:
            if isinstance(record, ForeignFactor):
                summary.already_here += 1
        elif isinstance(record, LeftOut) and not record.is_fault:
            summary.left_out[record.reason] += 1
        elif user is None:
            summary.faults.append((name, "is nobody here"))
        elif isinstance(record, LeftOut):
            summary.faults.append((name, record.reason))
        else:
            apps, faults = usable_apps(record, now)
            number = "" if user_id in with_phone else to_e164(record.phone)
            if apps and number is None:
                faults.append("has a phone number without its country code")
            summary.faults.extend((name, fault) for fault in faults)
            if apps:
                candidates.append(Candidate(user, apps, read_codes(record.backup_codes), number or ""))
    return candidates


def usable_apps(factor: ForeignFactor, now: datetime) -> tuple[list[ForeignApp], list[str]]:
    """With what is wrong with the others, and with what else the factor has."""
    fault_of_each = [(app, fault_of(app, now)) for app in factor.apps]
    usable = [app for app, fault in fault_of_each if not fault]
    faults = [fault for _app, fault in fault_of_each if fault]
    if len(usable) > MAX_APPS:
        faults.append(f"has {len(usable)} apps, of which only {MAX_APPS} can be imported")
    return usable[:MAX_APPS], [*faults, *factor.faults]


def enrolled_ids() -> set[Any]:
    """Of those for whom two-factor authentication is on, as enrolled.is_on() decides it."""
    rows = [model.objects.values_list("user_id", flat=True).distinct() for model in ONLY_WHILE_ON]
    return set(chain(*rows))


def to_user_id(value: Any) -> Any:
    """None for a value that cannot be a primary key: some releases store it without a foreign key."""
    try:
        return get_user_model()._meta.pk.to_python(value)
    except ValidationError:
        return None


def fault_of(app: ForeignApp, now: datetime) -> str:
    """Why no code of this app could be accepted here; an empty string if nothing is wrong."""
    for name in ("digits", "period", "t0", "drift", "last_step"):
        if type(getattr(app, name)) is not int:
            return f"has {NUMBERS[name]} that is no number"
    if app.digits not in DIGITS:
        return f"has codes of {app.digits} digits"
    if app.period not in PERIODS:
        return f"has codes that change every {app.period} seconds"
    if not 0 <= app.t0 <= now.timestamp():
        return "counts the steps of its codes from a time that cannot be"
    if abs(app.drift) > MAX_DRIFT:
        return f"has a clock that is off by {app.drift} steps"
    if app.last_step > totp.step_at(now + MAX_AHEAD, app.period, app.t0):
        return "has a last used code of a time to come: no code would be accepted before it"
    try:
        totp.code_at(app.key, 0, app.digits)
    except (AttributeError, TypeError, ValueError) as error:
        return f"has a key that cannot be used: {error}"
    return ""


def read_codes(codes: Iterable[str]) -> list[str]:
    """In the form that typed codes are compared in, without duplicates."""
    read = (code_text.read_imported_code(code) for code in codes if isinstance(code, str))
    return list(dict.fromkeys(code for code in read if code))


def to_e164(text: str) -> str | None:
    """An empty string for no number, and None for one without a country code."""
    if not text:
        return ""
    plus, digits = "+" in text, "".join(filter(str.isdecimal, text.partition(";")[0]))
    return f"+{digits}" if plus and 0 < len(digits) <= MAX_NUMBER_DIGITS else None


def store_all(
    candidates: list[Candidate], source: str, now: datetime, progress: Callable[[int, int], None]
) -> list[Candidate]:
    """Hashes before the transaction begins, because ten codes take a third of a second."""
    hashed = list(hash_codes(candidates, progress))
    with events.atomic():
        enrolled = enrolled_ids()  # read again: someone may have set theirs up meanwhile
        new = [(candidate, codes) for candidate, codes in hashed if candidate.user.pk not in enrolled]
        for candidate, codes in new:
            store(candidate, codes, source, now)
    return [candidate for candidate, _ in new]


def hash_codes(
    candidates: list[Candidate], progress: Callable[[int, int], None]
) -> Iterator[tuple[Candidate, list[BackupCode]]]:
    with ThreadPoolExecutor() as pool:  # Argon2 releases the GIL
        rows = pool.map(
            lambda candidate: backup_codes.make_rows(candidate.user, candidate.backup_codes, imported=True),
            candidates,
        )
        for done, pair in enumerate(zip(candidates, rows, strict=True), 1):
            progress(done, len(candidates))
            yield pair


def store(candidate: Candidate, codes: list[BackupCode], source: str, now: datetime) -> None:
    """As at the end of a setup, but without mail, and without a code that was spent here."""
    user, stored = candidate.user, list[Authenticator]()
    for app in candidate.apps:
        stored.append(store_app(user, app, stored, now))
    enabled_at = min(authenticator.added_at for authenticator in stored)
    TwoFactor.objects.create(user_id=user.pk, enabled_at=enabled_at, changed_at=now)
    has_many = len(stored) >= guesses.MANY_APPS
    GuessBudget.objects.update_or_create(pk=user.pk, defaults={"has_many_apps": has_many})
    backup_codes.replace_all(user, codes)
    Draft.objects.filter(user_id=user.pk).delete()
    if candidate.phone:
        Phone.objects.create(pk=user.pk, new_number=candidate.phone)
    epoch.end_sessions(user)
    events.record("two_factor_imported", user, None, source=source)


def store_app(
    user: TwoFactorUser, app: ForeignApp, others: list[Authenticator], now: datetime
) -> Authenticator:
    """It proves everything at once, as it did at the other app."""
    name = visible_name(app.name)[:FACTOR_NAME_LENGTH] or _("Authenticator app")
    authenticator = Authenticator(
        user_id=user.pk,
        name=unused_name(name, others),
        digits=app.digits,
        period=app.period,
        t0=app.t0,
        drift=app.drift,
        last_step=app.last_step,
        added_at=app.added_at or now,
        full_from=now,
        last_used_at=app.last_used_at,
    )
    authenticator_app.seal_key(authenticator, app.key, now)
    authenticator.save(force_insert=True)
    return authenticator
