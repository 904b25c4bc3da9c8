"""Imports the second factors of another app, all of them in one transaction and without sending mail."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from twofactor import events
from twofactor.factors import authenticator_app, backup_codes, code_text, totp
from twofactor.importers import allauth, django_otp, django_totp
from twofactor.importers.records import ForeignFactor, LeftOut, ReadOptions
from twofactor.models import Authenticator, BackupCode, Draft, Phone, TwoFactor
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
PROGRESS_EVERY = 100  # people


@dataclass
class ImportSummary:
    """What was imported, or would be. The command prints each field under its name."""

    imported: int = 0
    backup_codes: int = 0
    phones_to_verify: int = 0
    already_here: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    faults: list[tuple[str, str]] = field(default_factory=list)  # (name of the user, what is wrong)


@dataclass(frozen=True)
class Candidate:
    """A user and the factor to import. Its codes and number are already as this app stores them."""

    user: TwoFactorUser
    factor: ForeignFactor
    backup_codes: list[str] = field(repr=False)
    phone: str = field(repr=False)


def run_import(
    source: str,
    now: datetime,
    *,
    only: set[Any] | None = None,
    only_default: bool = False,
    dry_run: bool = False,
    progress: Callable[[str], None] = lambda line: None,
) -> ImportSummary:
    """Safe to repeat: a user for whom it is on here is left alone. `only` has primary keys."""
    summary = ImportSummary()
    records = SOURCES[source](ReadOptions(now, only_default))
    candidates = select(list(records), only, summary, now)
    stored = candidates if dry_run else store_all(candidates, source, now, progress)
    summary.imported = len(stored)
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
    enrolled, with_phone = user_ids(TwoFactor), user_ids(Phone)
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
        elif fault := fault_of(record, now):
            summary.faults.append((name, fault))
        else:
            number = "" if user_id in with_phone else to_e164(record.phone)
            if number is None:
                summary.faults.append((name, "has a phone number without its country code"))
            summary.faults.extend((name, fault) for fault in record.faults)
            candidates.append(Candidate(user, record, read_codes(record.backup_codes), number or ""))
    return candidates


def user_ids(model: type[TwoFactor] | type[Phone]) -> set[Any]:
    return set(model.objects.values_list("pk", flat=True))


def to_user_id(value: Any) -> Any:
    """None for a value that cannot be a primary key: some releases store it without a foreign key."""
    try:
        return get_user_model()._meta.pk.to_python(value)
    except ValidationError:
        return None


def fault_of(factor: ForeignFactor, now: datetime) -> str:
    """Why no code of this authenticator could be accepted here; an empty string if nothing is wrong."""
    for name in ("digits", "period", "t0", "drift", "last_step"):
        if type(getattr(factor, name)) is not int:
            return f"has {NUMBERS[name]} that is no number"
    if factor.digits not in DIGITS:
        return f"has codes of {factor.digits} digits"
    if factor.period not in PERIODS:
        return f"has codes that change every {factor.period} seconds"
    if not 0 <= factor.t0 <= now.timestamp():
        return "counts the steps of its codes from a time that cannot be"
    if abs(factor.drift) > MAX_DRIFT:
        return f"has a clock that is off by {factor.drift} steps"
    if factor.last_step > totp.step_at(now + MAX_AHEAD, factor.period, factor.t0):
        return "has a last used code of a time to come: no code would be accepted before it"
    try:
        totp.code_at(factor.key, 0, factor.digits)
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
    candidates: list[Candidate], source: str, now: datetime, progress: Callable[[str], None]
) -> list[Candidate]:
    """Hashes before the transaction begins, because ten codes take a third of a second."""
    hashed = list(hash_codes(candidates, progress))
    with transaction.atomic():
        enrolled = user_ids(TwoFactor)  # read again: someone may have set theirs up meanwhile
        new = [(candidate, codes) for candidate, codes in hashed if candidate.user.pk not in enrolled]
        for candidate, codes in new:
            store(candidate, codes, source, now)
    return [candidate for candidate, _ in new]


def hash_codes(
    candidates: list[Candidate], progress: Callable[[str], None]
) -> Iterator[tuple[Candidate, list[BackupCode]]]:
    with ThreadPoolExecutor() as pool:  # Argon2 releases the GIL
        rows = pool.map(
            lambda candidate: backup_codes.make_rows(candidate.user, candidate.backup_codes, imported=True),
            candidates,
        )
        for done, pair in enumerate(zip(candidates, rows, strict=True), 1):
            if done % PROGRESS_EVERY == 0:
                progress(f"{done} of {len(candidates)} people made ready")
            yield pair


def store(candidate: Candidate, codes: list[BackupCode], source: str, now: datetime) -> None:
    """As at the end of a setup, but without mail, and without a code that was spent here."""
    user, factor = candidate.user, candidate.factor
    authenticator = Authenticator(
        user_id=user.pk,
        name=_("Authenticator app"),
        digits=factor.digits,
        period=factor.period,
        t0=factor.t0,
        drift=factor.drift,
        last_step=factor.last_step,
        added_at=factor.enabled_at or now,
        full_from=now,
        last_used_at=factor.last_used_at,
    )
    authenticator_app.seal_key(authenticator, factor.key, now)
    authenticator.save(force_insert=True)
    TwoFactor.objects.create(user_id=user.pk, enabled_at=authenticator.added_at, changed_at=now)
    backup_codes.replace_all(user, codes)
    Draft.objects.filter(user_id=user.pk).delete()
    if candidate.phone:
        Phone.objects.create(pk=user.pk, new_number=candidate.phone)
    epoch.end_sessions(user)
    events.record("two_factor_imported", user, None, source=source)
