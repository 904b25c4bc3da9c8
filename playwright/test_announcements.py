"""Live regions, messages, and the frame around every page."""

import pytest
from actions import (
    add_trusted_browsers,
    continue_to_backup_codes,
    count_announcements,
    expect_announcement,
    follow,
    open_session,
    press,
    start_setup,
    submit_sign_in_form,
)
from javascript_modes import HTMX, NO_JS
from playwright.sync_api import expect
from screen_checks import expect_screen

SESSIONS_ENDED = "You're signed out everywhere else. 2 browsers are no longer trusted."

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
FOOTER = """
- contentinfo:
  - /children: equal
  - link "Help":
    - /url: /help/
  - text: Language
  - combobox "Language"
  - button "Change language"
"""


# The two live regions


@NO_JS
@pytest.mark.parametrize("path", ["/", "/help/", "/accounts/login/", "/no-such-page/"])
def test_the_live_regions_of_a_whole_page_are_empty(page, site, path):
    page.goto(path)
    expect(page.get_by_role("status")).to_be_empty()
    expect(page.get_by_role("alert")).to_be_empty()


@HTMX
def test_a_swap_keeps_the_live_regions(page, phone):
    page.goto("/accounts/login/")
    for role in ("status", "alert"):
        page.get_by_role(role).evaluate("region => region.dataset.same = 'yes'")
    submit_sign_in_form(page)
    expect_screen(page, "verify")
    for role in ("status", "alert"):
        expect(page.get_by_role(role)).to_have_attribute("data-same", "yes")


@HTMX
def test_the_same_sentence_is_announced_again(page, alice, context):
    context.grant_permissions(["clipboard-write"])
    open_session(context, alice)
    continue_to_backup_codes(page, start_setup(page))
    region = count_announcements(page)
    press(page, "Copy")
    expect(region).to_have_attribute("data-told", "1")
    press(page, "Copy")
    expect(region).to_have_attribute("data-told", "2")


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
def test_the_frame_of_a_page_of_someone_signed_in(page, alice):
    open_session(page.context, alice)
    page.goto("/")
    page.get_by_role("navigation", name="Account").get_by_text("Alice").click()
    expect(page.get_by_role("banner")).to_match_aria_snapshot(HEADER.format(SIGNED_IN))
    expect(page.get_by_role("contentinfo")).to_match_aria_snapshot(FOOTER)


# The panel


@HTMX
def test_an_action_swaps_the_panel_and_nothing_else(page, alice, phone):
    open_session(page.context, alice, phone)
    add_trusted_browsers(alice)
    page.goto("/two-factor/devices/")
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
    expect(page.get_by_text("On since")).to_be_visible()
