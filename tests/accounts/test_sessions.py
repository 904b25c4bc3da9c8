"""Signing out, what else ends a session, and what a stored session reveals."""

import pytest
from django.contrib.sessions.backends import db
from django.test import Client
from django.urls import reverse

from accounts.models import User
from tests.people import give_password, person, signed_in_as
from twofactor.models import Session
from twofactor.sessions.store import row_key

LOGIN = "/accounts/login/"

pytestmark = pytest.mark.django_db


def test_signing_out_leads_to_the_sign_in_page(as_alice):
    assert as_alice.post("/accounts/logout/")["Location"] == LOGIN


def test_signing_out_twice_ends_at_the_sign_in_page(client, db):
    assert client.post("/accounts/logout/")["Location"] == LOGIN


def test_the_address_of_signing_out_leads_home(as_alice):
    response = as_alice.get("/accounts/logout/")
    assert (response.status_code, response["Location"]) == (303, "/")


@pytest.mark.proves("7.4.1")
def test_signing_out_kills_the_session_on_the_server(as_alice):
    stolen = as_alice.cookies["sessionid"].value
    as_alice.post("/accounts/logout/")
    thief = Client()
    thief.cookies["sessionid"] = stolen
    assert thief.get("/accounts/profile/").status_code == 302


@pytest.mark.proves("S-02")
def test_signing_out_leaves_no_session_behind(as_alice):
    as_alice.post("/accounts/logout/")
    assert Session.objects.count() == 0


def test_signing_out_leaves_what_the_site_keeps_in_the_browser(as_alice):
    assert "Clear-Site-Data" not in as_alice.post("/accounts/logout/").headers


@pytest.mark.proves("14.3.1")
def test_where_a_site_wants_it_signing_out_empties_the_browser(as_alice, settings):
    settings.TWOFACTOR_CLEAR_SITE_DATA = True
    assert as_alice.post("/accounts/logout/")["Clear-Site-Data"] == '"cache", "storage"'


def test_following_a_link_signs_nobody_out(as_alice):
    as_alice.get("/accounts/logout/")
    assert as_alice.get("/accounts/profile/").status_code == 200


def test_signing_out_needs_the_token_of_its_page(alice):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    assert browser.post("/accounts/logout/").status_code == 403


def test_signing_out_never_leads_to_another_site(as_alice):
    response = as_alice.post("/accounts/logout/", {"next": "//evil.example"})
    assert response["Location"] == LOGIN


def test_signing_out_of_one_browser_leaves_the_other(as_alice):
    other = Client()
    give_password(other)
    as_alice.post("/accounts/logout/")
    assert other.get("/accounts/profile/").status_code == 200


def test_a_blocked_person_is_out_at_once(as_alice):
    User.objects.update(is_active=False)
    assert as_alice.get("/accounts/profile/").status_code == 302


def test_a_new_epoch_ends_every_session(as_alice, alice):
    alice.end_sessions()
    assert as_alice.get("/accounts/profile/").status_code == 302


def test_a_session_outlives_the_change_of_the_secret_key(as_alice, settings):
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another-key" * 5
    assert as_alice.get("/accounts/profile/").status_code == 200


def test_a_new_epoch_ends_sessions_from_before_the_change_of_the_secret_key(as_alice, alice, settings):
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another-key" * 5
    alice.end_sessions()
    assert as_alice.get("/accounts/profile/").status_code == 302


def test_a_session_taken_over_by_the_new_key_lives_without_the_old_one(as_alice, settings):
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another-key" * 5
    as_alice.get("/accounts/profile/")
    settings.SECRET_KEY_FALLBACKS = []
    assert as_alice.get("/accounts/profile/").status_code == 200


PUBLIC = ["home", "help", "login", "signup", "signup_sent", "password_reset", "password_reset_done"]


@pytest.mark.parametrize("name", [*PUBLIC, "profile", "password_reset_complete", "twofactor:verify"])
def test_reading_a_page_makes_no_session(client, db, name):
    client.get(reverse(name))
    assert ("sessionid" in client.cookies, Session.objects.count()) == (False, 0)


@pytest.mark.proves("K-01")
def test_a_session_tells_nothing_to_who_reads_the_table(as_alice):
    stored = Session.objects.get().session_data
    assert (db.SessionStore().decode(stored), "_auth_user_id" in as_alice.session) == ({}, True)


@pytest.mark.proves("K-02")
def test_a_session_copied_into_the_row_of_another_opens_nothing(as_alice, alice):
    person("mallory@example.com")
    browser = Client()
    give_password(browser, "mallory@example.com")
    mine = Session.objects.get(pk=row_key(browser.session.session_key))
    hers = Session.objects.exclude(pk=mine.pk).get()
    Session.objects.filter(pk=mine.pk).update(session_data=hers.session_data)
    assert signed_in_as(browser) is None


@pytest.mark.proves("7.2.1-7.2.3", "11.5.1", "N-14")
def test_the_session_key_is_too_long_to_guess(as_alice, alice):
    keys = {as_alice.session.session_key}
    for _ in range(30):
        give_password(browser := Client())
        keys.add(browser.session.session_key)
    assert (len(keys), {len(key) for key in keys}, len(set("".join(keys)))) == (31, {32}, 36)
