"""Allowances: how often something may happen in a window of time."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from twofactor.limits.allowances import Limit, TooOften, charge_all
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


# Several at once


def charge_both():
    """A limit of three, then one of two, which its shorter window ends first."""
    one, two = Limit("letters", 3, HOUR), Limit("letters", 2, HOUR / 2)
    charge_all([(one, 1), (two, 1)], timezone.now())


def counts():
    return list(Allowance.objects.order_by("-count").values_list("count", flat=True))


def test_of_several_limits_all_count_or_none_does(db, clock):
    for _ in range(2):
        charge_both()
    with pytest.raises(TooOften):
        charge_both()
    assert counts() == [2, 2]


def test_the_refusal_tells_when_the_limit_that_is_reached_ends(db, clock):
    began = timezone.now()
    for _ in range(2):
        charge_both()
    clock.shift(60)
    with pytest.raises(TooOften) as refused:
        charge_both()
    assert refused.value.until == began + HOUR / 2


def test_several_limits_are_refused_together_inside_a_transaction(db, clock):
    with transaction.atomic():
        for _ in range(2):
            charge_both()
        with pytest.raises(TooOften):
            charge_both()
        charge_limit(clock, subject=2)
    assert counts() == [2, 2, 1]


def test_a_limit_costs_one_statement_whether_it_is_new_or_reached(db, clock, django_assert_num_queries):
    for _ in range(4):
        with django_assert_num_queries(1):
            charge_limit(clock)
