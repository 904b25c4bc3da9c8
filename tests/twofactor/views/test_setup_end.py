"""The end of setup: what turns on, what an error leaves, when a draft expires, and cancelling."""

import pyotp
import pytest
from django.db.models.signals import post_save, pre_delete
from django.test import Client
from django.utils import timezone

from tests.people import PASSWORD, give_password, sign_in, signed_in_as
from tests.twofactor.setup_steps import (
    CODES,
    SAVED,
    SETUP,
    VERIFY,
    confirm_key,
    scan_key,
    set_up,
    shown_codes,
    stored_rows,
)
from twofactor.factors import backup_codes, totp
from twofactor.models import Authenticator, BackupCode, Draft, Event, TwoFactor

CANCEL = "/two-factor/setup/cancel/"
CONFIRM = "/two-factor/confirm/"


# Before the end


def nothing_done(no_factor_client):
    pass


def key_scanned(no_factor_client):
    scan_key(no_factor_client)


def key_confirmed(no_factor_client):
    confirm_key(no_factor_client)


def codes_not_saved(no_factor_client):
    confirm_key(no_factor_client)
    no_factor_client.post(CODES)


@pytest.mark.parametrize("progress", [nothing_done, key_scanned, key_confirmed, codes_not_saved])
def test_before_the_end_of_setup_the_password_is_enough(no_factor_client, alice, progress):
    progress(no_factor_client)
    other = Client()
    give_password(other)
    assert signed_in_as(other) == alice


@pytest.mark.parametrize("progress", [key_scanned, key_confirmed, codes_not_saved])
def test_settings_offer_to_go_on(no_factor_client, progress):
    progress(no_factor_client)
    page = no_factor_client.get("/two-factor/").content
    assert b"Setup isn't finished" in page
    assert b"Continue setup" in page


# Turned on


def test_finishing_turns_two_factor_on(no_factor_client, alice):
    set_up(no_factor_client)
    assert Authenticator.objects.get().user == alice


def test_finishing_says_so(no_factor_client):
    confirm_key(no_factor_client)
    page = no_factor_client.post(CODES, SAVED, follow=True)
    said = (
        "Two-factor authentication is on. Next time you sign in, we&#x27;ll ask for your password, "
        "then for a code from your app."
    )
    assert (page.redirect_chain, said in page.text) == ([("/two-factor/", 303)], True)


def test_the_codes_that_were_shown_are_the_codes_that_work(no_factor_client, alice, clock):
    confirm_key(no_factor_client)
    code = shown_codes(no_factor_client)[7]
    no_factor_client.post(CODES, SAVED)
    other = Client()
    give_password(other)
    other.post("/two-factor/verify/backup/", {"code": code})
    assert signed_in_as(other) == alice


def test_the_key_that_was_shown_is_the_key_that_works(no_factor_client, alice, clock):
    phone = set_up(no_factor_client)
    clock.shift(60)
    other = Client()
    sign_in(other, phone)
    assert signed_in_as(other) == alice


@pytest.mark.proves("V-18")
def test_the_code_set_up_with_does_not_sign_in(no_factor_client, alice):
    phone = set_up(no_factor_client)
    other = Client()
    sign_in(other, phone)
    assert signed_in_as(other) is None


def test_no_code_that_confirmed_the_key_signs_in(no_factor_client, alice):
    phone = scan_key(no_factor_client)
    for off in (1, 0):
        no_factor_client.post(VERIFY, {"code": phone.code(off=off)})
    no_factor_client.post(CODES, SAVED)
    other = Client()
    give_password(other)
    other.post("/two-factor/verify/", {"code": phone.code(off=1)})
    assert signed_in_as(other) is None


def test_ten_codes_are_kept(no_factor_client, alice):
    set_up(no_factor_client)
    assert backup_codes.count_unused(alice) == 10


def test_the_columns_have_the_defaults_of_the_algorithm():
    """models.py repeats the numbers, because it may not import factors."""
    defaults = [Authenticator._meta.get_field(name).default for name in ("digits", "period")]
    assert defaults == [totp.DIGITS, totp.PERIOD]


def test_digits_and_period_are_kept_with_the_authenticator(no_factor_client):
    set_up(no_factor_client)
    assert Authenticator.objects.values_list("digits", "period").get() == (6, 30)


def test_a_new_default_does_not_break_an_old_authenticator(no_factor_client, alice, clock, monkeypatch):
    phone = set_up(no_factor_client)
    clock.shift(60)
    monkeypatch.setattr(totp, "DIGITS", 8)
    monkeypatch.setattr(totp, "PERIOD", 60)
    other = Client()
    give_password(other)
    other.post("/two-factor/verify/", {"code": pyotp.TOTP(phone.key).at(timezone.now())})
    assert signed_in_as(other) == alice


def test_after_setup_the_draft_is_gone(no_factor_client):
    set_up(no_factor_client)
    assert not Draft.objects.exists()


def test_after_setup_the_codes_are_not_shown_again(no_factor_client):
    confirm_key(no_factor_client)
    codes = shown_codes(no_factor_client)
    no_factor_client.post(CODES, SAVED)
    assert codes[0] not in no_factor_client.get(CODES, follow=True).text


def test_ones_own_session_goes_on(no_factor_client, alice):
    set_up(no_factor_client)
    assert signed_in_as(no_factor_client) == alice
    assert no_factor_client.get("/two-factor/").status_code == 200


def test_ones_own_session_has_given_the_factor(no_factor_client):
    set_up(no_factor_client)
    assert no_factor_client.session["twofactor_amr"] == "totp"


def test_ones_own_session_gets_a_new_key(no_factor_client):
    confirm_key(no_factor_client)
    before = no_factor_client.session.session_key
    no_factor_client.post(CODES, SAVED)
    assert no_factor_client.session.session_key != before


@pytest.mark.proves("7.4.3")
def test_other_sessions_end(no_factor_client):
    other = Client()
    give_password(other)
    set_up(no_factor_client)
    assert other.get("/two-factor/").url.startswith("/accounts/login/")


@pytest.mark.proves("V-04")
def test_sending_the_last_step_again_makes_no_second_set(no_factor_client, alice):
    set_up(no_factor_client)
    before = list(BackupCode.objects.values())
    assert no_factor_client.post(CODES, SAVED).status_code == 409
    assert list(BackupCode.objects.values()) == before


@pytest.mark.proves("V-04")
def test_sending_the_second_step_again_makes_no_second_authenticator(no_factor_client):
    phone = set_up(no_factor_client)
    before = list(Authenticator.objects.values())
    no_factor_client.post(VERIFY, {"code": phone.code()})
    assert list(Authenticator.objects.values()) == before


LAST_WRITES = [(pre_delete, Draft), (post_save, TwoFactor), (post_save, Authenticator), (post_save, Event)]


@pytest.mark.proves("2.3.3")
@pytest.mark.parametrize(("signal", "model"), LAST_WRITES)
def test_an_error_at_the_end_leaves_everything_as_it_was(no_factor_client, alice, signal, model):
    def breaks(**kwargs):
        raise RuntimeError

    confirm_key(no_factor_client)
    before = stored_rows(alice)
    signal.connect(breaks, model)
    no_factor_client.raise_request_exception = False
    status = no_factor_client.post(CODES, SAVED).status_code
    signal.disconnect(breaks, model)
    alice.refresh_from_db()
    assert (status, stored_rows(alice), Draft.objects.count()) == (500, before, 1)


def test_an_import_during_the_last_step_is_seen(no_factor_client, alice):
    def imports(**kwargs):
        TwoFactor.objects.create(user=alice, enabled_at=timezone.now(), changed_at=timezone.now())

    confirm_key(no_factor_client)
    pre_delete.connect(imports, Draft)
    status = no_factor_client.post(CODES, SAVED).status_code
    pre_delete.disconnect(imports, Draft)
    assert (status, Authenticator.objects.count(), Draft.objects.count()) == (409, 0, 1)


# A draft lives for half an hour


@pytest.mark.proves("K-09")
@pytest.mark.parametrize(("seconds", "same"), [(1799, True), (1801, False)])
def test_a_key_is_shown_for_thirty_minutes(no_factor_client, clock, seconds, same):
    key = scan_key(no_factor_client).key
    clock.shift(seconds)
    no_factor_client.post(CONFIRM, {"password": PASSWORD})
    assert (scan_key(no_factor_client).key == key) is same


@pytest.mark.parametrize("step", [VERIFY, CODES])
def test_after_thirty_minutes_it_begins_anew(no_factor_client, clock, step):
    confirm_key(no_factor_client)
    clock.shift(1801)
    no_factor_client.post(CONFIRM, {"password": PASSWORD})
    assert no_factor_client.get(step).url == SETUP


def test_after_thirty_minutes_nothing_is_turned_on(no_factor_client, clock):
    confirm_key(no_factor_client)
    clock.shift(1801)
    no_factor_client.post(CONFIRM, {"password": PASSWORD})
    no_factor_client.post(CODES, SAVED)
    assert not Authenticator.objects.exists()


def test_after_thirty_minutes_settings_do_not_offer_to_go_on(no_factor_client, clock):
    scan_key(no_factor_client)
    clock.shift(1801)
    assert b"Setup isn't finished" not in no_factor_client.get("/two-factor/").content


def test_going_through_the_steps_does_not_make_it_live_longer(no_factor_client, clock):
    phone = scan_key(no_factor_client)
    clock.shift(1500)
    no_factor_client.post(CONFIRM, {"password": PASSWORD})
    no_factor_client.post(VERIFY, {"code": phone.code()})
    clock.shift(301)
    no_factor_client.post(CODES, SAVED)
    assert not Authenticator.objects.exists()


def test_a_new_password_forgets_an_unfinished_setup(no_factor_client, alice):
    """Someone who knew the old password may have seen the key."""
    key = scan_key(no_factor_client).key
    alice.set_password("another good password")
    alice.save()
    other = Client()
    other.post("/accounts/login/", {"username": alice.email, "password": "another good password"})
    assert scan_key(other).key != key


# Cancelling


@pytest.mark.parametrize("progress", [nothing_done, key_scanned, key_confirmed])
def test_cancelling_leads_to_the_settings(no_factor_client, progress):
    progress(no_factor_client)
    answers = [no_factor_client.post(CANCEL) for _ in range(2)]
    assert (answers[0].status_code, answers[1].url) == (303, "/two-factor/")


def test_cancelling_forgets_the_key(no_factor_client):
    key = scan_key(no_factor_client).key
    no_factor_client.post(CANCEL)
    assert scan_key(no_factor_client).key != key


def test_cancelling_turns_nothing_on(no_factor_client):
    confirm_key(no_factor_client)
    no_factor_client.post(CANCEL)
    no_factor_client.post(CODES, SAVED)
    assert not Authenticator.objects.exists()


def test_cancelling_says_that_nothing_has_changed(no_factor_client):
    scan_key(no_factor_client)
    assert b"Nothing has changed" in no_factor_client.post(CANCEL, follow=True).content
