"""Allowances: how often something may happen in a window of time."""

from datetime import timedelta

import pytest
from django.utils import timezone

from twofactor.limits.allowances import Limit
from twofactor.models import Allowance

HOUR = timedelta(hours=1)


def charge_limit(clock, subject=1, count=3):
    return Limit("letters", count, HOUR).charge(subject, timezone.now())


def test_something_may_happen_as_often_as_its_limit_says(db, clock):
    assert [charge_limit(clock) for _ in range(5)] == [True, True, True, False, False]


@pytest.mark.parametrize(("seconds", "allowed"), [(3599, False), (3600, True)])
def test_something_may_happen_again_when_the_window_has_passed(db, clock, seconds, allowed):
    [charge_limit(clock) for _ in range(3)]
    clock.shift(seconds)
    assert charge_limit(clock) is allowed


def test_refused_tries_do_not_make_the_window_longer(db, clock):
    [charge_limit(clock) for _ in range(3)]
    clock.shift(3599)
    charge_limit(clock)
    clock.shift(1)
    assert charge_limit(clock)


@pytest.mark.proves("F-09")
def test_a_window_of_a_clock_that_was_ahead_is_over(db, clock):
    clock.shift(HOUR)
    [charge_limit(clock) for _ in range(3)]
    clock.shift(-HOUR)
    assert charge_limit(clock)


def test_the_clocks_of_two_servers_do_not_end_a_window(db, clock):
    [charge_limit(clock) for _ in range(3)]
    clock.shift(-20)
    assert not charge_limit(clock)


def test_a_new_window_counts_from_one(db, clock):
    [charge_limit(clock) for _ in range(3)]
    clock.shift(HOUR)
    assert [charge_limit(clock) for _ in range(4)] == [True, True, True, False]


def test_every_subject_has_its_own_count(db, clock):
    [charge_limit(clock) for _ in range(3)]
    assert charge_limit(clock, subject=2)


def test_a_refused_try_is_not_counted(db, clock):
    [charge_limit(clock) for _ in range(5)]
    assert Allowance.objects.get().count == 3
