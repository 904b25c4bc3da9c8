"""People without a password, who sign in elsewhere (social, single sign-on)."""

import pytest
from django.contrib.auth import get_user_model, login
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.test import Client
from django.urls import path

from config.urls import handler400, handler403, handler404, handler500, urlpatterns
from tests.people import PASSWORD, signed_in_as
from twofactor.decorators import recently_confirmed
from twofactor.factors import enrolled
from twofactor.models import GuessBudget

__all__ = ["handler400", "handler403", "handler404", "handler500"]

SETUP = "/two-factor/setup/"
CONFIRM = "/two-factor/confirm/"
DISABLE = "/two-factor/disable/"
CODES = "/two-factor/backup-codes/"
VERIFY = "/two-factor/verify/"


@login_not_required
def social_sign_in(request):
    """Signs in as an app for social sign-in does, once the provider has named the user."""
    login(request, get_user_model().objects.get(), backend="accounts.lockout.Backend")
    return HttpResponse("signed in")


@recently_confirmed()
def dangerous(request):
    return HttpResponse("done")


urlpatterns = [*urlpatterns, path("social/", social_sign_in), path("dangerous/", dangerous)]


@pytest.fixture(autouse=True)
def alice(alice, settings):
    settings.ROOT_URLCONF = __name__
    alice.set_unusable_password()
    alice.save()
    return alice


@pytest.fixture
def social_client(client):
    """Alice signed in elsewhere. She has no second factor."""
    client.get("/social/")
    return client


@pytest.fixture
def verified_client(client, phone, clock):
    """Alice signed in elsewhere and gave her code, a minute ago."""
    client.get("/social/")
    client.post(VERIFY, {"code": phone.code()})
    clock.shift(60)
    return client


# The first factor


def test_a_sign_in_opens_set_up(social_client, clock):
    clock.shift(599)
    assert social_client.get(SETUP).status_code == 200


def test_after_ten_minutes_it_takes_a_new_one(social_client, clock):
    clock.shift(601)
    page = social_client.get(SETUP, follow=True)
    assert page.redirect_chain[-1][0].startswith(CONFIRM)
    assert ("sign in again before you continue" in page.text, 'type="password"' in page.text) == (True, False)


def test_the_button_signs_out_and_leads_to_sign_in_and_back(social_client, clock):
    clock.shift(601)
    answer = social_client.post(CONFIRM, {"next": SETUP})
    assert (answer["Location"], signed_in_as(social_client)) == (
        f"/accounts/login/?next={SETUP.replace('/', '%2F')}",
        None,
    )
    social_client.get("/social/")
    assert social_client.get(SETUP).status_code == 200


def test_a_password_that_is_made_up_opens_nothing(social_client, clock):
    clock.shift(601)
    social_client.post(CONFIRM, {"next": SETUP, "password": PASSWORD, "code": "000000"})
    assert "twofactor_step_up_at" not in social_client.session


@pytest.mark.proves("S-10")
def test_a_sign_in_alone_is_no_step_up(social_client):
    assert social_client.get("/dangerous/", follow=True).redirect_chain[-1][0].startswith(SETUP)


# With a factor, the code is asked for


@pytest.mark.proves("S-10")
@pytest.mark.parametrize("address", [CONFIRM, DISABLE, CODES])
def test_the_form_asks_for_the_code_alone(verified_client, address):
    page = verified_client.get(address).text
    assert ('name="code"' in page, 'name="password"' in page) == (True, False)


@pytest.mark.parametrize("address", ["/dangerous/", "/two-factor/apps/add/"])
@pytest.mark.proves("S-10")
def test_signing_in_with_a_code_is_no_step_up(verified_client, address):
    assert verified_client.get(address)["Location"].startswith(CONFIRM)


@pytest.mark.parametrize("address", ["/dangerous/", "/two-factor/apps/add/"])
def test_a_code_on_the_confirm_page_is_a_step_up(verified_client, phone, address):
    verified_client.post(CONFIRM, {"code": phone.code()})
    assert verified_client.get(address).status_code == 200


def test_a_code_turns_it_off(verified_client, phone, alice):
    verified_client.post(DISABLE, {"code": phone.code()})
    assert not enrolled.is_on(alice)


def test_the_page_says_what_is_enough_afterwards(verified_client):
    assert "You'll be able to sign in without a code." in verified_client.get(DISABLE).text


def test_a_code_makes_new_backup_codes(verified_client, phone):
    verified_client.post(CODES, {"code": phone.code()})
    assert verified_client.get(CODES).text.count("<code") == 10


@pytest.mark.parametrize("body", [{}, {"code": ""}, {"code": "000000"}, {"password": PASSWORD}])
@pytest.mark.parametrize("address", [CONFIRM, DISABLE, CODES])
def test_nothing_but_a_code_is_accepted(verified_client, alice, address, body):
    assert verified_client.post(address, body).status_code == 422
    assert ("twofactor_step_up_at" in verified_client.session, enrolled.is_on(alice)) == (False, True)


@pytest.mark.proves("C-06")
def test_a_wrong_code_is_counted(verified_client):
    verified_client.post(CONFIRM, {"code": "000000"})
    assert GuessBudget.objects.get().failures == 1


def test_a_new_sign_in_without_the_code_turns_nothing_off(phone, alice):
    client = Client()
    client.get("/social/")
    assert client.post(DISABLE, {"code": phone.code()})["Location"].startswith((VERIFY, "/accounts/login/"))
    assert enrolled.is_on(alice)
