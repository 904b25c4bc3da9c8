"""Who may set up an authenticator, how often, and replacing the one in use."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import timezone

from tests.people import PASSWORD, give_password, sign_in, signed_in_as
from tests.twofactor.setup_steps import CODES, SAVED, SETUP, VERIFY, confirm_key, scan_key, set_up
from twofactor.models import Authenticator, GuessBudget

CANCEL = "/two-factor/setup/cancel/"
CONFIRM = "/two-factor/confirm/"


# Who may set up


@pytest.mark.parametrize(("seconds", "asked"), [(599, False), (601, True)])
def test_setup_needs_a_password_given_in_the_last_ten_minutes(no_factor_client, clock, seconds, asked):
    clock.shift(seconds)
    assert (no_factor_client.get(SETUP).status_code == 303) is asked


@pytest.mark.parametrize("path", [SETUP, VERIFY, CODES])
def test_every_step_needs_the_password_of_the_last_ten_minutes(no_factor_client, clock, path):
    confirm_key(no_factor_client)
    clock.shift(601)
    assert no_factor_client.get(path).url == f"{CONFIRM}?next={path.replace('/', '%2F')}"


def test_the_last_step_needs_a_recent_password_too(no_factor_client, clock):
    confirm_key(no_factor_client)
    clock.shift(601)
    no_factor_client.post(CODES, SAVED)
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize(("seconds", "asked"), [(599, False), (601, True)])
def test_the_password_given_again_is_good_for_ten_minutes(no_factor_client, clock, seconds, asked):
    clock.shift(1000)
    no_factor_client.post(CONFIRM, {"password": PASSWORD, "next": SETUP})
    clock.shift(seconds)
    assert (no_factor_client.get(SETUP).status_code == 303) is asked


def test_the_password_given_again_leads_back(no_factor_client, clock):
    clock.shift(1000)
    assert no_factor_client.post(CONFIRM, {"password": PASSWORD, "next": SETUP}).url == SETUP


@pytest.mark.parametrize("path", [SETUP, VERIFY, CODES, CANCEL])
def test_strangers_are_led_to_sign_in(client, db, path):
    assert client.get(path).url.startswith("/accounts/login/")


def start_again(no_factor_client, count):
    for _ in range(count):
        no_factor_client.post(CANCEL)
        status = no_factor_client.get(SETUP).status_code
    return status


@pytest.mark.proves("2.3.2", "L-7")
def test_ten_keys_an_hour_are_enough(no_factor_client):
    assert [start_again(no_factor_client, 10), start_again(no_factor_client, 1)] == [200, 429]


def test_after_an_hour_there_are_keys_again(no_factor_client, clock):
    start_again(no_factor_client, 11)
    clock.shift(timedelta(hours=1))
    other = Client()
    give_password(other)
    assert other.get(SETUP).status_code == 200


def test_looking_at_the_same_key_is_not_counted(no_factor_client):
    assert {no_factor_client.get(SETUP).status_code for _ in range(12)} == {200}


def test_the_wait_for_another_key_is_not_longer_than_it_is(no_factor_client, clock):
    for _ in range(11):
        no_factor_client.post(CANCEL)
        no_factor_client.get(SETUP)
    clock.shift(timedelta(minutes=8))
    assert int(no_factor_client.get(SETUP).headers["Retry-After"]) <= 52 * 60 + 1


def test_too_many_keys_are_not_called_wrong_codes(no_factor_client):
    for _ in range(11):
        no_factor_client.post(CANCEL)
        page = no_factor_client.get(SETUP).content
    assert b"wrong code too many times" not in page


# Replacing the authenticator


@pytest.mark.proves("N-12")
@pytest.mark.parametrize("page", [SETUP, VERIFY, CODES, f"{SETUP}?replace=1", f"{SETUP}?next=/help/"])
def test_replacing_needs_more_than_having_signed_in(signed_in_client, page):
    assert signed_in_client.get(page).url == f"{CONFIRM}?{urlencode({'next': page})}"


@pytest.mark.parametrize("path", [SETUP, VERIFY, CODES])
def test_a_person_who_comes_back_soon_after_the_last_step_is_shown_the_panel(signed_in_client, path):
    Authenticator.objects.update(enabled_at=timezone.now() - timedelta(minutes=9))
    assert (signed_in_client.get(path).url, signed_in_client.post(path).status_code) == ("/two-factor/", 409)


def test_the_panel_leads_to_replacing(signed_in_client):
    assert f'href="{SETUP}?replace=1"' in signed_in_client.get("/two-factor/").text


@pytest.mark.parametrize(("seconds", "asked"), [(239, False), (241, True)])
def test_replacing_needs_a_confirmation_of_the_last_five_minutes(stepped_up_client, clock, seconds, asked):
    clock.shift(seconds)
    assert (stepped_up_client.get(SETUP).status_code == 303) is asked


def test_the_old_authenticator_works_until_the_new_one_is_finished(stepped_up_client, phone, alice):
    confirm_key(stepped_up_client)
    other = Client()
    sign_in(other, phone)
    assert signed_in_as(other) == alice


def test_a_code_of_the_old_one_does_not_confirm_the_new(stepped_up_client, phone):
    scan_key(stepped_up_client)
    assert stepped_up_client.post(VERIFY, {"code": phone.code()}).status_code == 422


def test_after_replacing_the_new_one_works(stepped_up_client, alice, clock):
    new = set_up(stepped_up_client)
    clock.shift(60)
    other = Client()
    sign_in(other, new)
    assert signed_in_as(other) == alice


def test_after_replacing_the_old_one_does_not_work(stepped_up_client, phone, clock):
    set_up(stepped_up_client)
    clock.shift(60)
    other = Client()
    sign_in(other, phone)
    assert signed_in_as(other) is None


def test_after_replacing_the_old_backup_codes_do_not_work(stepped_up_client, printed_codes, clock):
    set_up(stepped_up_client)
    other = Client()
    give_password(other)
    other.post("/two-factor/verify/backup/", {"code": printed_codes[0]})
    assert signed_in_as(other) is None


def test_cancelling_keeps_the_old_one(stepped_up_client, phone, alice):
    confirm_key(stepped_up_client)
    stepped_up_client.post(CANCEL)
    other = Client()
    sign_in(other, phone)
    assert signed_in_as(other) == alice


@pytest.mark.proves("7.4.3")
def test_replacing_ends_the_other_sessions(stepped_up_client, phone):
    other = Client()
    sign_in(other, phone)
    set_up(stepped_up_client)
    assert other.get("/two-factor/").url.startswith("/accounts/login/")


def test_replacing_ends_a_pending_sign_in(stepped_up_client, phone):
    other = Client()
    give_password(other)
    new = set_up(stepped_up_client)
    other.post("/two-factor/verify/", {"code": new.code(off=1)})
    assert signed_in_as(other) is None


def test_an_eight_digit_authenticator_is_replaced_by_an_ordinary_one(stepped_up_client):
    Authenticator.objects.update(digits=8, period=60)
    set_up(stepped_up_client)
    assert Authenticator.objects.values_list("digits", "period").get() == (6, 30)


def test_there_is_never_more_than_one_draft(stepped_up_client):
    set_up(stepped_up_client)
    assert Authenticator.objects.count() == 1


def test_replacing_keeps_the_count_of_the_day(stepped_up_client):
    GuessBudget.objects.update(day_failures=7, day_began_at=timezone.now())
    set_up(stepped_up_client)
    assert GuessBudget.objects.get().day_failures == 7


@pytest.mark.proves("N-03")
def test_replacing_does_not_reset_the_count_of_wrong_codes(signed_in_client, phone, clock):
    """N-03: a new key does not reset it."""
    signed_in_client.post(CONFIRM, {"password": PASSWORD, "code": phone.code()})
    confirm_key(signed_in_client)
    [
        signed_in_client.post("/two-factor/disable/", {"password": PASSWORD, "code": "000000"})
        for _ in range(4)
    ]
    signed_in_client.post(CODES, SAVED)
    assert (
        signed_in_client.post("/two-factor/disable/", {"password": PASSWORD, "code": "000000"}).status_code
        == 422
    )
    assert (
        signed_in_client.post("/two-factor/disable/", {"password": PASSWORD, "code": "000000"}).status_code
        == 429
    )
