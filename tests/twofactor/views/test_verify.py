"""The page that asks for the code: what a right code does, and what the page shows and stores."""

import pytest
from django.conf import settings as site
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.signals import user_logged_in
from django.core import mail
from django.test import Client
from django.utils import timezone

from config.environment import admins
from tests.accounts.letters import error_mails
from tests.htmx import HTMX
from tests.mailers import send_mail_with
from tests.people import PASSWORD, give_password, open_sessions, signed_in_as
from tests.twofactor.code_forms import counted_failures, enter_code
from twofactor.factors import totp
from twofactor.models import Authenticator, Event, GuessBudget

VERIFY = "/two-factor/verify/"
PENDING_PAGES = [VERIFY, "/two-factor/verify/other/", "/two-factor/verify/backup/"]


# A right code


def test_a_right_code_signs_in(pending_client, alice, phone):
    enter_code(pending_client, phone.code())
    assert signed_in_as(pending_client) == alice


def test_a_right_code_leads_on(pending_client, phone):
    response = enter_code(pending_client, phone.code())
    assert (response.status_code, response.url) == (303, "/")


def test_the_session_remembers_that_it_was_the_authenticator(pending_client, phone):
    enter_code(pending_client, phone.code())
    assert pending_client.session["twofactor_amr"] == "totp"


@pytest.mark.proves("V-03")
def test_the_session_holds_no_password_and_no_code(pending_client, alice, phone):
    enter_code(pending_client, phone.code())
    held = str(dict(pending_client.session))
    assert not any(secret in held for secret in (PASSWORD, alice.password, phone.key, phone.code()))


def test_the_session_holds_what_the_model_of_assurance_allows(pending_client, phone):
    enter_code(pending_client, phone.code())
    allowed = {
        "_auth_user_id",
        "_auth_user_backend",
        "_auth_user_hash",
        "twofactor_amr",
        "twofactor_auth_at",
        "twofactor_password_at",
        "twofactor_seen_at",
        "twofactor_step_up_at",
        "twofactor_step_up_with",
        "twofactor_browser",
        "twofactor_address",
    }
    assert set(pending_client.session.keys()) <= allowed


def test_a_right_code_ends_the_pending_sign_in(pending_client, phone):
    assert enter_code(pending_client, phone.code()).cookies["twofactor_pending"]["max-age"] == 0


@pytest.mark.proves("V-27", "S-02")
def test_a_session_that_was_there_before_gets_another_key(pending_client, phone):
    session = pending_client.session
    session["language"] = "de"
    session.save()
    enter_code(pending_client, phone.code())
    assert pending_client.session.session_key != session.session_key


@pytest.mark.proves("7.2.4")
def test_an_old_session_key_is_dead_after_signing_in(pending_client, phone):
    session = pending_client.session
    session.save()
    enter_code(pending_client, phone.code())
    assert not session.exists(session.session_key)


@pytest.mark.proves("7.2.4")
def test_every_password_begins_another_pending_sign_in(pending_client):
    first = pending_client.cookies["twofactor_pending"].value
    give_password(pending_client)
    assert pending_client.cookies["twofactor_pending"].value != first


@pytest.mark.proves("V-12")
def test_an_error_while_signing_in_signs_nobody_in(pending_client, phone):
    def breaks(sender, **kwargs):
        raise RuntimeError

    user_logged_in.connect(breaks)
    pending_client.raise_request_exception = False
    enter_code(pending_client, phone.code())
    user_logged_in.disconnect(breaks)
    assert signed_in_as(pending_client) is None


@pytest.mark.parametrize("opted_in", [True, False])
def test_signing_in_leaves_what_the_site_keeps_in_the_browser(pending_client, phone, settings, opted_in):
    settings.TWOFACTOR_CLEAR_SITE_DATA = opted_in
    assert "Clear-Site-Data" not in enter_code(pending_client, phone.code()).headers


# Doing it twice


def test_the_second_of_two_clicks_leads_on_too(pending_client, phone):
    token, code = pending_client.cookies["twofactor_pending"].value, phone.code()
    enter_code(pending_client, code)
    twin = Client()
    twin.cookies["twofactor_pending"] = token
    response = enter_code(twin, code)
    assert (response.status_code, response.url) == (303, "/")


def test_the_second_of_two_clicks_costs_nothing(pending_client, phone):
    token, code = pending_client.cookies["twofactor_pending"].value, phone.code()
    enter_code(pending_client, code)
    twin = Client()
    twin.cookies["twofactor_pending"] = token
    enter_code(twin, code)
    assert counted_failures() == 0


@pytest.mark.parametrize("path", [*PENDING_PAGES, "/accounts/login/"])
def test_a_person_who_is_signed_in_is_led_on(pending_client, phone, path):
    enter_code(pending_client, phone.code())
    assert (pending_client.get(path).status_code // 100, pending_client.get(path).url) == (3, "/")


def test_a_code_entered_by_someone_signed_in_is_not_spent(signed_in_client, phone):
    enter_code(signed_in_client, phone.code())
    assert Authenticator.objects.get().last_step < totp.step_at(timezone.now())


# The page itself


def test_under_htmx_the_session_is_opened_all_the_same(pending_client, alice, phone):
    pending_client.post(VERIFY, {"code": phone.code()}, headers=HTMX)
    assert signed_in_as(pending_client) == alice


@pytest.mark.parametrize("path", PENDING_PAGES)
def test_under_htmx_a_page_is_the_part_of_the_whole_page(pending_client, path):
    part = pending_client.get(path, headers=HTMX).content
    assert b"<html" not in part


@pytest.mark.parametrize("path", PENDING_PAGES)
def test_a_page_is_never_stored(pending_client, path):
    assert "no-store" in pending_client.get(path).headers["Cache-Control"]


@pytest.mark.parametrize("path", PENDING_PAGES)
def test_a_page_varies_with_htmx(pending_client, path):
    assert "HX-Request" in pending_client.get(path).headers["Vary"]


@pytest.mark.proves("3.5.3")
@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_at_the_page_changes_nothing(pending_client, method):
    before = list(Authenticator.objects.values()), list(GuessBudget.objects.values()), Event.objects.count()
    getattr(pending_client, method)(f"{VERIFY}?code=000000")
    after = list(Authenticator.objects.values()), list(GuessBudget.objects.values()), Event.objects.count()
    assert after == before


@pytest.mark.parametrize("path", PENDING_PAGES[::2])
def test_a_form_without_its_token_is_refused(phone, path):
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(path, {"code": phone.code()}).status_code == 403


@pytest.mark.proves("3.3.4")
def test_the_session_key_is_not_in_a_page(pending_client, phone):
    enter_code(pending_client, phone.code())
    assert pending_client.cookies[site.SESSION_COOKIE_NAME].value not in pending_client.get("/").text


def test_signing_in_makes_one_session(pending_client, phone):
    enter_code(pending_client, phone.code())
    assert [SESSION_KEY in session for session in open_sessions()] == [True]


# History and errors


@pytest.mark.parametrize("path", ["/two-factor/verify/", "/two-factor/verify/backup/"])
def test_a_history_restore_gets_the_whole_page(client, phone, path):
    give_password(client)
    headers = {**HTMX, "HX-History-Restore-Request": "true"}
    assert client.get(path, headers=headers).content.lower().startswith(b"<!doctype html>")


@pytest.fixture
def error_mail(client, phone, settings):
    """The mail to the administrators about an error in the second step, its code, and its cookie."""
    settings.ADMINS = admins(["admin@example.com"])
    send_mail_with(settings, "locmem")

    def breaks(**kwargs):
        raise RuntimeError

    give_password(client)
    code, token = phone.code(), client.cookies["twofactor_pending"].value
    user_logged_in.connect(breaks)
    client.raise_request_exception = False
    client.post("/two-factor/verify/", {"code": code})
    user_logged_in.disconnect(breaks)
    error_mails()
    return mail.outbox[-1].body, code, token


@pytest.mark.proves("V-30")
def test_a_mail_about_an_error_does_not_hold_the_code(error_mail):
    text, code, _ = error_mail
    assert code not in text


def test_a_mail_about_an_error_does_not_hold_the_pending_sign_in(error_mail):
    text, _, token = error_mail
    assert token not in text
