"""How often a person may enter a code. Codes of all kinds, on pages and over the API, are counted together.

Every code is charged before it is verified. A wrong one stays charged; a right one is refunded.
"""

from datetime import datetime, timedelta
from math import ceil
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Value, When

from twofactor import conf, sealing, statements
from twofactor.clocks import CLOCKS_APART, DAY, HOUR
from twofactor.models import GuessBudget
from twofactor.sessions import credential_digests
from twofactor.users import TwoFactorUser

FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = HOUR
MANY_APPS = 3  # so many and more have half as many guesses: each is compared with the codes of all of them
LAST_GUESS = 100  # in a row; then only a new password helps (NIST SP 800-63B-4, 3.2.2)
LIFT_EVERY = timedelta(days=30)  # how often it helps: a thief of the mailbox can set new passwords


ONE_LESS_TODAY = Case(When(day_failures__gt=0, then=F("day_failures") - 1), default=Value(0))


class Locked(Exception):
    """No code is verified before `until`. None: not before there is a new password.

    `lifts_at` is set after LAST_GUESS if a new password has helped lately: a new one helps from then on.
    """

    def __init__(self, until: datetime | None, lifts_at: datetime | None = None) -> None:
        self.until, self.lifts_at = until, lifts_at


def wait_after(failures: int) -> timedelta:
    """None for the first guesses, then FIRST_WAIT, doubled with each guess up to LONGEST_WAIT."""
    if failures < conf.free_guesses():
        return timedelta(0)
    doublings = min(failures - conf.free_guesses(), 10)
    return min(FIRST_WAIT * int(2**doublings), LONGEST_WAIT)


def guesses_a_day(*, has_many_apps: bool) -> int:
    return ceil(conf.guesses_a_day() / 2) if has_many_apps else conf.guesses_a_day()


def lock_of(budget: GuessBudget | None, user: TwoFactorUser, now: datetime) -> Locked | None:
    if budget is None:
        return None
    ends: list[datetime] = []
    lifts_at = None
    if budget.failures >= LAST_GUESS:
        if budget.lifted_at and now - LIFT_EVERY < budget.lifted_at <= now + CLOCKS_APART:
            lifts_at = budget.lifted_at + LIFT_EVERY
            ends.append(lifts_at)
        if not has_new_password(budget, user):
            return Locked(None, lifts_at)
    if budget.locked_until and now < budget.locked_until <= now + LONGEST_WAIT + CLOCKS_APART:
        ends.append(budget.locked_until)
    a_day = guesses_a_day(has_many_apps=budget.has_many_apps)
    if budget.day_failures >= a_day and (began := began_today(budget, now)):
        ends.append(began + DAY)
    return Locked(max(ends), lifts_at) if ends else None


def has_new_password(budget: GuessBudget, user: TwoFactorUser) -> bool:
    """Since the last guess. False if the digest cannot be checked, because its key is gone."""
    stored = budget.password_digest
    return sealing.can_check(stored) and not credential_digests.has_digest(
        user, credential_digests.PASSWORD_PURPOSE, stored
    )


def began_today(budget: GuessBudget, now: datetime) -> datetime | None:
    """None if the counted day is over, or was written by a clock that was ahead."""
    began = budget.day_began_at
    return began if began and now - DAY < began <= now + CLOCKS_APART else None


def locked_now(now: datetime) -> QuerySet[GuessBudget]:
    """Of everyone who is locked. After LAST_GUESS Python has to decide; those are few."""
    stopped = GuessBudget.objects.filter(failures__gte=LAST_GUESS).select_related("user")
    still = [budget.pk for budget in stopped if lock_of(budget, budget.user, now)]
    waiting = Q(locked_until__gt=now, locked_until__lte=now + LONGEST_WAIT + CLOCKS_APART)
    today = Q(day_began_at__gt=now - DAY, day_began_at__lte=now + CLOCKS_APART)
    used_up = Q(day_failures__gte=guesses_a_day(has_many_apps=False)) | Q(
        day_failures__gte=guesses_a_day(has_many_apps=True), has_many_apps=True
    )
    return GuessBudget.objects.filter(Q(pk__in=still) | waiting | used_up & today)


def unlock(user: TwoFactorUser) -> bool:
    """For support: end every wait. False after LAST_GUESS, unless the password is new."""
    budget = GuessBudget.objects.filter(pk=user.pk).first()
    if budget is None:
        return True
    may = Q(failures__lt=LAST_GUESS)
    if has_new_password(budget, user):
        may |= Q(password_digest=budget.password_digest)
    lifted = GuessBudget.objects.filter(may, pk=user.pk).update(
        failures=0, locked_until=None, day_failures=0, day_began_at=None
    )
    return bool(lifted)


def charge(user: TwoFactorUser, now: datetime) -> int:
    """Count one guess before it is verified, or raise Locked. Returns the guesses in a row, with this one.

    For a transaction that is committed whatever fails afterwards. The UPDATE applies only to the row as it
    was read (with the user, or here): of many guesses at once, no more are verified than the limit allows.
    After LAST_GUESS a new password allows one guess, which is the last one again.
    """
    with_user: GuessBudget | None = getattr(user, "guess_budget", None)
    digest = credential_digests.digest(user, credential_digests.PASSWORD_PURPOSE)
    while True:
        budget = with_user or GuessBudget.objects.get_or_create(pk=user.pk)[0]
        lock = lock_of(budget, user, now)
        if lock:
            raise lock
        began = began_today(budget, now)
        stopped = budget.failures >= LAST_GUESS
        failures = min(budget.failures + 1, LAST_GUESS)
        wait = wait_after(failures)
        new: dict[str, Any] = {
            "failures": failures,
            "password_digest": digest,
            "lifted_at": now if stopped else budget.lifted_at,
            "locked_until": now + wait if wait else None,
            "day_failures": budget.day_failures + 1 if began else 1,
            "day_began_at": began or now,
        }
        # The password, too, may have changed since it was read.
        row = as_read(budget)
        if change_while_password_is(user.password, row, new) if stopped else change(row, new):
            return failures
        if stopped and with_user is None:  # read just now: another request has changed password or row
            raise Locked(None)
        with_user = None  # it was outdated: read the row


def as_read(budget: GuessBudget) -> dict[str, Any]:
    return {
        "pk": budget.pk,
        "failures": budget.failures,
        "locked_until": budget.locked_until,
        "day_failures": budget.day_failures,
        "day_began_at": budget.day_began_at,
        "lifted_at": budget.lifted_at,
        "has_many_apps": budget.has_many_apps,
        "password_digest": budget.password_digest,
    }


@statements.update
def change(row: dict[str, Any], new: dict[str, Any]) -> Any:
    return GuessBudget.objects.filter(**row), new


@statements.update
def change_while_password_is(password: str, row: dict[str, Any], new: dict[str, Any]) -> Any:
    """As a subquery: a join would put the whole condition into one, which PostgreSQL does not ask again after
    it has waited for the row.
    """
    same = get_user_model()._default_manager.filter(pk=OuterRef("pk"), password=password)
    return GuessBudget.objects.filter(Exists(same), **row), new


def refund(user: TwoFactorUser) -> None:
    """Undo one charge, for example of a right code that was used before. After LAST_GUESS the lock stays."""
    take_back(user.pk)


@statements.update
def take_back(pk: Any) -> Any:
    last = When(failures__gte=LAST_GUESS, then=Value(LAST_GUESS))
    return GuessBudget.objects.filter(pk=pk), {
        "failures": Case(last, When(failures__gt=0, then=F("failures") - 1), default=Value(0)),
        "day_failures": ONE_LESS_TODAY,
        "locked_until": None,
    }


def reset_after_success(user: TwoFactorUser, *, with_factor: bool) -> None:
    """After a right code: undo its charge and end the waits. The wrong codes of the day stay counted.

    day_failures is 0 only if support has unlocked the person since the charge: then there is nothing to undo.
    """
    reset(user.pk, credential_digests.current(user) if with_factor else {})


def remember_proof(user: TwoFactorUser) -> None:
    """After password and passkey: wrong codes stay counted, for nobody has entered a right one.

    Mostly it is as it was proven before, which was read with the person.
    """
    if not credential_digests.are_unchanged(user, getattr(user, "guess_budget", None)):
        remember(user.pk, **credential_digests.current(user))


@statements.update
def remember(pk: Any, proven_password_digest: str, proven_address_digest: str) -> Any:
    return GuessBudget.objects.filter(pk=pk), {
        "proven_password_digest": proven_password_digest,
        "proven_address_digest": proven_address_digest,
    }


@statements.update
def reset(pk: Any, proven: dict[str, str]) -> Any:
    new = {"failures": 0, "locked_until": None, "day_failures": ONE_LESS_TODAY}
    return GuessBudget.objects.filter(pk=pk), {**new, **proven}
