"""Waiting times: for another code, and after slow sign-ins."""

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
from django.utils import timezone
from javascript_modes import HTMX, NO_JS
from playwright.sync_api import expect

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
