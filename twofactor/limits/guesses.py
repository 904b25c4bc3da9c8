"""How often a person may guess or ask. Counted in the database before anything is verified or sent."""

from datetime import datetime, timedelta

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models import Case, F, Q, QuerySet, Value, When

from twofactor import sealing
from twofactor.clocks import CLOCKS_APART, DAY, HOUR
from twofactor.models import GuessBudget
from twofactor.sessions import credential_digests

FREE_GUESSES = 5
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = HOUR
GUESSES_A_DAY = 20
LAST_GUESS = 100  # in a row; then only a new password opens the way (NIST SP 800-63B-4, 3.2.2)
LIFT_EVERY = timedelta(days=30)  # a new password may come from a thief who reads the mail


class Locked(Exception):
    """No guess is looked at until then; None: not before the password has been changed.

    Where a new password has lifted the stop lately, the next one does so from `lifts_at` on.
    """

    def __init__(self, until: datetime | None, lifts_at: datetime | None = None) -> None:
        self.until, self.lifts_at = until, lifts_at


def wait_after(failures: int) -> timedelta:
    """Nothing after the first guesses, then 30 seconds, doubling to an hour."""
    if failures < FREE_GUESSES:
        return timedelta(0)
    doublings = min(failures - FREE_GUESSES, 10)
    return min(FIRST_WAIT * int(2**doublings), LONGEST_WAIT)


def lock_of(guesses: GuessBudget | None, user: AbstractBaseUser, now: datetime) -> Locked | None:
    if guesses is None:
        return None
    ends: list[datetime] = []
    lifts_at = None
    if guesses.failures >= LAST_GUESS:
        if guesses.lifted_at and now - LIFT_EVERY < guesses.lifted_at <= now + CLOCKS_APART:
            lifts_at = guesses.lifted_at + LIFT_EVERY
            ends.append(lifts_at)
        if not has_new_password(guesses, user):
            return Locked(None, lifts_at)
    if guesses.blocked_until and now < guesses.blocked_until <= now + LONGEST_WAIT + CLOCKS_APART:
        ends.append(guesses.blocked_until)
    if guesses.day_failures >= GUESSES_A_DAY and (began := began_today(guesses, now)):
        ends.append(began + DAY)
    return Locked(max(ends), lifts_at) if ends else None


def has_new_password(guesses: GuessBudget, user: AbstractBaseUser) -> bool:
    """Since the last guess. A digest that cannot be checked says nothing."""
    stored = guesses.password_digest
    return sealing.can_check(stored) and not credential_digests.has_digest(
        user, credential_digests.PASSWORD_PURPOSE, stored
    )


def began_today(guesses: GuessBudget, now: datetime) -> datetime | None:
    """When the day of the count began, unless it is over, or is one of a clock that was ahead."""
    began = guesses.day_began_at
    return began if began and now - DAY < began <= now + CLOCKS_APART else None


def locked_now(now: datetime) -> QuerySet[GuessBudget]:
    """Everybody for whom lock_of answers. Those who are stopped are few, and are looked at one by one."""
    stopped = GuessBudget.objects.filter(failures__gte=LAST_GUESS).select_related("user")
    still = [guesses.pk for guesses in stopped if lock_of(guesses, guesses.user, now)]
    waiting = Q(blocked_until__gt=now, blocked_until__lte=now + LONGEST_WAIT + CLOCKS_APART)
    today = Q(day_began_at__gt=now - DAY, day_began_at__lte=now + CLOCKS_APART)
    used_up = Q(day_failures__gte=GUESSES_A_DAY) & today
    return GuessBudget.objects.filter(Q(pk__in=still) | waiting | used_up)


def unlock(user: AbstractBaseUser) -> bool:
    """Support vouches for them: they wait for nothing. After the last guess only if the password is new."""
    guesses = GuessBudget.objects.filter(pk=user.pk).first()
    if guesses is None:
        return True
    may = Q(failures__lt=LAST_GUESS)
    if has_new_password(guesses, user):
        may |= Q(password_digest=guesses.password_digest)
    lifted = GuessBudget.objects.filter(may, pk=user.pk).update(
        failures=0, blocked_until=None, day_failures=0, day_began_at=None
    )
    return bool(lifted)


def charge(user: AbstractBaseUser, now: datetime) -> int:
    """One guess, paid for before it is verified. Returns how many there have been in a row, with this one.

    In a transaction of its own: whatever goes wrong afterwards, the guess stays counted. The UPDATE names
    the row as it was read, with the person or here, so of any number of guesses at once only as many as are
    free are ever looked at. A new password lifts the stop after the last guess and clears nothing: this
    guess is the last one again.
    """
    with_user: GuessBudget | None = getattr(user, "guess_budget", None)
    digest = credential_digests.digest(user, credential_digests.PASSWORD_PURPOSE)
    while True:
        with transaction.atomic(durable=True):
            guesses = with_user or GuessBudget.objects.get_or_create(pk=user.pk)[0]
            lock = lock_of(guesses, user, now)
            if lock:
                raise lock
            began = began_today(guesses, now)
            free = as_read(guesses)
            if stopped := guesses.failures >= LAST_GUESS:
                free = free.filter(user__password=user.password)  # still, in case it has changed meanwhile
            failures = min(guesses.failures + 1, LAST_GUESS)
            wait = wait_after(failures)
            charged = free.update(
                failures=failures,
                password_digest=digest,
                lifted_at=now if stopped else guesses.lifted_at,
                blocked_until=now + wait if wait else None,
                day_failures=guesses.day_failures + 1 if began else 1,
                day_began_at=began or now,
            )
        if charged:
            return failures
        if stopped and with_user is None:  # just read: the password has changed again, or the guess is taken
            raise Locked(None)
        with_user = None


def as_read(guesses: GuessBudget) -> QuerySet[GuessBudget]:
    return GuessBudget.objects.filter(
        pk=guesses.pk,
        failures=guesses.failures,
        blocked_until=guesses.blocked_until,
        day_failures=guesses.day_failures,
        day_began_at=guesses.day_began_at,
        lifted_at=guesses.lifted_at,
        password_digest=guesses.password_digest,
    )


def refund(user: AbstractBaseUser) -> None:
    """A replay of a right code is no guess. After the last guess it lifts nothing: the stop stays."""
    last = When(failures__gte=LAST_GUESS, then=Value(LAST_GUESS))
    GuessBudget.objects.filter(pk=user.pk).update(
        failures=Case(last, When(failures__gt=0, then=F("failures") - 1), default=Value(0)),
        day_failures=Case(When(day_failures__gt=0, then=F("day_failures") - 1), default=Value(0)),
        blocked_until=None,
    )


def reset_after_success(user: AbstractBaseUser, *, with_factor: bool) -> None:
    """A right code: its own charge is given back, and nothing has to be waited for. The day's count stays.

    Where the day's count is nothing, support has lifted all meanwhile.
    """
    proven = credential_digests.current(user) if with_factor else {}
    GuessBudget.objects.filter(pk=user.pk).update(
        failures=0,
        blocked_until=None,
        day_failures=Case(When(day_failures__gt=0, then=F("day_failures") - 1), default=Value(0)),
        **proven,
    )
