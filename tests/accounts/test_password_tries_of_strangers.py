"""Wrong passwords from browsers that the person never used: they lock each other out, never the owner."""

from io import StringIO

import pytest
from django.core.management import call_command

from accounts import password_tries
from accounts.models import PasswordTries, User
from tests.accounts.wrong_passwords import (
    browser_at,
    enter_password,
    enter_wrong,
    enter_wrong_fifty_times,
    strangers_enter_wrong,
    strangers_have_entered_wrong,
)
from tests.people import PASSWORD, person, signed_in_as

pytestmark = pytest.mark.usefixtures("clock")


@pytest.mark.proves("L-3")
def test_a_hundred_tries_by_strangers_are_the_last(alice):
    strangers_enter_wrong(100)
    assert enter_password(browser_at("192.0.2.9")).status_code == 429


def test_after_ninety_nine_the_password_still_opens(alice):
    strangers_enter_wrong(96)
    enter_wrong(browser_at("192.0.2.8"), 3)
    other = browser_at("192.0.2.9")
    enter_password(other)
    assert signed_in_as(other) == alice


@pytest.mark.proves("L-3", "X-16")
def test_strangers_do_not_lock_the_owner_out(known_browser, alice):
    strangers_have_entered_wrong(100)
    enter_password(known_browser)
    assert signed_in_as(known_browser) == alice


def test_a_stranger_at_the_same_address_does_not_lock_the_owner_out(known_browser, alice):
    enter_wrong(browser_at("192.0.2.1"), 5)
    enter_password(known_browser)
    assert signed_in_as(known_browser) == alice


def test_an_address_that_is_locked_does_not_lock_a_known_browser(known_browser, alice):
    enter_wrong_fifty_times([browser_at("192.0.2.1")])
    enter_password(known_browser)
    assert signed_in_as(known_browser) == alice


def test_a_known_browser_is_known_at_another_address(known_browser, alice):
    strangers_have_entered_wrong(100)
    enter_password(known_browser, REMOTE_ADDR="203.0.113.200")
    assert signed_in_as(known_browser) == alice


def test_a_known_browser_has_five_tries_too(known_browser):
    assert [enter_wrong(known_browser).status_code for _ in range(5)] == [422, 422, 422, 422, 429]


def test_a_known_browser_that_fails_does_not_lock_others(known_browser, alice):
    enter_wrong(known_browser, 5)
    other = browser_at("192.0.2.1")
    enter_password(other)
    assert signed_in_as(other) == alice


def test_a_browser_is_known_for_its_own_person_only(known_browser, alice):
    person("bob@example.com")
    strangers_have_entered_wrong(100, "bob@example.com")
    assert enter_password(known_browser, email="bob@example.com").status_code == 429


def test_strangers_are_locked_out_until_the_password_is_new(alice, clock):
    strangers_have_entered_wrong(100)
    clock.shift(30 * 86400)
    assert b"Reset your password" in enter_password(browser_at("192.0.2.9")).content


def test_the_page_for_strangers_names_no_time(alice):
    strangers_have_entered_wrong(100)
    assert b"at about" not in enter_password(browser_at("192.0.2.9")).content


def new_password(user):
    user.set_password("a brand new harbour")
    user.save()


def test_a_new_password_lets_strangers_try_again(alice):
    strangers_have_entered_wrong(100)
    new_password(alice)
    assert enter_wrong(browser_at("192.0.2.9")).status_code == 422


def test_a_password_that_is_only_hashed_anew_does_not(alice):
    strangers_have_entered_wrong(100)
    alice.set_password(PASSWORD)
    alice._password = None  # as Django's check_password() does
    alice.save(update_fields=["password"])
    assert enter_wrong(browser_at("192.0.2.9")).status_code == 429


def test_without_mail_a_command_lets_the_owner_in_again(alice, settings, monkeypatch):
    settings.TWOFACTOR_HAS_MAIL = False
    strangers_have_entered_wrong(100)
    monkeypatch.setattr("getpass.getpass", lambda prompt: "a brand new harbour")
    call_command("changepassword", alice.email, stdout=StringIO())
    assert enter_password(browser_at("192.0.2.9"), "a brand new harbour").status_code == 303


@pytest.mark.parametrize(
    "command",
    [
        ["axes_reset"],
        ["axes_reset_username", "Alice@example.com"],
        ["axes_reset_ip", "127.0.0.1"],
        ["axes_reset_ip_username", "127.0.0.1", "alice@example.com"],
    ],
)
def test_the_commands_of_axes_clear_our_counts(alice, client, command):
    enter_wrong(client, 5)
    call_command(*command, stdout=StringIO())
    assert enter_password(client).status_code == 303


LONG = "alice@" + ".".join(["x" * 60] * 3) + ".example.com"  # longer than the part of a name that is counted


def test_signing_in_clears_the_counts_of_a_long_address(alice, client):
    person(LONG)
    enter_wrong(client, 4, LONG)
    enter_password(client, email=LONG)
    assert PasswordTries.objects.count() == 0


def test_a_new_password_clears_the_strangers_of_a_long_address(alice):
    person(LONG)
    enter_wrong(browser_at("192.0.2.1"), 4, LONG)
    new_password(User.objects.get(email=LONG))
    assert not PasswordTries.objects.filter(address=password_tries.ANYWHERE).exists()


def test_a_browser_is_known_by_a_long_address(client, alice):
    person(LONG)
    enter_password(client, email=LONG)
    client.post("/accounts/logout/")
    strangers_have_entered_wrong(100, LONG)
    assert enter_password(client, email=LONG).status_code == 303


def test_signing_in_breaks_the_row_of_strangers(known_browser, alice):
    strangers_have_entered_wrong(96)
    enter_password(known_browser)
    strangers_enter_wrong(8)
    assert enter_wrong(browser_at("192.0.2.9")).status_code == 422


def test_tries_at_a_name_that_nobody_has_are_counted_too(db, clock):
    strangers_have_entered_wrong(100, "nobody@example.com")
    assert enter_password(browser_at("192.0.2.9"), email="nobody@example.com").status_code == 429
