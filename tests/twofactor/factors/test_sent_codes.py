"""Codes that are sent: what they are good for, how they are stored, wrong tries, and newer codes."""

import re
from datetime import timedelta

import pytest
from django.apps import apps
from django.core import mail
from django.utils import timezone

from tests.people import PASSWORD, client_after_password, enrol, give_password, person, signed_in_as
from tests.twofactor.sent_codes import (
    OTHER,
    different_code,
    enter_sent_code,
    mailed_code,
    request_code,
    second_tab,
)
from twofactor import sealing
from twofactor.factors import sent_codes
from twofactor.models import GuessBudget, SentCode

VERIFY = "/two-factor/verify/"
NEW_PASSWORD = "a quiet green harbour"


# What a code is good for


def test_a_sent_code_signs_in(sent_code_client, alice):
    enter_sent_code(sent_code_client, mailed_code())
    assert signed_in_as(sent_code_client) == alice


def test_a_sent_code_leads_on(client, phone):
    give_password(client, next="/accounts/profile/")
    request_code(client)
    assert enter_sent_code(client, mailed_code()).url == "/accounts/profile/"


@pytest.mark.proves("N-04")
def test_a_code_has_six_digits(sent_code_client):
    assert re.fullmatch(r"\d{6} is your Countersign security code", mail.outbox[0].subject)


def test_a_code_may_begin_with_zero(alice, phone):
    channel = sent_codes.Channel("email", alice.email)
    for turn in range(40):
        sent_codes.send(alice, channel, f"test:{turn}", "127.0.0.1", timezone.now() + timedelta(days=turn))
    assert {len(letter.subject.split()[0]) for letter in mail.outbox} == {6}


def test_codes_differ(pending_client, clock):
    request_code(pending_client)
    clock.shift(60)
    request_code(pending_client)
    assert len({letter.subject for letter in mail.outbox}) == 2


def test_a_sent_code_is_read_with_spaces_and_hyphens(sent_code_client, alice):
    code = mailed_code()
    enter_sent_code(sent_code_client, f" {code[:3]}-{code[3:]} ")
    assert signed_in_as(sent_code_client) == alice


def test_a_code_works_for_ten_minutes(sent_code_client, alice, clock):
    clock.shift(599)
    enter_sent_code(sent_code_client, mailed_code())
    assert signed_in_as(sent_code_client) == alice


@pytest.mark.proves("6.5.5", "N-04")
def test_a_code_does_not_work_any_longer(sent_code_client, clock):
    clock.shift(601)
    enter_sent_code(sent_code_client, mailed_code())
    assert signed_in_as(sent_code_client) is None


@pytest.mark.proves("6.5.1", "N-04")
def test_a_code_works_once(sent_code_client):
    tab = second_tab(sent_code_client)
    enter_sent_code(sent_code_client, mailed_code())
    enter_sent_code(tab, mailed_code())
    assert signed_in_as(tab) is None


def test_a_used_code_is_spent_even_if_the_sign_in_is_not(sent_code_client, alice):
    """The row in the database decides, not the state of the sign-in."""
    SentCode.objects.update(used_at=timezone.now())
    assert enter_sent_code(sent_code_client, mailed_code()).status_code == 422


@pytest.mark.proves("6.6.2")
def test_a_code_is_bound_to_the_sign_in_that_asked(sent_code_client, clock):
    other = client_after_password()
    code = mailed_code()
    clock.shift(60)
    request_code(other)
    enter_sent_code(other, code)
    assert signed_in_as(other) is None


def test_a_code_that_was_tried_elsewhere_still_works_here(sent_code_client, alice, clock):
    other = client_after_password()
    code = mailed_code()
    clock.shift(60)
    request_code(other)
    enter_sent_code(other, code)
    enter_sent_code(sent_code_client, code)
    assert signed_in_as(sent_code_client) == alice


def test_a_sign_in_that_asked_for_nothing_takes_no_code(sent_code_client):
    other = client_after_password()
    assert (enter_sent_code(other, mailed_code()).url, signed_in_as(other)) == (OTHER, None)


def test_a_code_for_someone_else_is_refused(sent_code_client, clock):
    enrol(person("bob@example.com"))
    bobs = client_after_password("bob@example.com")
    request_code(bobs)
    enter_sent_code(sent_code_client, mailed_code())
    assert signed_in_as(sent_code_client) is None


def test_a_sent_code_is_not_an_authenticators(sent_code_client):
    sent_code_client.post(VERIFY, {"code": mailed_code()})
    assert signed_in_as(sent_code_client) is None


def test_an_authenticators_code_is_not_a_sent_one(sent_code_client, phone):
    enter_sent_code(sent_code_client, phone.code())
    assert signed_in_as(sent_code_client) is None


def test_a_backup_code_is_not_a_sent_one(sent_code_client, printed_codes):
    assert (
        enter_sent_code(sent_code_client, printed_codes[0]).status_code,
        signed_in_as(sent_code_client),
    ) == (422, None)


def test_a_sent_code_does_not_turn_two_factor_off(signed_in_client, alice, clock):
    other = client_after_password()
    request_code(other)
    form = {"password": PASSWORD, "code": mailed_code()}
    assert signed_in_client.post("/two-factor/disable/", form).status_code == 422


def test_a_changed_password_ends_the_sign_in_and_its_code(sent_code_client, alice):
    alice.set_password(NEW_PASSWORD)
    alice.save()
    enter_sent_code(sent_code_client, mailed_code())
    assert signed_in_as(sent_code_client) is None


def test_a_person_who_is_shut_out_gets_in_by_no_code(sent_code_client, alice):
    alice.is_active = False
    alice.save()
    enter_sent_code(sent_code_client, mailed_code())
    assert signed_in_as(sent_code_client) is None


# How a code is stored


@pytest.mark.proves("K-01")
def test_the_code_stands_nowhere_in_the_database(sent_code_client):
    rows = [str(list(model.objects.values())) for model in apps.get_models()]
    assert [row for row in rows if mailed_code() in row] == []


@pytest.mark.proves("K-08")
def test_what_is_kept_is_worthless_without_the_key(sent_code_client, settings):
    row, code = SentCode.objects.get(), mailed_code()
    settings.TWOFACTOR_KEYS = [sealing.generate_key()]
    assert not sent_codes.is_code(row, code)


@pytest.mark.proves("K-08")
@pytest.mark.parametrize("field", ["user_id", "purpose"])
def test_what_is_kept_belongs_to_one_person_and_one_sign_in(sent_code_client, field):
    row = SentCode.objects.get()
    setattr(row, field, "0")
    assert not sent_codes.is_code(row, mailed_code())


def test_a_code_that_was_sent_before_the_keys_changed_still_works(sent_code_client, alice, settings):
    settings.TWOFACTOR_KEYS = [sealing.generate_key(), *settings.TWOFACTOR_KEYS]
    enter_sent_code(sent_code_client, mailed_code())
    assert signed_in_as(sent_code_client) == alice


# Wrong tries


def test_a_wrong_code_says_so(sent_code_client):
    answer = enter_sent_code(sent_code_client, different_code(mailed_code()))
    assert "The code is not correct or has expired." in answer.text
    assert "Check your latest message or ask for a new code." in answer.text


def test_after_four_wrong_tries_the_code_works(sent_code_client, alice):
    for _ in range(4):
        enter_sent_code(sent_code_client, different_code(mailed_code()))
    enter_sent_code(sent_code_client, mailed_code())
    assert signed_in_as(sent_code_client) == alice


@pytest.mark.proves("6.6.3", "L-5")
def test_after_five_wrong_tries_the_code_is_void(sent_code_client, clock):
    for _ in range(5):
        enter_sent_code(sent_code_client, different_code(mailed_code()))
    clock.shift(31)
    enter_sent_code(sent_code_client, mailed_code())
    assert signed_in_as(sent_code_client) is None


def test_a_void_code_is_told_from_a_wrong_one(sent_code_client, clock):
    for _ in range(5):
        enter_sent_code(sent_code_client, different_code(mailed_code()))
    clock.shift(31)
    assert (
        "You entered the wrong code too many times. Ask for a new one."
        in enter_sent_code(sent_code_client, mailed_code()).text
    )


def test_after_a_void_code_a_new_one_works(sent_code_client, alice, clock):
    for _ in range(5):
        enter_sent_code(sent_code_client, different_code(mailed_code()))
    clock.shift(61)
    request_code(sent_code_client)
    enter_sent_code(sent_code_client, mailed_code())
    assert signed_in_as(sent_code_client) == alice


def test_wrong_sent_codes_lock(sent_code_client):
    for _ in range(5):
        enter_sent_code(sent_code_client, different_code(mailed_code()))
    answer = enter_sent_code(sent_code_client, mailed_code())
    assert (answer.status_code, answer["Retry-After"]) == (429, "30")


@pytest.mark.proves("L-4")
def test_guesses_are_summed_over_all_channels(sent_code_client, phone):
    """L-4: two wrong codes for the authenticator and three for the sent code."""
    for _ in range(2):
        sent_code_client.post(VERIFY, {"code": "000000"})
    for _ in range(3):
        enter_sent_code(sent_code_client, different_code(mailed_code()))
    assert sent_code_client.post(VERIFY, {"code": phone.code()}).status_code == 429


@pytest.mark.proves("N-03")
def test_a_new_code_is_no_new_start(sent_code_client, clock):
    """N-03: four wrong codes, then a new code, then one more wrong code."""
    for _ in range(4):
        enter_sent_code(sent_code_client, different_code(mailed_code()))
    clock.shift(60)
    request_code(sent_code_client)
    enter_sent_code(sent_code_client, different_code(mailed_code()))
    assert enter_sent_code(sent_code_client, mailed_code()).status_code == 429


def test_a_new_sign_in_is_no_new_start(sent_code_client, clock):
    for _ in range(4):
        enter_sent_code(sent_code_client, different_code(mailed_code()))
    clock.shift(60)
    other = client_after_password()
    request_code(other)
    enter_sent_code(other, different_code(mailed_code()))
    assert enter_sent_code(other, mailed_code()).status_code == 429


def test_a_right_sent_code_ends_the_count(sent_code_client):
    enter_sent_code(sent_code_client, different_code(mailed_code()))
    enter_sent_code(sent_code_client, mailed_code())
    assert GuessBudget.objects.get().failures == 0


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "ABCDE-FGHJK-MNPQR"])
def test_a_badly_formed_code_costs_no_guess(sent_code_client, typed):
    enter_sent_code(sent_code_client, typed)
    assert (GuessBudget.objects.get().failures, SentCode.objects.get().tries) == (0, 0)


# A newer code


@pytest.mark.proves("V-20")
def test_a_newer_code_voids_the_older(sent_code_client, clock):
    older = mailed_code()
    clock.shift(60)
    request_code(sent_code_client)
    enter_sent_code(sent_code_client, older)
    assert signed_in_as(sent_code_client) is None


def test_an_older_code_is_told_when_the_newer_was_sent(sent_code_client, clock):
    older = mailed_code()
    clock.shift(60)
    request_code(sent_code_client)
    assert "We sent a newer code at 12:01. Enter that one" in enter_sent_code(sent_code_client, older).text


def test_an_older_code_is_no_guess(sent_code_client, clock):
    older = mailed_code()
    clock.shift(60)
    request_code(sent_code_client)
    enter_sent_code(sent_code_client, older)
    assert GuessBudget.objects.get().failures == 0


def test_the_newer_code_works(sent_code_client, alice, clock):
    clock.shift(60)
    request_code(sent_code_client)
    enter_sent_code(sent_code_client, mailed_code())
    assert signed_in_as(sent_code_client) == alice


def test_a_newer_code_that_could_not_be_sent_leaves_the_older(sent_code_client, alice, clock, failing_mail):
    code = mailed_code()
    clock.shift(60)
    request_code(sent_code_client)
    enter_sent_code(sent_code_client, code)
    assert signed_in_as(sent_code_client) == alice
