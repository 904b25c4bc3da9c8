"""Waiting times: for another code, after slow sign-ins, and while someone is locked out."""

import re
from datetime import timedelta

import pytest
import time_machine
from actions import (
    ALICE,
    count_announcements,
    enrol,
    enter_code,
    enter_password,
    expect_announcement,
    expect_heading,
    follow,
    press,
)
from django.core import mail
from django.utils import timezone
from javascript_modes import HTMX, NO_JS
from playwright.sync_api import expect
from screen_checks import expect_screen

from accounts.models import PasswordTries
from accounts.password_tries import TRIES_PER_BROWSER, digest_of
from twofactor.models import GuessBudget

WAIT_OVER = "You can ask for a new code now."


@pytest.fixture
def sent_code_page(page, phone):
    enter_password(page)
    follow(page, "Try another way")
    press(page, "Send a code by email")
    expect_heading(page, "Enter the code from your email")
    return page


def after(**delta):
    return time_machine.travel(timezone.now() + timedelta(**delta))


def resend_code(page):
    with page.expect_response("**/verify/send/") as answer:
        press(page, "Send a new code")
    return answer.value


def shown_seconds(page):
    notice = page.get_by_text(re.compile(r"You can ask for a new code in \d+ seconds?\."))
    return int(re.search(r"\d+", notice.text_content()).group())


# Codes that are sent


@NO_JS
def test_nothing_is_sent_before_someone_asks(page, phone):
    enter_password(page)
    follow(page, "Try another way")
    expect_heading(page, "Try another way")
    assert mail.outbox == []


@NO_JS
def test_from_the_code_to_one_by_mail_takes_two_presses(page, phone):
    enter_password(page)
    follow(page, "Try another way")
    press(page, "Send a code by email")
    expect_heading(page, "Enter the code from your email")


@NO_JS
def test_the_page_says_where_the_code_went_when_and_for_how_long(sent_code_page):
    sentence = re.compile(
        r"^We sent a code to a•••e@example.com at \d\d:\d\d \(UTC\). It works until \d\d:\d\d.$"
    )
    expect(sent_code_page.get_by_text(sentence)).to_be_visible()


@NO_JS
def test_without_backup_codes_none_is_offered(page, alice):
    enrol(alice)
    enter_password(page)
    follow(page, "Try another way")
    expect_heading(page, "Try another way")
    expect(page.get_by_role("link", name="Backup code")).to_have_count(0)


def test_asking_too_soon_says_how_many_seconds_are_left(sent_code_page):
    answer = resend_code(sent_code_page)
    assert answer.status == 429
    assert abs(shown_seconds(sent_code_page) - int(answer.headers["retry-after"])) <= 1


@HTMX
def test_when_the_wait_is_over_it_is_told_once(page, phone):
    enter_password(page)
    follow(page, "Try another way")
    press(page, "Send a code by email")
    expect_heading(page, "Enter the code from your email")
    page.clock.install()
    resend_code(page)
    shown_seconds(page)
    region = count_announcements(page)
    page.clock.run_for(200_000)
    expect(page.get_by_role("main").get_by_text(WAIT_OVER)).to_be_visible()
    expect_announcement(page, WAIT_OVER)
    expect(region).to_have_attribute("data-told", "1")


@HTMX
def test_the_countdown_is_in_no_live_region(sent_code_page):
    resend_code(sent_code_page)
    assert (
        sent_code_page.get_by_text("You can ask for a new code in").evaluate(
            "place => place.closest('[role], [aria-live]')"
        )
        is None
    )


@NO_JS
def test_the_button_can_be_pressed_while_it_is_too_soon(sent_code_page):
    resend_code(sent_code_page)
    expect(sent_code_page.get_by_role("button", name="Send a new code")).to_be_enabled()


# Slow sign-ins


def test_a_sign_in_that_took_too_long_is_told_and_the_address_kept(page, phone):
    enter_password(page)
    expect_heading(page, "Check your authenticator app")
    with after(minutes=11):
        enter_code(page, phone.code())
        expect(page.get_by_text("Your sign-in timed out. Enter your password again.")).to_be_visible()
        expect(page.get_by_label("Email address")).to_have_value(ALICE)


@NO_JS
def test_no_page_reloads_by_itself(sent_code_page):
    assert sent_code_page.evaluate("document.querySelector('meta[http-equiv=refresh]')") is None


# Locked out


@NO_JS
@pytest.mark.parametrize("email", [ALICE, "nobody@example.com"])
def test_the_lock_looks_the_same_for_unknown_addresses(page, alice, email):
    for _ in range(5):
        enter_password(page, email, password="not the password")
    expect_screen(page, "login-locked")


@NO_JS
def test_a_lock_has_a_retry_after_header(page, alice):
    PasswordTries.objects.create(
        name_digest=digest_of(ALICE),
        address="127.0.0.1",
        count=TRIES_PER_BROWSER,
    )
    with page.expect_response(lambda answer: answer.status == 429) as locked:
        enter_password(page)
    assert abs(int(locked.value.headers["retry-after"]) - 15 * 60) <= 5


@NO_JS
def test_trying_while_locked_does_not_make_it_longer(page, alice):
    for _ in range(5):
        enter_password(page, password="not the password")
    until = shown_end_of_lock(page)
    with after(minutes=5):
        enter_password(page, password="not the password")
        assert shown_end_of_lock(page) == until


def shown_end_of_lock(page):
    expect_heading(page, "You can't sign in at the moment")
    return re.search(r"at about \d\d:\d\d", page.get_by_role("main").text_content()).group()


@NO_JS
def test_after_the_wait_the_right_password_opens(page, alice):
    for _ in range(5):
        enter_password(page, password="not the password")
    with after(minutes=16):
        enter_password(page)
        expect_heading(page, "Hello, Alice")


@NO_JS
def test_after_the_wait_the_right_code_opens(page, phone):
    enter_password(page)
    GuessBudget.objects.update(failures=5, locked_until=timezone.now() + timedelta(seconds=30))
    enter_code(page, phone.code())
    expect_screen(page, "verify-locked")
    with after(seconds=60):
        page.goto("/two-factor/verify/")
        enter_code(page, phone.code())
        expect_heading(page, "Hello, Alice")


# The page after it


@NO_JS
def test_a_sign_in_does_not_lead_to_another_site(page, phone):
    enter_password(page, path="/accounts/login/?next=https://elsewhere.example/")
    enter_code(page, phone.code())
    expect_heading(page, "Hello, Alice")
