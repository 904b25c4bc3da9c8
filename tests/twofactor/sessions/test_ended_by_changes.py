"""What a change of the account ends: other sessions and pending sign-ins, and what it leaves."""

from datetime import timedelta

import pytest
from django.db.models.signals import post_save
from django.test import Client

from tests.people import PASSWORD, give_password, sign_in, signed_in_as
from tests.twofactor.code_forms import enter_password_and_code
from twofactor import factor_changes
from twofactor.factors import enrolled
from twofactor.models import BackupCode, Event

SETTINGS = "/two-factor/"
DISABLE = "/two-factor/disable/"
CODES = "/two-factor/backup-codes/"
SAVED = {"saved": "on"}


def turn_off(client, phone):
    enter_password_and_code(client, DISABLE, phone.code())


def make_new_codes(client, phone):
    enter_password_and_code(client, CODES, phone.code())
    client.post(CODES, SAVED)


def change_password(client, phone):
    new = "another good password"
    form = {"old_password": PASSWORD, "code": phone.code(), "new_password1": new, "new_password2": new}
    client.post("/accounts/password_change/", form)


CHANGES = [turn_off, make_new_codes, change_password]


@pytest.mark.proves("7.4.3", "V-15", "S-08")
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_ends_the_other_sessions(signed_in_client, phone, clock, change):
    other = Client()
    sign_in(other, phone)
    clock.shift(60)
    change(signed_in_client, phone)
    assert other.get(SETTINGS).url.startswith("/accounts/login/")


@pytest.mark.proves("S-08")
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_leaves_ones_own_session(signed_in_client, alice, phone, change):
    change(signed_in_client, phone)
    assert (signed_in_client.get(SETTINGS).status_code, signed_in_as(signed_in_client)) == (200, alice)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_gives_ones_own_session_a_new_key(signed_in_client, phone, change):
    before = signed_in_client.session.session_key
    change(signed_in_client, phone)
    assert signed_in_client.session.session_key != before


@pytest.mark.proves("S-08")
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_ends_a_pending_sign_in(signed_in_client, phone, clock, change):
    other = Client()
    give_password(other)
    change(signed_in_client, phone)
    clock.shift(60)
    other.post("/two-factor/verify/", {"code": phone.code()})
    assert signed_in_as(other) is None


@pytest.mark.parametrize("change", [make_new_codes, change_password])
def test_a_change_leaves_ones_own_session_proven(signed_in_client, phone, change):
    change(signed_in_client, phone)
    assert signed_in_client.session["twofactor_amr"] == "totp"


def test_a_reset_password_leaves_two_factor_on(signed_in_client, alice):
    alice.set_password("another good password")
    alice.save()
    assert enrolled.is_on(alice)


@pytest.mark.proves("2.3.3")
@pytest.mark.parametrize("change", [turn_off, make_new_codes])
def test_an_error_at_the_end_of_a_change_leaves_everything_as_it_was(
    signed_in_client, alice, phone, printed_codes, change
):
    def breaks(instance, **kwargs):
        if instance.kind in {"two_factor_disabled", "backup_codes_regenerated"}:
            raise RuntimeError

    before = list(BackupCode.objects.values())
    post_save.connect(breaks, Event)
    signed_in_client.raise_request_exception = False
    change(signed_in_client, phone)
    post_save.disconnect(breaks, Event)
    assert (enrolled.is_on(alice), list(BackupCode.objects.values())) == (True, before)


def test_every_change_is_remembered_once(signed_in_client, phone, clock):
    make_new_codes(signed_in_client, phone)
    clock.shift(timedelta(seconds=60))
    turn_off(signed_in_client, phone)
    changes = ["backup_codes_regenerated", "two_factor_disabled"]
    assert [Event.objects.filter(kind=kind).count() for kind in changes] == [1, 1]


def test_a_sign_in_whose_authenticator_was_removed_meanwhile_is_no_error(client, alice, phone):
    give_password(client)
    factor_changes.forget_factors(alice)
    client.raise_request_exception = False
    assert client.post("/two-factor/verify/", {"code": phone.code()}).status_code < 500
