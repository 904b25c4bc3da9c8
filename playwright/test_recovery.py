"""When everything is lost: from the request to a new app, and one that is stopped, under a moved clock."""

import re
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from actions import ALICE, Phone, create_alice, enrol, expect_heading
from django.core import mail
from django.core.management import call_command
from playwright.sync_api import expect
from screen_checks import accessibility_problems, fits_in_width, has_scripts

from tests.people import PASSWORD, add_passkey
from twofactor.models import Authenticator, GuessBudget, Recovery, WarningsAddress

SECOND = "second@example.net"
DAY = timedelta(days=1)


@pytest.fixture
def moved_clock():
    with time_machine.travel(datetime.now(UTC), tick=True) as clock:
        yield clock


@pytest.fixture
def alice(site, moved_clock):
    """With an app, a passkey and a second address, and a new password since she gave a code."""
    user = create_alice()
    user.app = enrol(user)
    add_passkey(user, name="Old laptop")
    WarningsAddress.objects.create(user=user, address=SECOND, confirmed_at=user.date_joined)
    GuessBudget.objects.filter(pk=user.pk).update(proven_password_digest="")
    return user


def sound(page):
    assert fits_in_width(page)
    if has_scripts(page):  # which axe needs
        assert accessibility_problems(page) == []


def give_password(page):
    page.goto("/accounts/login/")
    page.get_by_label("Email address").fill(ALICE)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("link", name=re.compile("Try another way")).click()


def ask(page):
    give_password(page)
    expect_heading(page, "Try another way")
    sound(page)
    page.get_by_role("link", name="I've lost all of these").click()
    expect_heading(page, "You've lost everything")
    sound(page)
    page.get_by_role("button", name="Start the wait").click()
    expect_heading(page, "Waiting for your recovery")
    sound(page)


def wait(clock, span):
    clock.shift(span)
    call_command("twofactor", "send", stdout=StringIO())


def link_to(address, step):
    call_command("twofactor", "send", stdout=StringIO())
    letters = [letter.body for letter in mail.outbox if letter.to == [address]]
    return re.findall(rf"http\S+/recovery/{step}/\S+", "\n".join(letters))[-1]


def test_from_the_request_to_a_new_app(page, alice, moved_clock):
    ask(page)
    wait(moved_clock, 3 * DAY + timedelta(minutes=1))
    page.reload()
    expect(page.get_by_text("The wait is over")).to_be_visible()
    page.goto(link_to(ALICE, "finish"))
    expect_heading(page, "Set up a new app")
    sound(page)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    expect_heading(page, "Scan the QR code")
    key = re.search("secret=([A-Z2-7]{32})", page.content())[1]
    page.goto("/accounts/profile/")
    expect_heading(page, "Scan the QR code")  # nothing else is reached
    page.get_by_role("link", name="Continue").click()
    page.get_by_label("6-digit code").fill(Phone(key).code())
    page.get_by_role("button", name="Continue").click()
    expect_heading(page, "Save your backup codes")
    expect(page.get_by_text("Old laptop")).to_be_visible()
    sound(page)
    page.get_by_label("I've saved my backup codes").check()
    page.get_by_role("button", name="Finish and turn on").click()
    expect(page.get_by_role("main").get_by_text("Your new app is set up.")).to_be_visible()
    expect(page.get_by_text("Old laptop")).to_have_count(0)
    sound(page)
    assert Authenticator.objects.count() == 1
    assert Recovery.objects.get().finished_at is not None


def test_stopped_from_the_second_address(page, alice, moved_clock):
    ask(page)
    page.goto(link_to(SECOND, "stop"))
    expect_heading(page, "Stop the recovery")
    sound(page)
    page.get_by_role("button", name="Stop the recovery").click()
    expect(page.get_by_role("main").get_by_text("The recovery is stopped.")).to_be_visible()
    sound(page)
    wait(moved_clock, 3 * DAY + timedelta(minutes=1))
    assert not any("/recovery/finish/" in letter.body for letter in mail.outbox)
    give_password(page)
    page.get_by_role("link", name="I've lost all of these").click()
    expect(page.get_by_text("You can ask again from")).to_be_visible()
    sound(page)


def test_stopped_with_a_code_alone(page, alice, moved_clock):
    ask(page)
    page.goto("/accounts/login/")
    sound(page)
    page.get_by_role("link", name="Stop a recovery with a code").click()
    expect_heading(page, "Stop a recovery with a code")
    sound(page)
    page.get_by_label("Email address").fill(ALICE)
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Stop the recovery").click()
    expect(page.get_by_text("That didn't stop anything.").first).to_be_visible()
    sound(page)
    page.get_by_label("Code").fill(alice.app.code())
    page.get_by_role("button", name="Stop the recovery").click()
    expect(page.get_by_role("main").get_by_text("The recovery is stopped.")).to_be_visible()
    assert Recovery.objects.get().stopped_at is not None
