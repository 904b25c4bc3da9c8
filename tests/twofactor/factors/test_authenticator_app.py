"""Codes of an authenticator app: clocks that are off, codes that are used again, keys that do not open."""

import re
from datetime import timedelta

import pyotp
import pytest
from django.test import Client
from django.utils import timezone

from tests.accounts.comparison import text_without_tokens
from tests.people import give_password, sign_in, signed_in_as
from tests.twofactor.code_forms import counted_failures, enter_code
from twofactor.factors import authenticator_app, totp
from twofactor.models import Authenticator, Event, GuessBudget

VERIFY = "/two-factor/verify/"


# Clocks and keys


@pytest.mark.parametrize("off", [-1, 0, 1])
def test_a_code_one_step_off_is_accepted(pending_client, alice, phone, off):
    enter_code(pending_client, phone.code(off=off))
    assert signed_in_as(pending_client) == alice


@pytest.mark.proves("V-08")
@pytest.mark.parametrize("off", [-2, 2])
def test_a_code_two_steps_off_is_refused(pending_client, phone, off):
    enter_code(pending_client, phone.code(off=off))
    assert signed_in_as(pending_client) is None


@pytest.mark.parametrize("off", [-10, -2, 2, 4, 10])
def test_no_answer_tells_that_a_code_belongs_to_another_moment(pending_client, phone, off):
    """Otherwise an attacker would learn that a guess becomes right in two minutes."""
    wrong = next(code for code in ("000000", "111111") if code not in codes_nearby(phone))
    pages = [text_without_tokens(enter_code(pending_client, code)) for code in (phone.code(off=off), wrong)]
    assert pages[0] == pages[1]


def codes_nearby(phone):
    return {phone.code(off=off) for off in range(-10, 11)}


def test_an_authenticator_of_eight_digits_and_a_minute_still_works(pending_client, alice, phone, clock):
    Authenticator.objects.update(digits=8, period=60, last_step=0)
    enter_code(pending_client, pyotp.TOTP(phone.key, digits=8, interval=60).at(timezone.now()))
    assert signed_in_as(pending_client) == alice


def test_an_authenticator_of_eight_digits_is_asked_for_eight(pending_client, phone):
    Authenticator.objects.update(digits=8)
    assert b"The code must be 8 digits." in enter_code(pending_client, "123456").content


@pytest.mark.proves("11.2.5")
def test_an_authenticator_whose_key_does_not_open_lets_nobody_in(pending_client, phone):
    Authenticator.objects.update(sealed_key="damaged")
    enter_code(pending_client, phone.code())
    assert signed_in_as(pending_client) is None


def test_an_authenticator_whose_key_does_not_open_is_still_asked_for(client, phone):
    Authenticator.objects.update(sealed_key="damaged")
    assert give_password(client).url == VERIFY


def test_a_backup_code_helps_when_the_key_does_not_open(pending_client, alice, printed_codes):
    Authenticator.objects.update(sealed_key="damaged")
    enter_code(pending_client, printed_codes[0], "/two-factor/verify/backup/")
    assert signed_in_as(pending_client) == alice


# A code works once


def give_password_later(clock, client, seconds=1):
    clock.shift(seconds)
    give_password(client)


@pytest.mark.proves("6.5.1", "N-06")
def test_a_code_signs_in_once(client, phone, clock):
    sign_in(Client(), phone)
    give_password_later(clock, client)
    enter_code(client, phone.code())
    assert signed_in_as(client) is None


def test_a_used_code_says_that_it_was_used(client, phone, clock):
    sign_in(Client(), phone)
    give_password_later(clock, client)
    sentence = r"You&#x27;ve already used that code. Your app will show a new one in \d+ seconds?\."
    assert re.search(sentence, enter_code(client, phone.code()).text)


@pytest.mark.proves("V-05")
def test_a_used_code_is_dead_while_its_window_is_open(client, phone, clock):
    code = phone.code()
    sign_in(Client(), phone)
    give_password_later(clock, client, 31)
    enter_code(client, code)
    assert signed_in_as(client) is None


@pytest.mark.proves("C-08")
def test_a_replayed_code_costs_no_guess(client, phone, clock):
    sign_in(Client(), phone)
    give_password_later(clock, client)
    enter_code(client, phone.code())
    assert counted_failures() == 0


@pytest.mark.proves("N-06")
def test_a_replay_is_remembered(client, phone, clock):
    sign_in(Client(), phone)
    give_password_later(clock, client)
    enter_code(client, phone.code())
    assert Event.objects.filter(kind="code_replayed").count() == 1


WIDE = str.maketrans("0123456789", "０１２３４５６７８９")


@pytest.mark.proves("V-06")
def test_a_used_code_is_used_however_it_is_written(client, phone, clock):
    sign_in(Client(), phone)
    give_password_later(clock, client)
    enter_code(client, phone.code().translate(WIDE))
    assert signed_in_as(client) is None


@pytest.mark.proves("R-06", "V-06")
def test_an_older_code_is_dead_once_a_newer_one_was_used(client, phone, clock):
    older = phone.code()
    enterer = Client()
    give_password(enterer)
    enter_code(enterer, phone.code(off=1))
    give_password_later(clock, client)
    enter_code(client, older)
    assert signed_in_as(client) is None


def test_a_step_of_time_is_spent_once(phone, clock):
    authenticator, now = Authenticator.objects.get(), timezone.now()
    assert [authenticator_app.spend(authenticator, totp.step_at(now), now) for _ in range(2)] == [True, False]


def test_the_next_code_works(client, alice, phone, clock):
    sign_in(Client(), phone)
    give_password_later(clock, client, 30)
    enter_code(client, phone.code())
    assert signed_in_as(client) == alice


def test_the_code_set_up_with_does_not_sign_in(client, alice, phone):
    now = totp.step_at(alice.date_joined)
    Authenticator.objects.update(last_step=now)
    give_password(client)
    enter_code(client, phone.code())
    assert signed_in_as(client) is None


@pytest.mark.proves("F-08")
def test_a_clock_set_back_does_not_bring_a_code_back(client, phone, clock):
    sign_in(Client(), phone)
    give_password_later(clock, client, -3600)
    enter_code(client, phone.code())
    assert signed_in_as(client) is None


# Waits, and clocks that were ahead


def lock_for_an_hour(client, clock):
    """Enter wrong codes until the wait is an hour long, and go back to its beginning."""
    for _ in range(12):
        give_password(client)
        answer = enter_code(client, "000000")
        if answer.status_code == 422:
            GuessBudget.objects.update(day_failures=0)
            waits = GuessBudget.objects.get().locked_until or timezone.now()
            clock.move_to(waits)
    clock.shift(-3600)  # to the beginning of the last wait


@pytest.mark.proves("F-09")
def test_a_wait_from_a_clock_that_was_ahead_is_over(client, alice, phone, clock):
    clock.shift(3600)
    lock_for_an_hour(Client(), clock)
    clock.shift(-3600)
    sign_in(client, phone)
    assert signed_in_as(client) == alice


@pytest.mark.proves("F-09")
def test_a_day_of_guesses_that_has_yet_to_come_is_over(client, alice, phone, clock):
    give_password(client)
    GuessBudget.objects.update(day_failures=20, day_began_at=timezone.now() + timedelta(hours=1))
    enter_code(client, phone.code())
    assert signed_in_as(client) == alice


def test_the_clocks_of_two_servers_do_not_end_a_wait(client, phone, clock):
    lock_for_an_hour(Client(), clock)
    clock.shift(-20)
    give_password(client)
    assert enter_code(client, phone.code()).status_code == 429
