"""People who bring their second factor from another app: all of them in one transaction, and no mail."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import transaction

from twofactor import events
from twofactor.factors import authenticator_app, backup_codes, code_text, totp
from twofactor.importers import allauth, django_otp, django_totp
from twofactor.importers.found import Found, LeftOut
from twofactor.models import Authenticator, BackupCode, Draft, Phone
from twofactor.sessions import epoch

SOURCES = ("django-otp", "allauth", "django-totp")
DIGITS = range(6, 9)
PERIODS = range(1, 60 * 60 + 1)
MOST_DRIFT = 32767  # steps, that the column has room for
AHEAD = timedelta(hours=1)  # that the last used code may be, on the clock of the other site
NUMBERS = {
    "digits": "a number of digits",
    "period": "a period",
    "t0": "a first moment",
    "drift": "a drift",
    "last_step": "a last used step",
}
NUMBER_DIGITS = 15  # at most, ITU-T E.164
TOLD_EVERY = 100


@dataclass
class Arrivals:
    """What was taken in, or would be."""

    imported: int = 0
    backup_codes: int = 0
    phones_to_verify: int = 0
    already_here: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    faults: list[tuple[str, str]] = field(default_factory=list)  # whose, and what


@dataclass(frozen=True)
class Arrival:
    user: Any
    found: Found
    codes: list[str] = field(repr=False)
    phone: str = field(repr=False)


def take_in(
    source: str,
    now: datetime,
    *,
    only: set[Any] | None = None,
    only_default: bool = False,
    dry_run: bool = False,
    tell: Callable[[str], None] = lambda line: None,
) -> Arrivals:
    """Safe to repeat: whoever has an authenticator here is left alone."""
    arrivals = Arrivals()
    arriving = list(sift(read(source, now, only_default=only_default), only, arrivals, now))
    stored = arriving if dry_run else store_all(arriving, source, now, tell)
    arrivals.imported = len(stored)
    arrivals.backup_codes = sum(len(arrival.codes) for arrival in stored)
    arrivals.phones_to_verify = sum(1 for arrival in stored if arrival.phone)
    arrivals.already_here += len(arriving) - len(stored)
    return arrivals


def read(source: str, now: datetime, *, only_default: bool) -> list[Found | LeftOut]:
    if source == "django-otp":
        return list(django_otp.read(only_default=only_default))
    return list(allauth.read() if source == "allauth" else django_totp.read(now))


def sift(
    items: list[Found | LeftOut], only: set[Any] | None, arrivals: Arrivals, now: datetime
) -> Iterator[Arrival]:
    """Those who can be taken in; what became of all the others goes into the account."""
    by_id = [(read_id(item.user_id), item) for item in items]
    wanted = [(user_id, item) for user_id, item in by_id if only is None or user_id in only]
    people = get_user_model()._default_manager.in_bulk({user_id for user_id, _ in wanted})
    here, with_phone = ids(Authenticator), ids(Phone)
    for user_id, item in wanted:
        user = people.get(user_id)
        name = user.get_username() if user else f"user {item.user_id}"
        if user_id in here:
            arrivals.already_here += isinstance(item, Found)
        elif isinstance(item, LeftOut) and not item.is_fault:
            arrivals.left_out[item.reason] += 1
        elif fault := fault_of(user, item, now):
            arrivals.faults.append((name, fault))
        elif isinstance(item, Found):
            number = "" if user_id in with_phone else read_number(item.phone)
            if number is None:
                arrivals.faults.append((name, "has a phone number without its country code"))
            arrivals.faults.extend((name, lost) for lost in item.lost)
            yield Arrival(user, item, read_codes(item.codes), number or "")


def ids(model: type[Authenticator] | type[Phone]) -> set[Any]:
    return set(model.objects.values_list("pk", flat=True))


def read_id(user_id: Any) -> Any:
    """Nobody's, where it is none: their tables refer to people without a foreign key in some releases."""
    try:
        return get_user_model()._meta.pk.to_python(user_id)
    except ValidationError:
        return None


def fault_of(user: Any, item: Found | LeftOut, now: datetime) -> str:
    if user is None:
        return "is nobody here"
    return item.reason if isinstance(item, LeftOut) else unusable(item, now)


def unusable(found: Found, now: datetime) -> str:
    """Why no code of this authenticator could be accepted here, or nothing."""
    for name in ("digits", "period", "t0", "drift", "last_step"):
        if type(getattr(found, name)) is not int:
            return f"has {NUMBERS[name]} that is no number"
    if found.digits not in DIGITS:
        return f"has codes of {found.digits} digits"
    if found.period not in PERIODS:
        return f"has codes that change every {found.period} seconds"
    if not 0 <= found.t0 <= now.timestamp():
        return "counts the steps of its codes from a time that cannot be"
    if abs(found.drift) > MOST_DRIFT:
        return f"has a clock that is off by {found.drift} steps"
    if found.last_step > totp.step_at(now + AHEAD, found.period, found.t0):
        return "has a last used code of a time to come: no code would be accepted before it"
    try:
        totp.code_at(found.key, 0, found.digits)
    except (AttributeError, TypeError, ValueError) as failure:
        return f"has a key that cannot be used: {failure}"
    return ""


def read_codes(written: Iterable[str]) -> list[str]:
    """As the person will be read who types one, each once."""
    codes = (code_text.read_imported_code(code) for code in written if isinstance(code, str))
    return list(dict.fromkeys(code for code in codes if code))


def read_number(text: str) -> str | None:
    """Nothing stays nothing; None is a number that nobody could send to."""
    if not text:
        return ""
    plus, digits = "+" in text, "".join(filter(str.isdecimal, text.partition(";")[0]))
    return f"+{digits}" if plus and 0 < len(digits) <= NUMBER_DIGITS else None


def store_all(
    arriving: list[Arrival], source: str, now: datetime, tell: Callable[[str], None]
) -> list[Arrival]:
    """Hashing takes a third of a second for ten codes, so it is over before the transaction begins."""
    hashed = list(hash_codes(arriving, tell))
    with transaction.atomic():
        here = ids(Authenticator)  # somebody may have set theirs up meanwhile
        stored = [(arrival, codes) for arrival, codes in hashed if arrival.user.pk not in here]
        for arrival, codes in stored:
            store(arrival, codes, source, now)
    return [arrival for arrival, _ in stored]


def hash_codes(
    arriving: list[Arrival], tell: Callable[[str], None]
) -> Iterator[tuple[Arrival, list[BackupCode]]]:
    with ThreadPoolExecutor() as pool:  # Argon2 lets other threads run
        rows = pool.map(lambda one: backup_codes.rows(one.user, one.codes, imported=True), arriving)
        for done, pair in enumerate(zip(arriving, rows, strict=True), 1):
            if done % TOLD_EVERY == 0:
                tell(f"{done} of {len(arriving)} people made ready")
            yield pair


def store(arrival: Arrival, codes: list[BackupCode], source: str, now: datetime) -> None:
    """As finishing a set-up does, except that the person hears nothing and has spent nothing here."""
    user, found = arrival.user, arrival.found
    authenticator = Authenticator(
        user_id=user.pk,
        digits=found.digits,
        period=found.period,
        t0=found.t0,
        drift=found.drift,
        last_step=found.last_step,
        enabled_at=found.since or now,
        last_used_at=found.last_used_at,
    )
    authenticator_app.seal_key(authenticator, found.key, now)
    authenticator.save(force_insert=True)
    backup_codes.replace_all(user, codes)
    Draft.objects.filter(user_id=user.pk).delete()
    if arrival.phone:
        Phone.objects.create(pk=user.pk, new_number=arrival.phone)
    epoch.end_sessions(user)
    events.record("two_factor_imported", user, None, source=source)
