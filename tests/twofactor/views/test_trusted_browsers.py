"""Trusted browsers in the list of devices, and removing them."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tests.people import enrol, give_password, sign_in, signed_in_as
from tests.twofactor.trusted_browsers import forget_url, new_trusted_client, skips_the_code
from twofactor.models import Event, TrustedBrowser

DEVICES = "/two-factor/devices/"
FORGET_ALL = "/two-factor/browsers/forget/"


def trusted_on(client):
    """The trusted browsers in the list of devices."""
    return [device for device in client.get(DEVICES).context["devices"] if device.trusted_until]


def test_use_is_written_down(trusted_client, clock):
    clock.shift(86400)
    give_password(trusted_client)
    assert TrustedBrowser.objects.get().last_used_at == timezone.now()


def test_a_browser_that_expired_is_not_listed(trusted_client, signed_in_client, clock, phone):
    clock.shift(timedelta(days=30).total_seconds())
    client = Client()
    sign_in(client, phone)
    assert trusted_on(client) == []


@pytest.mark.parametrize(("days", "shown"), [(90, [30]), (5, [5]), (0, [])])
def test_a_setting_that_was_changed_since_shows_when_the_trust_ends(
    trusted_client, signed_in_client, settings, days, shown
):
    """A lower number ends it earlier, and a higher one does not prolong it."""
    settings.TWOFACTOR_TRUSTED_DAYS = days
    listed = trusted_on(signed_in_client)
    assert [(device.trusted_until - device.began_at).days for device in listed] == shown


def test_a_browser_whose_trust_ended_with_the_setting_is_not_listed(trusted_client, phone, settings, clock):
    settings.TWOFACTOR_TRUSTED_DAYS = 5
    clock.shift(timedelta(days=5))
    client = Client()
    sign_in(client, phone)
    assert trusted_on(client) == []


def test_other_peoples_browsers_are_not_listed(trusted_client, bob, client):
    sign_in(client, enrol(bob), bob.email)
    assert trusted_on(client) == []


def test_a_browser_without_a_name_is_listed(phone, signed_in_client, clock):
    new_trusted_client(phone)
    assert [device.browser for device in trusted_on(signed_in_client)] == [""]


def test_forgetting_one_leaves_the_others(trusted_client, signed_in_client, phone, clock):
    other = new_trusted_client(phone)
    signed_in_client.post(forget_url(TrustedBrowser.objects.first()))
    assert (skips_the_code(trusted_client), skips_the_code(other)) == (False, True)


def test_forgetting_says_so(trusted_client, signed_in_client):
    page = signed_in_client.post(forget_url(TrustedBrowser.objects.get()), follow=True).text
    assert "Firefox 140 on Linux is no longer trusted." in page
    assert Event.objects.get(kind="browser_forgotten").detail == {"device": "Firefox 140 on Linux"}


def test_forgetting_all_forgets_all(trusted_client, signed_in_client, phone):
    new_trusted_client(phone)
    signed_in_client.post(FORGET_ALL)
    assert trusted_on(signed_in_client) == []


def test_forgetting_all_leaves_other_peoples(trusted_client, bob, client):
    sign_in(client, enrol(bob), bob.email)
    client.post(FORGET_ALL)
    assert skips_the_code(trusted_client)


def masked(answer):
    """Without the tokens of its forms, which differ each time."""
    return re.sub(r'value="\w{64}"', "", answer.text)


@pytest.mark.proves("8.2.1-8.2.3", "8.3.1")
def test_someone_elses_browser_is_not_there(trusted_client, bob, client):
    """No insecure direct object reference: the answer is that for a number that nobody has."""
    sign_in(client, enrol(bob), bob.email)
    theirs = client.post(forget_url(TrustedBrowser.objects.get()))
    nobodys = client.post("/two-factor/browsers/999999/forget/")
    assert (theirs.status_code, TrustedBrowser.objects.count()) == (409, 1)
    assert (nobodys.status_code, masked(nobodys)) == (409, masked(theirs))


@pytest.mark.parametrize("path", ["/two-factor/browsers/{pk}/forget/", FORGET_ALL])
def test_looking_forgets_nothing(trusted_client, signed_in_client, path):
    answer = signed_in_client.get(path.format(pk=TrustedBrowser.objects.get().pk))
    assert (answer.url, TrustedBrowser.objects.count()) == (DEVICES, 1)


@pytest.mark.parametrize("path", ["/two-factor/browsers/{pk}/forget/", FORGET_ALL])
def test_strangers_forget_nothing(trusted_client, path):
    Client().post(path.format(pk=TrustedBrowser.objects.get().pk))
    assert TrustedBrowser.objects.count() == 1


def test_forgetting_this_very_browser_leaves_it_signed_in(trusted_client, alice):
    give_password(trusted_client)
    trusted_client.post(FORGET_ALL)
    assert signed_in_as(trusted_client) == alice


@pytest.mark.parametrize("kind", ["browser_trusted", "signed_in_trusted", "browsers_forgotten"])
def test_trusting_and_forgetting_are_in_the_audit_log(trusted_client, kind):
    give_password(trusted_client)
    trusted_client.post(FORGET_ALL)
    assert Event.objects.filter(kind=kind).count() == 1
