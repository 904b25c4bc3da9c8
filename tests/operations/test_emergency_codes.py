"""The emergency code that support makes for someone who has lost every factor."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone

from tests.operations.admin_and_commands import code_in, help_page, make_emergency_code, signs_in_with
from tests.people import NOW, enrol, person
from twofactor import factor_changes
from twofactor.factors import backup_codes, enrolled
from twofactor.models import BackupCode, Event, GuessBudget
from twofactor.operations import support
from twofactor.outgoing.outbox import send_due

pytestmark = pytest.mark.django_db


def test_an_emergency_code_lets_the_person_in(emergency_code, alice):
    assert signs_in_with(emergency_code) == alice


def test_an_emergency_code_works_once(emergency_code):
    signs_in_with(emergency_code)
    assert signs_in_with(emergency_code) is None


def test_an_emergency_code_lets_nobody_else_in(emergency_code):
    bob = person("bob@example.com")
    enrol(bob)
    assert signs_in_with(emergency_code, bob.email) is None


@pytest.mark.parametrize(("seconds", "works"), [(3599, True), (3600, False)])
def test_an_emergency_code_expires(emergency_code, clock, seconds, works):
    clock.move_to(BackupCode.objects.get().expires_at - timedelta(hours=1) + timedelta(seconds=seconds))
    assert (signs_in_with(emergency_code) is not None) == works


def test_an_emergency_code_is_shown_once(stepped_up, emergency_code, alice):
    assert emergency_code not in stepped_up.get(help_page(alice)).text


def test_an_emergency_code_is_not_in_the_log_of_the_administration(stepped_up, emergency_code):
    assert emergency_code.replace("-", "") not in f"{list(Event.objects.values())}".replace("-", "")


def test_an_emergency_code_is_none_of_the_ten(emergency_code, alice):
    assert backup_codes.count_unused(alice) == 0


def test_a_second_emergency_code_takes_the_place_of_the_first(stepped_up, emergency_code, alice):
    second = code_in(make_emergency_code(stepped_up, alice))
    assert (signs_in_with(emergency_code), signs_in_with(second)) == (None, alice)


def test_an_emergency_code_ends_the_wait_after_wrong_codes(stepped_up, alice, phone):
    GuessBudget.objects.update(failures=7, locked_until=NOW + timedelta(hours=2), day_failures=20)
    assert signs_in_with(code_in(make_emergency_code(stepped_up, alice))) == alice


def test_no_emergency_code_helps_after_the_last_guess(stepped_up, alice, phone):
    GuessBudget.objects.update(failures=100)
    answer = make_emergency_code(stepped_up, alice)
    assert (answer.status_code, BackupCode.objects.count()) == (303, 0)
    assert "chooses a new password" in stepped_up.get(help_page(alice)).text


def test_no_emergency_code_stays_when_it_is_turned_off_meanwhile(alice, phone):
    """It would turn two-factor authentication on again."""
    turned_off = []

    def turn_off(execute, sql, params, many, context):
        if sql.startswith("SAVEPOINT") and not turned_off:  # where its transaction begins
            turned_off.append(sql)
            factor_changes.forget_factors(alice)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(turn_off), pytest.raises(support.NothingToDo):
        support.make_emergency_code(alice, "lost", "a test", None, timezone.now(), timedelta(hours=1))
    assert (len(turned_off), enrolled.is_on(alice)) == (1, False)


@pytest.mark.parametrize(
    ("guesses", "told"),
    [
        ({"locked_until": NOW + timedelta(hours=1)}, "Codes are blocked until"),
        ({"day_failures": 20, "day_began_at": NOW}, "Codes are blocked until"),
        ({"failures": 100}, "until this person chooses a new password"),
    ],
)
def test_support_sees_that_someone_is_locked(stepped_up, alice, phone, guesses, told):
    assert told not in stepped_up.get(help_page(alice)).text
    GuessBudget.objects.update(**guesses)
    assert told in stepped_up.get(help_page(alice)).text


def test_an_emergency_code_needs_a_reason(stepped_up, alice, phone):
    assert make_emergency_code(stepped_up, alice, reason=" ").status_code == 422
    assert BackupCode.objects.count() == 0


@pytest.mark.parametrize("hours", ["", "0", "25", "-1", "x"])
def test_an_emergency_code_lives_for_an_hour_to_a_day(stepped_up, alice, phone, hours):
    assert make_emergency_code(stepped_up, alice, hours=hours).status_code == 422


def test_there_is_no_emergency_code_without_two_factor_authentication(stepped_up, alice):
    assert (make_emergency_code(stepped_up, alice).status_code, BackupCode.objects.count()) == (303, 0)


def test_who_made_an_emergency_code_and_why_is_logged(emergency_code, superuser):
    event = Event.objects.get(kind="emergency_code_made")
    assert event.detail == {"reason": "phone at home", "by": f"user {superuser.pk}"}


def letters_to(address):
    send_due()
    return [letter for letter in mail.outbox if letter.to == [address]]


@pytest.mark.parametrize(
    ("end", "prefix", "told"),
    [
        ("emergency-code/", "code", "emergency code"),
        ("reset/", "reset", "Support reset two-factor authentication"),
        ("end-sessions/", "sessions", "Support signed you out everywhere"),
    ],
)
def test_the_person_is_told_by_mail(
    stepped_up, alice, phone, end, prefix, told, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        stepped_up.post(help_page(alice, end), {f"{prefix}-reason": "lost", "code-hours": 1})
    assert [told in letter.body for letter in letters_to(alice.email)] == [True]


def test_the_mail_does_not_hold_the_code(stepped_up, alice, phone, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        emergency_code = code_in(make_emergency_code(stepped_up, alice))
    assert emergency_code not in letters_to(alice.email)[0].message().as_string()
