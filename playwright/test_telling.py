"""Messages and live regions, the frame of every page, backup codes, and the reminder."""

import re

import filled_forms
import pytest
from actions import (
    BACKUP_CODES,
    continue_to_backup_codes,
    count_announcements,
    enter_code,
    enter_password,
    expect_announcement,
    expect_heading,
    follow,
    open_session,
    press,
    start_setup,
    submit_sign_in_form,
)
from django.core import mail
from modes import HTMX, NO_JS
from playwright.sync_api import expect
from screen_checks import expect_screen

from twofactor.models import BackupCode
from twofactor.outgoing.outbox import send_due

SESSIONS_ENDED = "You're signed out everywhere else."
REMINDER_NAME = "Make your account safer"

# The parts around the main part, as aria snapshots.
HEADER = """
- banner:
  - /children: deep-equal
  - link "Countersign":
    - /url: /
  - navigation "Account":
{}
"""
SIGNED_OUT = """
    - link "Sign in":
      - /url: /accounts/login/
"""
SIGNED_IN = """
    - group:
      - text: Alice
      - list:
        - listitem:
          - link "Profile"
        - listitem:
          - link "Security"
        - listitem:
          - link "Password"
        - listitem:
          - button "Sign out"
"""
REMINDER_OUTLINE = """
- region "Make your account safer":
  - /children: deep-equal
  - heading "Make your account safer" [level=2]
  - paragraph: Protect your account even if someone learns your password.
  - link "Set up two-factor authentication":
    - /url: /two-factor/setup/
  - button "Dismiss two-factor authentication reminder"
"""
FOOTER = """
- contentinfo:
  - /children: equal
  - link "Help":
    - /url: /help/
  - text: Language
  - combobox "Language"
  - button "Change language"
"""


@pytest.fixture
def page_with_reminder(page, alice):
    open_session(page.context, alice)
    page.goto("/")
    return page


def reminder(page):
    return page.get_by_role("region", name=REMINDER_NAME)


# The two live regions


@NO_JS
@pytest.mark.parametrize("path", ["/", "/help/", "/accounts/login/", "/no-such-page/"])
def test_every_page_has_them_and_they_are_empty(page, site, path):
    page.goto(path)
    expect(page.get_by_role("status")).to_be_empty()
    expect(page.get_by_role("alert")).to_be_empty()


@HTMX
def test_a_swap_leaves_them_where_they_are(page, phone):
    page.goto("/accounts/login/")
    for role in ("status", "alert"):
        page.get_by_role(role).evaluate("region => region.dataset.same = 'yes'")
    submit_sign_in_form(page)
    expect_screen(page, "verify")
    for role in ("status", "alert"):
        expect(page.get_by_role(role)).to_have_attribute("data-same", "yes")


@HTMX
def test_the_same_sentence_is_told_anew(page, alice, context):
    context.grant_permissions(["clipboard-write"])
    open_session(context, alice)
    continue_to_backup_codes(page, start_setup(page))
    region = count_announcements(page)
    press(page, "Copy")
    expect(region).to_have_attribute("data-told", "1")
    press(page, "Copy")
    expect(region).to_have_attribute("data-told", "2")


@HTMX
def test_a_message_is_told_once(page, alice, phone):
    open_session(page.context, alice, phone)
    page.goto("/two-factor/")
    press(page, "Sign out everywhere else")
    expect_announcement(page, SESSIONS_ENDED)
    page.reload()
    expect(page.get_by_text(SESSIONS_ENDED)).to_have_count(0)


@NO_JS
def test_every_page_has_the_same_frame(page, site):
    for path in ("/no-such-page/", "/", "/accounts/login/", "/help/"):
        page.goto(path)
        for landmark in ("banner", "main", "contentinfo"):
            expect(page.get_by_role(landmark)).to_have_count(1)
        expect(page.get_by_role("contentinfo").get_by_role("link").first).to_have_text("Help")
    expect(page.get_by_role("banner")).to_match_aria_snapshot(HEADER.format(SIGNED_OUT))
    expect(page.get_by_role("contentinfo")).to_match_aria_snapshot(FOOTER)


@HTMX
def test_the_frame_of_whoever_is_signed_in(page_with_reminder):
    page_with_reminder.get_by_role("navigation", name="Account").get_by_text("Alice").click()
    expect(page_with_reminder.get_by_role("banner")).to_match_aria_snapshot(HEADER.format(SIGNED_IN))
    expect(reminder(page_with_reminder)).to_match_aria_snapshot(REMINDER_OUTLINE)
    expect(page_with_reminder.get_by_role("contentinfo")).to_match_aria_snapshot(FOOTER)


# The panel


@HTMX
def test_an_action_swaps_the_panel_and_nothing_else(page, alice, phone):
    open_session(page.context, alice, phone)
    page.goto("/two-factor/")
    page.get_by_role("banner").evaluate("header => header.dataset.same = 'yes'")
    press(page, "Sign out everywhere else")
    expect_announcement(page, SESSIONS_ENDED)
    expect(page.get_by_role("banner")).to_have_attribute("data-same", "yes")


@NO_JS
def test_turning_off_says_first_what_it_means(page, alice, phone):
    open_session(page.context, alice, phone)
    page.goto("/two-factor/disable/")
    expect(page.get_by_role("main")).to_contain_text("You'll be able to sign in with your password alone.")
    follow(page, "Keep it on")
    expect(page.get_by_role("heading", name="Two-factor authentication On")).to_be_visible()


# Backup codes


@NO_JS
def test_whoever_used_a_backup_code_gets_a_letter(page, phone):
    enter_password(page)
    enter_code(page, BACKUP_CODES[0])
    expect_heading(page, "Hello, Alice")
    send_due()
    assert "One of your backup codes was used" in mail.outbox[-1].subject


@NO_JS
def test_the_page_after_a_backup_code_says_how_many_are_left(page, phone):
    enter_password(page)
    enter_code(page, BACKUP_CODES[0])
    expect(page.get_by_role("main")).to_contain_text("You have 2 backup codes left. Make new ones soon.")


@NO_JS
def test_a_backup_code_that_was_used_is_told_so(page, phone):
    enter_password(page)
    enter_code(page, BACKUP_CODES[0])
    expect_heading(page, "Hello, Alice")
    page.context.clear_cookies()
    enter_password(page)
    enter_code(page, BACKUP_CODES[0])
    expect(page.get_by_label("6-digit code")).to_have_accessible_description(re.compile("already used"))


@HTMX
def test_whoever_leaves_without_saving_keeps_the_old_codes(page, site):
    filled_forms.make_new_codes(page).click()
    expect_heading(page, "Save your new backup codes")
    page.goto("/two-factor/")
    expect(page.get_by_text("Until then the old ones work.")).to_be_visible()
    page.context.clear_cookies()
    enter_password(page)
    enter_code(page, BACKUP_CODES[0])
    expect_heading(page, "Hello, Alice")


@HTMX
def test_whoever_decides_against_new_codes_keeps_the_old(page, site):
    filled_forms.make_new_codes(page)
    before = list(BackupCode.objects.values())
    follow(page, "Keep the old codes")
    expect_heading(page, "Security")
    assert list(BackupCode.objects.values()) == before


# The reminder


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


def test_whoever_sets_it_up_is_reminded_no_more(page_with_reminder):
    reminder(page_with_reminder).get_by_role("link", name="Set up two-factor authentication").click()
    expect_heading(page_with_reminder, "Scan the QR code")
    expect(reminder(page_with_reminder)).to_have_count(0)
