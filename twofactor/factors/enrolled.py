"""Which factors a person has, and what each of them proves."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db import router
from django.db.models import Exists, F, OuterRef, QuerySet, Subquery

from twofactor import statements
from twofactor.models import Authenticator, BackupCode, GuessBudget, Passkey, PasskeyOwner, TwoFactor
from twofactor.users import TwoFactorUser

MAX_APPS = 5
YOUNG_FOR = timedelta(hours=24)
LONGEST_ID = 19  # digits: more are no bigint
# A person has rows of these only while it is on. Passkeys may be added while it is off, and prove nothing.
ONLY_WHILE_ON: tuple[Any, ...] = (TwoFactor, Authenticator, BackupCode)


def is_on(user: TwoFactorUser) -> bool:
    """Whether a second factor is asked for. One query.

    An app or a backup code without the row TwoFactor counts too, also a code that is spent: after a restore
    of some tables only, nobody may get in by the password alone.
    """
    return has_row(user.pk)


def was_on(user: TwoFactorUser) -> bool:
    """As is_on(), without a query if the row was read together with the person."""
    return getattr(user, "two_factor", None) is not None or is_on(user)


@statements.exists
def has_row(user_id: Any) -> Any:
    rows = [model.objects.filter(user_id=user_id).values_list("user_id") for model in ONLY_WHILE_ON]
    return rows[0].union(*rows[1:])


@dataclass(frozen=True)
class Overview:
    """What a page asks of a person's factors, in one query."""

    is_on: bool
    has_app: bool
    passkeys: list[Passkey]  # the oldest first
    handle: bytes | None = field(repr=False)  # of PasskeyOwner


def overview_of(user: TwoFactorUser) -> Overview:
    rows = overview_rows(user.pk)
    width, alias = len(PASSKEY_COLUMNS), router.db_for_write(Passkey)
    own = [Passkey.from_db(alias, PASSKEY_COLUMNS, row[:width]) for row in rows if row[0] is not None]
    has_row, has_app, has_code, handle = rows[0][width:] if rows else (False, False, False, None)
    return Overview(has_row or has_app or has_code, has_app, own, bytes(handle) if handle else None)


PASSKEY_COLUMNS = [column.attname for column in Passkey._meta.concrete_fields]  # its key first


@statements.rows
def overview_rows(user_id: Any) -> Any:
    """One for each passkey, or one without any."""
    own = OuterRef("pk")
    person = get_user_model()._base_manager.filter(pk=user_id).order_by("passkeys__added_at", "passkeys__pk")
    return person.values_list(
        *[f"passkeys__{column}" for column in PASSKEY_COLUMNS],
        *[Exists(model.objects.filter(user_id=own)) for model in ONLY_WHILE_ON],
        Subquery(PasskeyOwner.objects.filter(pk=own).values("handle")),
    )


def lock(user: TwoFactorUser, now: datetime) -> bool:
    """First in each transaction that changes a person's factors, so that only one at a time does.

    On PostgreSQL it locks the rows, on SQLite it begins to write. That of the guesses first, as whoever
    enters a code does. False if two-factor authentication is off.
    """
    GuessBudget.objects.filter(pk=user.pk).update(failures=F("failures"))
    return lock_after_guesses(user, now)


def lock_after_guesses(user: TwoFactorUser, now: datetime) -> bool:
    """For a transaction that has changed the row of the guesses already."""
    if TwoFactor.objects.filter(pk=user.pk).update(changed_at=now):
        return True
    PasskeyOwner.objects.filter(pk=user.pk).update(handle=F("handle"))  # who has passkeys has this row
    return is_on(user)


Factor = Authenticator | Passkey
OF_PASSKEY = "passkey-"  # begins the ids of id_of(), where those of apps are numbers


def apps_of(user: TwoFactorUser) -> QuerySet[Authenticator]:
    """The oldest first."""
    return Authenticator.objects.filter(user_id=user.pk).order_by("added_at", "pk")


def passkeys_of(user: TwoFactorUser) -> QuerySet[Passkey]:
    """Passkeys and security keys, the oldest first."""
    return Passkey.objects.filter(user_id=user.pk).order_by("added_at", "pk")


def factors_of(user: TwoFactorUser) -> list[Factor]:
    """Apps, passkeys and keys. Backup codes, phone and email are ways back, and never count.

    A passkey that the browser has made without asking counts from its first use.
    """
    return [*apps_of(user), *passkeys_of(user).exclude(made_quietly=True, last_used_at=None)]


def id_of(factor: Factor) -> str:
    """Names it among all of a person's, in forms and in the session."""
    return f"{OF_PASSKEY}{factor.pk}" if isinstance(factor, Passkey) else str(factor.pk)


def is_id_of_passkey(factor_id: str) -> bool:
    return factor_id.startswith(OF_PASSKEY)


def find_factor(user: TwoFactorUser, factor_id: str) -> Factor | None:
    """None for any text that id_of() has not written, too."""
    is_passkey, number = is_id_of_passkey(factor_id), factor_id.removeprefix(OF_PASSKEY)
    if not (number.isascii() and number.isdecimal() and len(number) < LONGEST_ID):
        return None
    return (passkeys_of(user) if is_passkey else apps_of(user)).filter(pk=number).first()


def proves_everything(factor: Factor, now: datetime) -> bool:
    """False for one that a thief may have added: it removes no other factor and changes no address.

    The waiting time belongs to the factor. It does not end when an older one goes, or that of a thief would
    be the oldest one as soon as the owner changes phones.
    """
    return factor.full_from is not None and factor.full_from <= now and not is_suspected(factor)


def is_suspected(factor: Factor) -> bool:
    """May someone else have a copy of it? Then what it has opened proves nothing any more, either."""
    return isinstance(factor, Passkey) and factor.suspected_at is not None


def start_waiting(user: TwoFactorUser, now: datetime) -> None:
    """After a removal: if none of those left would ever prove everything, they all do in a day."""
    left: list[Factor] = [*apps_of(user), *passkeys_of(user)]
    if all(factor.full_from is None for factor in left):
        vouch_for_all(user, now + YOUNG_FOR)


def vouch_for_all(user: TwoFactorUser, full_from: datetime) -> None:
    """From then on each of the person's factors proves everything."""
    apps_of(user).update(full_from=full_from)
    passkeys_of(user).update(full_from=full_from)
