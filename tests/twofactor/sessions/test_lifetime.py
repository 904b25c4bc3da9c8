"""How long a session lasts, and what ends it."""

from datetime import timedelta

import pytest
from django.conf import settings as site
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from tests.people import PASSWORD
from twofactor.devices import list_devices
from twofactor.models import Session

CONFIRM = "/two-factor/confirm/"


@pytest.mark.proves("7.3.1", "N-13", "S-09")
@pytest.mark.parametrize(("minutes", "open_"), [(59, True), (60, False)])
def test_an_hour_without_a_page_ends_a_session(signed_in_client, clock, minutes, open_):
    signed_in_client.get("/help/")
    clock.shift(timedelta(minutes=minutes))
    assert (signed_in_client.get("/two-factor/").status_code == 200) is open_


def test_a_session_that_is_too_old_is_gone(signed_in_client, clock):
    clock.shift(timedelta(minutes=61))
    signed_in_client.get("/two-factor/")
    assert Session.objects.count() == 0


def test_a_person_who_was_away_is_told(signed_in_client, clock):
    clock.shift(timedelta(minutes=61))
    assert b"Your session timed out." in signed_in_client.get("/two-factor/", follow=True).content


def test_a_person_who_was_away_comes_back_to_their_page(signed_in_client, clock):
    clock.shift(timedelta(minutes=61))
    assert signed_in_client.get("/accounts/profile/").url == "/accounts/login/?next=%2Faccounts%2Fprofile%2F"


def visit_for_hours(client, clock, hours):
    """Open a page every half hour; the status of the last."""
    for _ in range(hours * 2):
        clock.shift(timedelta(minutes=30))
        status = client.get("/two-factor/").status_code
    return status


def test_steady_work_keeps_a_session_open(signed_in_client, clock):
    assert visit_for_hours(signed_in_client, clock, 23) == 200


@pytest.mark.proves("7.3.2", "N-13", "S-09")
def test_a_day_ends_a_session_whatever_happens(signed_in_client, clock):
    assert visit_for_hours(signed_in_client, clock, 24) == 303


def test_confirming_does_not_make_a_session_longer(signed_in_client, phone, clock):
    visit_for_hours(signed_in_client, clock, 23)
    signed_in_client.post(CONFIRM, {"password": PASSWORD, "code": phone.code()})
    clock.shift(timedelta(minutes=59))
    assert signed_in_client.get("/two-factor/").status_code == 303


@pytest.mark.proves("7.4.2")
def test_a_deactivated_persons_session_is_over(signed_in_client):
    get_user_model().objects.update(is_active=False)
    assert signed_in_client.get("/two-factor/").url.startswith("/accounts/login/")


@pytest.mark.proves("7.4.2")
def test_a_session_stays_over_when_its_person_is_let_in_again(signed_in_client, alice):
    for alice.is_active in (False, True):
        alice.save()
    assert signed_in_client.get("/two-factor/").url.startswith("/accounts/login/")


def test_a_deleted_persons_session_is_over(signed_in_client, alice):
    alice.delete()
    assert signed_in_client.get("/two-factor/").url.startswith("/accounts/login/")


def test_signing_out_ends_a_session_on_the_server(signed_in_client):
    thief = Client()
    thief.cookies.load({site.SESSION_COOKIE_NAME: signed_in_client.cookies[site.SESSION_COOKIE_NAME].value})
    signed_in_client.post("/accounts/logout/")
    assert thief.get("/two-factor/").url.startswith("/accounts/login/")


# As the site wants it


@pytest.fixture
def fortnight(settings):
    """Django's own SESSION_COOKIE_AGE, and no limit of ours beside it."""
    settings.TWOFACTOR_SESSION_IDLE = settings.TWOFACTOR_SESSION_AGE = None
    settings.SESSION_COOKIE_AGE = 14 * 24 * 60 * 60
    return timedelta(days=14)


def test_a_site_may_end_sessions_earlier(signed_in_client, clock, settings):
    settings.TWOFACTOR_SESSION_IDLE = timedelta(minutes=5)
    clock.shift(timedelta(minutes=5))
    assert signed_in_client.get("/two-factor/").status_code == 303


def test_a_site_may_leave_the_end_to_django(fortnight, signed_in_client, clock):
    for _ in range(3):
        clock.shift(fortnight - timedelta(hours=1))
        assert signed_in_client.get("/two-factor/").status_code == 200
    clock.shift(fortnight)
    assert signed_in_client.get("/two-factor/").status_code == 302


def test_a_site_may_leave_idle_sessions_to_django_and_end_old_ones(
    fortnight, signed_in_client, clock, settings
):
    settings.TWOFACTOR_SESSION_AGE = timedelta(days=20)
    for days, status in [(13, 200), (7, 303)]:
        clock.shift(timedelta(days=days))
        assert signed_in_client.get("/two-factor/").status_code == status


def test_the_list_of_devices_has_a_session_as_long_as_it_works(fortnight, signed_in_client, clock, alice):
    clock.shift(timedelta(days=13))
    assert len(list_devices(alice, timezone.now())) == 1
