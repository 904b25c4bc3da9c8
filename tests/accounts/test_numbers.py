"""The numbers in the sentences of accounts are those of the code, and change with it."""

from dataclasses import replace
from datetime import timedelta
from html import unescape

import pytest
from django.utils import timezone

from accounts import address_links, deletion, mail_limits
from tests.accounts.letters import letters
from tests.people import PASSWORD, give_password, person


def text(response) -> str:
    return " ".join(unescape(response.text).split())


def sign_up(client):
    return client.post("/accounts/signup/", {"email": "new@example.com", "password": PASSWORD}, follow=True)


@pytest.fixture
def unconfirmed(client, db):
    """A signed-in person who has not confirmed the address."""
    person(email_verified_at=None)
    give_password(client)
    return client


@pytest.fixture(params=[(1, "1 day"), (5, "5 days")])
def life_of_a_link(request, monkeypatch):
    days, words = request.param
    monkeypatch.setattr(address_links, "LINK_MAX_AGE", timedelta(days=days))
    return words


@pytest.mark.parametrize("length", [9, 12])
@pytest.mark.django_db
def test_the_shortest_password(client, settings, length):
    name = "django.contrib.auth.password_validation.MinimumLengthValidator"
    settings.AUTH_PASSWORD_VALIDATORS = [{"NAME": name, "OPTIONS": {"min_length": length}}]
    assert f"At least {length} characters." in text(client.get("/accounts/signup/"))


@pytest.mark.django_db
def test_how_long_the_link_after_signing_up_works(client, life_of_a_link):
    assert f"The link works for {life_of_a_link}." in text(sign_up(client))


@pytest.mark.parametrize(("days", "words"), [(1, "In 1 day,"), (5, "In 5 days,")])
@pytest.mark.django_db
def test_how_long_a_deletion_waits(client, monkeypatch, days, words):
    monkeypatch.setattr(deletion, "WAIT", timedelta(days=days))
    person()
    give_password(client)
    client.post("/two-factor/confirm/", {"password": PASSWORD})
    assert words in text(client.get("/accounts/delete/"))


@pytest.mark.django_db
def test_how_old_a_dead_link_may_be(client, life_of_a_link):
    assert f"is more than {life_of_a_link} old" in text(client.get("/accounts/email/verify/x/"))


def test_how_long_a_link_works_that_is_sent_again(unconfirmed, life_of_a_link):
    answer = unconfirmed.post("/accounts/email/verify/send/", follow=True)
    assert f"We've sent you a new link. It works for {life_of_a_link}." in text(answer)


@pytest.mark.parametrize(("hours", "words"), [(1, "1 hour"), (2, "2 hours")])
def test_how_long_to_wait_for_another_link(unconfirmed, monkeypatch, hours, words):
    limit = replace(mail_limits.TO_ADDRESS, count=0, window=timedelta(hours=hours))
    monkeypatch.setattr(mail_limits, "TO_ADDRESS", limit)
    unconfirmed.post("/accounts/email/verify/send/")
    answer = unconfirmed.post("/accounts/email/verify/send/", follow=True)
    assert f"Check your inbox, or wait {words}." in text(answer)


@pytest.mark.parametrize(("hours", "words"), [(1, "1 hour"), (2, "2 hours")])
@pytest.mark.django_db
def test_how_long_a_reset_works(client, settings, hours, words):
    settings.PASSWORD_RESET_TIMEOUT = hours * 3600
    assert f"The link works for {words}." in text(client.get("/accounts/password_reset/done/"))


@pytest.mark.django_db
def test_how_long_the_mailed_link_to_confirm_works(client, life_of_a_link):
    sign_up(client)
    assert f"It works for {life_of_a_link}." in letters()[0].body


def test_how_long_the_mailed_link_to_a_new_address_works(alice, life_of_a_link):
    address_links.send_change_link(alice, "new@example.com", timezone.now())
    assert f"It works for {life_of_a_link}." in letters()[0].body


@pytest.mark.parametrize(("hours", "words"), [(1, "1 hour"), (2, "2 hours")])
def test_how_long_the_mailed_link_to_a_new_password_works(client, alice, settings, hours, words):
    settings.PASSWORD_RESET_TIMEOUT = hours * 3600
    client.post("/accounts/password_reset/", {"email": alice.email})
    assert f"It works for {words}." in letters()[0].body
