"""Two tabs of one browser: what one has changed, the other shows or takes into account."""

import filled_forms
from actions import (
    bring_to_front,
    continue_to_backup_codes,
    enter_code,
    enter_password,
    expect_heading,
    finish_setup,
    follow,
    open_session,
    press,
    set_up,
    shown_key,
    start_setup,
)
from javascript_modes import HTMX
from playwright.sync_api import expect

from twofactor import factor_changes
from twofactor.models import Authenticator

pytestmark = HTMX


def test_a_tab_that_comes_to_the_front_shows_what_another_has_changed(page, alice):
    open_session(page.context, alice)
    page.goto("/two-factor/")
    other = page.context.new_page()
    other.goto("/two-factor/")
    set_up(other)
    bring_to_front(page)
    expect(page.get_by_role("link", name="Add an authenticator app")).to_be_visible()


def test_acting_on_what_another_tab_changed_shows_the_panel_as_it_is(page, alice, phone):
    open_session(page.context, alice, phone)
    page.goto("/two-factor/disable/")
    factor_changes.forget_factors(alice)
    page.get_by_label("Password").fill("correct horse battery")
    with page.expect_response("**/two-factor/disable/") as answer:
        enter_code(page, "123456", "Turn off")
    expect(page.get_by_text("Something changed in another tab.")).to_be_visible()
    expect_heading(page, "Security")
    assert answer.value.status == 409


def test_a_set_up_cancelled_in_another_tab_begins_again(page, alice):
    open_session(page.context, alice)
    phone = start_setup(page)
    follow(page, "Continue")
    other = page.context.new_page()
    other.goto("/two-factor/setup/")
    press(other, "Cancel setup")
    expect_heading(other, "Security")
    enter_code(page, phone.code(), "Continue")
    expect_heading(page, "Scan the QR code")
    assert shown_key(page) != phone.key


def test_a_set_up_finished_in_another_tab_is_not_finished_twice(page, alice):
    open_session(page.context, alice)
    continue_to_backup_codes(page, start_setup(page))
    other = page.context.new_page()
    other.goto("/two-factor/setup/codes/")
    finish_setup(other)
    sealed = Authenticator.objects.get().sealed_key
    page.get_by_label("I've saved my backup codes").check()
    press(page, "Finish and turn on")
    expect(page.get_by_text("Something changed in another tab.")).to_be_visible()
    assert Authenticator.objects.get().sealed_key == sealed


def test_an_older_page_of_a_completed_sign_in_leads_on(page, alice, phone):
    enter_password(page)
    expect_heading(page, "Check your authenticator app")
    other = page.context.new_page()
    other.goto("/two-factor/verify/other/")
    enter_code(page, phone.code())
    expect_heading(page, "Hello, Alice")
    follow(other, "Authenticator app")
    expect_heading(other, "Hello, Alice")


def test_after_signing_in_a_second_tab_can_go_on(page, context, site):
    filled_forms.enter_code(page)
    other = context.new_page()
    other.goto("/two-factor/verify/")
    expect(other.get_by_role("heading", level=1)).to_have_text("Check your authenticator app")
    press(page, "Sign in")
    expect_heading(page, "Hello, Alice")
    other.get_by_label("6-digit code").fill("123456")
    press(other, "Sign in")
    expect(other.get_by_role("heading", level=1)).to_have_text("This page is out of date")
    follow(other, "Reload and continue")
    expect_heading(other, "Hello, Alice")
