"""Signing out everywhere else."""

from django.test import Client

from tests.people import enrol, give_password, person, sign_in, signed_in_as
from twofactor.models import Event
from twofactor.sessions.store import SessionStore

PANEL = "/two-factor/"
END = "/two-factor/sessions/end/"


def test_other_sessions_end(signed_in_client, phone, clock):
    other = Client()
    sign_in(other, phone)
    signed_in_client.post(END)
    assert other.get(PANEL).status_code == 302


def test_this_session_stays(signed_in_client, alice):
    signed_in_client.post(END)
    assert (signed_in_as(signed_in_client), signed_in_client.get(PANEL).status_code) == (alice, 200)


def test_this_session_gets_a_new_key(signed_in_client):
    before = signed_in_client.session.session_key
    signed_in_client.post(END)
    assert (signed_in_client.session.session_key != before, SessionStore().exists(before)) == (True, False)


def test_this_session_stays_proven(signed_in_client):
    signed_in_client.post(END)
    assert signed_in_client.session["twofactor_amr"] == "totp"


def test_a_pending_sign_in_ends_too(signed_in_client, phone, clock):
    other = Client()
    give_password(other)
    signed_in_client.post(END)
    other.post("/two-factor/verify/", {"code": phone.code()})
    assert signed_in_as(other) is None


def test_other_peoples_sessions_stay(signed_in_client, clock):
    bob = person("bob@example.com")
    bobs = Client()
    sign_in(bobs, enrol(bob), bob.email)
    signed_in_client.post(END)
    assert bobs.get(PANEL).status_code == 200


def test_looking_ends_nothing(signed_in_client, phone, clock):
    other = Client()
    sign_in(other, phone)
    signed_in_client.get(END)
    assert other.get(PANEL).status_code == 200


def test_ending_sessions_says_so(signed_in_client):
    assert "You&#x27;re signed out everywhere else." in signed_in_client.post(END, follow=True).text


def test_ending_sessions_is_remembered(signed_in_client):
    signed_in_client.post(END)
    assert Event.objects.filter(kind="sessions_ended").count() == 1


def test_without_two_factor_other_sessions_end_as_well(no_factor_client, alice):
    other = Client()
    give_password(other)
    no_factor_client.post(END)
    assert (other.get(PANEL).status_code, no_factor_client.get(PANEL).status_code) == (302, 200)
