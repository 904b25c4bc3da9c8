"""Guesses: how many wrong codes a person may enter, the waits between them, and what lifts a lock."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from tests.people import PASSWORD
from twofactor.limits import guesses
from twofactor.models import GuessBudget

HOUR = timedelta(hours=1)


def try_guess(user, now):
    """Charge a guess: the number of guesses in a row, or the end of the wait."""
    try:
        return guesses.charge(user, now)
    except guesses.Locked as lock:
        return lock.until


def refused_guess(user):
    with pytest.raises(guesses.Locked) as refused:
        guesses.charge(user, timezone.now())
    return refused.value


def make_guesses(user, clock, failures):
    """Charge this many guesses in a row, each as soon as it is allowed."""
    for _ in range(failures):
        guesses.charge(user, timezone.now())
        row = GuessBudget.objects.get(pk=user.pk)
        GuessBudget.objects.filter(pk=user.pk).update(day_failures=0)
        if row.locked_until:
            clock.move_to(row.locked_until)


@pytest.mark.proves("L-4")
def test_five_guesses_are_free(alice, clock):
    assert [try_guess(alice, timezone.now()) for _ in range(5)] == [1, 2, 3, 4, 5]


def test_the_fifth_wrong_guess_costs_thirty_seconds(alice, clock):
    make_guesses(alice, clock, 4)
    guesses.charge(alice, timezone.now())
    assert try_guess(alice, timezone.now()) == timezone.now() + timedelta(seconds=30)


@pytest.mark.parametrize(("seconds", "allowed"), [(29, False), (30, True)])
def test_after_thirty_seconds_there_is_one_more(alice, clock, seconds, allowed):
    for _ in range(5):
        guesses.charge(alice, timezone.now())
    clock.shift(seconds)
    assert (try_guess(alice, timezone.now()) == 6) is allowed


def test_one_guess_after_a_wait_is_not_two(alice, clock):
    make_guesses(alice, clock, 5)
    guesses.charge(alice, timezone.now())
    assert try_guess(alice, timezone.now()) == timezone.now() + timedelta(seconds=60)


@pytest.mark.proves("N-02")
def test_waits_double_to_an_hour():
    waits = [guesses.wait_after(failures).total_seconds() for failures in range(4, 15)]
    assert waits == [0, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


def test_the_hundredth_wait_is_an_hour():
    assert guesses.wait_after(99) == HOUR


def test_asking_during_a_wait_does_not_make_it_longer(alice, clock):
    for _ in range(5):
        guesses.charge(alice, timezone.now())
    end = try_guess(alice, timezone.now())
    clock.shift(20)
    assert try_guess(alice, timezone.now()) == end


def test_asking_during_a_wait_is_not_counted(alice, clock):
    for _ in range(5):
        guesses.charge(alice, timezone.now())
    [try_guess(alice, timezone.now()) for _ in range(10)]
    assert GuessBudget.objects.get(pk=alice.pk).failures == 5


def make_twenty_guesses(alice, clock):
    """Charge twenty guesses in a day: five at a time, with a right code in between."""
    began = timezone.now()
    for _ in range(4):
        for _ in range(5):
            guesses.charge(alice, timezone.now())
            clock.shift(60)
        GuessBudget.objects.filter(pk=alice.pk).update(failures=0, locked_until=None)
    return began


@pytest.mark.proves("N-02")
def test_twenty_guesses_are_enough_for_a_day(alice, clock):
    began = make_twenty_guesses(alice, clock)
    assert try_guess(alice, timezone.now()) == began + timedelta(hours=24)


@pytest.mark.parametrize(("seconds", "allowed"), [(-1, False), (0, True)])
def test_a_day_begins_with_its_first_guess(alice, clock, seconds, allowed):
    clock.move_to(make_twenty_guesses(alice, clock) + timedelta(hours=24, seconds=seconds))
    assert (try_guess(alice, timezone.now()) == 1) is allowed


def test_a_new_day_counts_from_one(alice, clock):
    clock.move_to(make_twenty_guesses(alice, clock) + timedelta(hours=24))
    guesses.charge(alice, timezone.now())
    assert GuessBudget.objects.get(pk=alice.pk).day_failures == 1


def test_a_right_code_clears_the_count_and_the_wait(alice, clock):
    make_guesses(alice, clock, 7)
    guesses.charge(alice, timezone.now())
    guesses.reset_after_success(alice, with_factor=True)
    assert try_guess(alice, timezone.now()) == 1


@pytest.mark.proves("L-4")
def test_a_right_code_does_not_clear_the_day(alice, clock):
    for _ in range(4):
        guesses.charge(alice, timezone.now())
    guesses.reset_after_success(alice, with_factor=True)
    assert GuessBudget.objects.get(pk=alice.pk).day_failures == 3


def test_a_right_code_costs_nothing(alice, clock):
    guesses.charge(alice, timezone.now())
    guesses.reset_after_success(alice, with_factor=True)
    assert GuessBudget.objects.values_list("failures", "day_failures").get() == (0, 0)


def test_a_refund_gives_back_one_charge(alice, clock):
    for _ in range(3):
        guesses.charge(alice, timezone.now())
    guesses.refund(alice)
    assert GuessBudget.objects.values_list("failures", "day_failures").get() == (2, 2)


def test_a_refund_gives_back_the_wait_that_its_charge_began(alice, clock):
    for _ in range(5):
        guesses.charge(alice, timezone.now())
    guesses.refund(alice)
    assert try_guess(alice, timezone.now()) == 5


def test_refunds_never_go_below_nothing(alice, clock):
    guesses.charge(alice, timezone.now())
    [guesses.refund(alice) for _ in range(3)]
    assert GuessBudget.objects.values_list("failures", "day_failures").get() == (0, 0)


@pytest.mark.proves("N-01")
def test_a_hundred_wrong_guesses_in_a_row_are_the_last(alice, clock):
    guesses.charge(alice, timezone.now())
    GuessBudget.objects.filter(pk=alice.pk).update(failures=99, day_failures=0)
    guesses.charge(alice, timezone.now())
    clock.shift(timedelta(days=365))
    assert try_guess(alice, timezone.now()) is None


def use_last_guess(user, clock):
    """Charge the hundredth guess in a row, and let the wait after it pass."""
    guesses.charge(user, timezone.now())
    GuessBudget.objects.update(failures=99, day_failures=0)
    guesses.charge(user, timezone.now())
    clock.shift(HOUR)


def set_new_password(password="a new one altogether"):  # noqa: S107
    user = get_user_model().objects.get()
    user.set_password(password)
    user.save()
    return get_user_model().objects.get()


@pytest.mark.proves("L-4")
def test_a_new_password_lifts_the_stop_for_one_guess(alice, clock):
    use_last_guess(alice, clock)
    alice = set_new_password()
    assert [try_guess(alice, timezone.now()) for _ in range(2)] == [100, None]


def test_a_refund_after_a_lift_keeps_the_stop(alice, clock):
    use_last_guess(alice, clock)
    alice = set_new_password()
    guesses.charge(alice, timezone.now())
    guesses.refund(alice)
    assert try_guess(alice, timezone.now()) is None


@pytest.mark.proves("L-4")
def test_a_new_password_keeps_the_wrong_guesses(alice, clock):
    [guesses.charge(alice, timezone.now()) for _ in range(4)]
    assert try_guess(set_new_password(), timezone.now()) == 5


@pytest.mark.proves("L-4")
def test_a_new_password_keeps_the_running_wait(alice, clock):
    [guesses.charge(alice, timezone.now()) for _ in range(5)]
    assert try_guess(set_new_password(), timezone.now()) == timezone.now() + timedelta(seconds=30)


@pytest.mark.proves("L-4")
def test_a_new_password_keeps_the_count_of_the_day(alice, clock):
    began = make_twenty_guesses(alice, clock)
    assert try_guess(set_new_password(), timezone.now()) == began + timedelta(hours=24)


def test_after_the_last_guess_a_new_password_keeps_the_wait_too(alice, clock):
    use_last_guess(alice, clock)
    clock.shift(-HOUR)
    assert try_guess(set_new_password(), timezone.now()) == timezone.now() + HOUR


def test_a_right_code_after_a_new_password_ends_the_row(alice, clock):
    use_last_guess(alice, clock)
    alice = set_new_password()
    guesses.charge(alice, timezone.now())
    guesses.reset_after_success(alice, with_factor=True)
    assert try_guess(alice, timezone.now()) == 1


@pytest.mark.proves("L-4")
@pytest.mark.parametrize(("days", "allowed"), [(29, False), (30, True)])
def test_a_new_password_lifts_the_stop_once_in_thirty_days(alice, clock, days, allowed):
    use_last_guess(alice, clock)
    guesses.charge(set_new_password(), timezone.now())
    alice = set_new_password("and another one")
    clock.shift(timedelta(days=days))
    assert (try_guess(alice, timezone.now()) == 100) is allowed


def test_the_person_is_told_when_the_lock_can_be_lifted_again(alice, clock):
    use_last_guess(alice, clock)
    lifted_at = timezone.now()
    guesses.charge(set_new_password(), lifted_at)
    clock.shift(HOUR)
    assert try_guess(set_new_password("and another one"), timezone.now()) == lifted_at + timedelta(days=30)


def test_who_is_stopped_again_is_told_when_a_new_password_helps(alice, clock):
    use_last_guess(alice, clock)
    assert refused_guess(alice).lifts_at is None
    lifted_at = timezone.now()
    guesses.charge(set_new_password(), lifted_at)
    clock.shift(HOUR)
    lock = refused_guess(get_user_model().objects.get())
    assert (lock.until, lock.lifts_at) == (None, lifted_at + timedelta(days=30))


def test_a_request_from_before_the_new_password_lifts_nothing(alice, clock):
    use_last_guess(alice, clock)
    before = get_user_model().objects.get()
    guesses.charge(set_new_password(), timezone.now())
    GuessBudget.objects.update(lifted_at=None)
    clock.shift(HOUR)
    assert try_guess(before, timezone.now()) is None


def test_the_same_password_hashed_anew_lifts_nothing(alice, clock, settings):
    use_last_guess(alice, clock)
    settings.PASSWORD_HASHERS = settings.PASSWORD_HASHERS[::-1]
    assert alice.check_password(PASSWORD)
    assert try_guess(get_user_model().objects.get(), timezone.now()) is None


@pytest.mark.parametrize("digest", ["", "12345678.abc"], ids=["none", "of a key that is gone"])
def test_a_digest_that_cannot_be_checked_lifts_nothing(alice, clock, digest):
    use_last_guess(alice, clock)
    GuessBudget.objects.update(password_digest=digest)
    assert try_guess(set_new_password(), timezone.now()) is None


def test_support_lifts_the_stop_after_a_new_password_alone(alice, clock):
    use_last_guess(alice, clock)
    assert (guesses.unlock(alice), guesses.unlock(set_new_password())) == (False, True)


def test_support_lifts_the_stop_also_where_a_new_password_has_just_done_so(alice, clock):
    use_last_guess(alice, clock)
    guesses.charge(set_new_password(), timezone.now())
    assert guesses.unlock(set_new_password("and another one"))


@pytest.mark.parametrize("new", [False, True], ids=["the same password", "a new one"])
def test_a_person_who_is_counted_as_locked_is_locked(alice, clock, new):
    use_last_guess(alice, clock)
    alice = set_new_password() if new else alice
    assert guesses.locked_now(timezone.now()).exists() is not new
    assert (try_guess(alice, timezone.now()) is None) is not new


def test_saving_a_person_without_a_new_password_clears_nothing(alice, clock):
    guesses.charge(alice, timezone.now())
    alice.save()
    assert GuessBudget.objects.get(pk=alice.pk).failures == 1


def test_a_password_that_is_only_hashed_anew_clears_nothing(alice, clock, settings):
    guesses.charge(alice, timezone.now())
    settings.PASSWORD_HASHERS = settings.PASSWORD_HASHERS[::-1]
    assert alice.check_password(PASSWORD)
    assert GuessBudget.objects.get(pk=alice.pk).failures == 1


def test_nobody_pays_for_someone_else(alice, clock, django_user_model):
    bob = django_user_model.objects.create_user("bob@example.com", PASSWORD)
    make_guesses(alice, clock, 5)
    assert try_guess(bob, timezone.now()) == 1


# As the site wants it


def test_a_site_may_let_people_wait_earlier(alice, clock, settings):
    settings.TWOFACTOR_FREE_GUESSES = 2
    now = timezone.now()
    assert [try_guess(alice, now) for _ in range(3)] == [1, 2, now + timedelta(seconds=30)]


@pytest.mark.parametrize(("many", "a_day"), [(False, 7), (True, 4)])
def test_a_site_may_give_another_number_of_guesses_a_day(alice, clock, settings, many, a_day):
    """It counts at once, also for people whose row was made before."""
    now = timezone.now()
    GuessBudget.objects.create(pk=alice.pk, day_failures=a_day - 1, day_began_at=now, has_many_apps=many)
    settings.TWOFACTOR_GUESSES_A_DAY = 7
    assert [try_guess(alice, now) for _ in range(2)] == [1, now + timedelta(days=1)]
    assert list(guesses.locked_now(now)) == [GuessBudget.objects.get()]
