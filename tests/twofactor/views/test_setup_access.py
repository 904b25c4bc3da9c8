"""Who may set up an authenticator, how often, and replacing the one in use."""

from datetime import timedelta

import pytest
from django.test import Client

from tests.people import PASSWORD, give_password
from tests.twofactor.setup_steps import CODES, SAVED, SETUP, VERIFY, confirm_key
from twofactor.models import Authenticator

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


@pytest.mark.parametrize(("seconds", "asked"), [(119, False), (121, True)])
def test_a_site_may_ask_for_the_password_earlier(no_factor_client, clock, settings, seconds, asked):
    settings.TWOFACTOR_SETUP_AGE = timedelta(minutes=2)
    clock.shift(seconds)
    assert (no_factor_client.get(SETUP).status_code == 303) is asked


@pytest.mark.parametrize(("seconds", "same"), [(119, True), (121, False)])
def test_a_site_may_forget_an_unfinished_setup_earlier(no_factor_client, clock, settings, seconds, same):
    settings.TWOFACTOR_DRAFT_AGE = timedelta(minutes=2)
    key = no_factor_client.get(SETUP).context["draft"].key
    clock.shift(seconds)
    assert (no_factor_client.get(SETUP).context["draft"].key == key) is same


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


# When it is on


@pytest.mark.parametrize("path", [SETUP, VERIFY, CODES, f"{SETUP}?next=/help/"])
def test_people_for_whom_it_is_on_are_shown_the_panel(signed_in_client, path):
    assert (signed_in_client.get(path).url, signed_in_client.post(path).status_code) == ("/two-factor/", 409)
