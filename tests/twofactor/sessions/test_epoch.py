"""The epoch of a person, and sessions under a SECRET_KEY that changes (S-07)."""

import pytest
from django.contrib.auth import get_user_model

from tests.people import PASSWORD, give_password
from twofactor import sealing

CONFIRM = "/two-factor/confirm/"


def change_secret_key(settings, fallbacks=True):
    old = settings.SECRET_KEY
    settings.SECRET_KEY = sealing.generate_key()
    settings.SECRET_KEY_FALLBACKS = [old] if fallbacks else []


def test_a_bump_of_the_epoch_ends_a_session(signed_in_client, alice):
    alice.end_sessions()
    assert signed_in_client.get("/two-factor/").status_code == 302


def test_of_two_bumps_at_once_both_count(alice):
    same = get_user_model().objects.get()
    same.end_sessions()
    alice.end_sessions()
    assert (alice.security_epoch, get_user_model().objects.get().security_epoch) == (2, 2)


def test_a_new_password_bumps_the_epoch(alice):
    alice.set_password(PASSWORD)
    alice.save()
    assert alice.security_epoch == 1


@pytest.mark.proves("S-07")
def test_a_session_goes_on_under_a_new_secret_key(signed_in_client, settings):
    change_secret_key(settings)
    assert signed_in_client.get("/two-factor/").status_code == 200


def test_a_session_goes_on_when_the_old_secret_key_is_gone_later(signed_in_client, settings):
    change_secret_key(settings)
    signed_in_client.get("/two-factor/")
    settings.SECRET_KEY_FALLBACKS = []
    assert signed_in_client.get("/two-factor/").status_code == 200


def test_without_a_fallback_a_new_secret_key_ends_a_session(signed_in_client, settings):
    change_secret_key(settings, fallbacks=False)
    assert signed_in_client.get("/two-factor/").status_code == 302


@pytest.mark.proves("S-07")
def test_a_fallback_does_not_bring_an_old_epoch_back(signed_in_client, alice, settings):
    alice.end_sessions()
    change_secret_key(settings)
    assert signed_in_client.get("/two-factor/").status_code == 302


def test_a_fallback_does_not_bring_an_old_password_back(signed_in_client, alice, settings):
    alice.set_password("another good password")
    alice.save()
    change_secret_key(settings)
    assert signed_in_client.get("/two-factor/").status_code == 302


def test_a_session_moved_to_a_new_secret_key_still_has_its_factor(signed_in_client, settings):
    change_secret_key(settings)
    signed_in_client.get("/two-factor/")
    assert signed_in_client.session["twofactor_amr"] == "totp"


def test_a_confirmation_survives_a_stronger_hash(client, alice, settings):
    """S-14: confirming the password also stores a newer hash of it."""
    give_password(client)
    settings.PASSWORD_HASHERS = settings.PASSWORD_HASHERS[::-1]
    client.post(CONFIRM, {"password": PASSWORD})
    assert client.get("/two-factor/").status_code == 200
