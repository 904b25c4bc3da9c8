"""The reminder to set up two-factor authentication."""

import pytest
from actions import (
    enter_password,
    expect_announcement,
    expect_heading,
    open_session,
)
from javascript_modes import HTMX, NO_JS
from playwright.sync_api import expect

REMINDER_NAME = "Make your account safer"
REMINDER_OUTLINE = """
- region "Make your account safer":
  - /children: deep-equal
  - heading "Make your account safer" [level=2]
  - paragraph: Protect your account even if someone learns your password.
  - link "Set up two-factor authentication":
    - /url: /two-factor/setup/
  - button "Dismiss two-factor authentication reminder": Dismiss
"""


@pytest.fixture
def page_with_reminder(signed_in):
    signed_in.goto("/")
    return signed_in


def reminder(page):
    return page.get_by_role("region", name=REMINDER_NAME)


@HTMX
def test_the_reminder_says_why_and_leads_to_the_setup(page_with_reminder):
    expect(reminder(page_with_reminder)).to_match_aria_snapshot(REMINDER_OUTLINE)


@NO_JS
def test_the_reminder_stands_between_header_and_page(page_with_reminder):
    top, low = (
        page_with_reminder.get_by_role("banner").bounding_box(),
        page_with_reminder.get_by_role("main").bounding_box(),
    )
    box = reminder(page_with_reminder).bounding_box()
    assert top["y"] + top["height"] <= box["y"]
    assert box["y"] + box["height"] <= low["y"] + 1


def test_a_dismissed_reminder_is_gone_after_the_next_sign_in_too(page_with_reminder):
    page_with_reminder.get_by_role("button", name="Dismiss two-factor authentication reminder").click()
    expect(reminder(page_with_reminder)).to_have_count(0)
    page_with_reminder.context.clear_cookies()
    enter_password(page_with_reminder)
    expect_heading(page_with_reminder, "Hello, Alice")
    expect(reminder(page_with_reminder)).to_have_count(0)


def test_the_setup_has_no_reminder(page_with_reminder):
    reminder(page_with_reminder).get_by_role("link", name="Set up two-factor authentication").click()
    expect_heading(page_with_reminder, "Scan the QR code")
    expect(reminder(page_with_reminder)).to_have_count(0)


@HTMX
def test_a_dismissed_reminder_gives_the_focus_to_the_heading(page, alice):
    open_session(page.context, alice)
    page.goto("/")
    expect(page.get_by_role("region", name="Make your account safer")).to_be_visible()
    page.get_by_role("button", name="Dismiss two-factor authentication reminder").click()
    expect_announcement(page, "Reminder dismissed.")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    expect(page.get_by_role("region", name="Make your account safer")).to_have_count(0)


def test_a_dismissed_reminder_stays_on_its_page(page, alice):
    open_session(page.context, alice)
    page.goto("/")
    page.get_by_role("button", name="Dismiss two-factor authentication reminder").click()
    expect(page.get_by_text("Reminder dismissed.").last).to_be_attached()
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    expect_heading(page, "Hello, Alice")


def test_a_reminder_dismissed_in_an_ended_session_leads_back_to_its_page(page, alice):
    open_session(page.context, alice)
    page.goto("/")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Dismiss two-factor authentication reminder").click()
    expect(page.get_by_text("You were signed out. Sign in to continue.")).to_be_visible()
    enter_password(page, path=page.url)
    expect_heading(page, "Hello, Alice")
