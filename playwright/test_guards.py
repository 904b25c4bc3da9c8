"""Double clicks, lost connections, other tabs, and what must stay in place after a swap."""

import pytest
from actions import (
    bring_to_front,
    continue_to_backup_codes,
    enter_code,
    enter_password,
    expect_heading,
    finish_setup,
    follow,
    history_length,
    open_session,
    press,
    record_posts,
    set_up,
    shown_codes,
    shown_key,
    start_setup,
    submit_sign_in_form,
)
from modes import HTMX
from playwright.sync_api import expect

from twofactor.models import Authenticator

pytestmark = HTMX


def test_a_double_click_sends_once(page, phone):
    enter_password(page)
    expect_heading(page, "Check your authenticator app")
    sent = record_posts(page)
    page.get_by_label("6-digit code").fill(phone.code())
    page.get_by_role("main").get_by_role("button", name="Sign in").dblclick()
    expect_heading(page, "Hello, Alice")
    assert len(sent) == 1


def test_a_double_click_does_not_press_the_button_of_the_next_step(page, alice):
    open_session(page.context, alice)
    phone = start_setup(page)
    follow(page, "Continue")
    page.get_by_label("6-digit code").fill(phone.code())
    sent = record_posts(page)
    page.get_by_role("main").get_by_role("button", name="Continue").dblclick()
    expect_heading(page, "Save your backup codes")
    assert len(sent) == 1


def test_wrong_codes_add_nothing_to_the_history(page, phone):
    enter_password(page)
    expect_heading(page, "Check your authenticator app")
    before = history_length(page)
    for length in (1, 2, 3):
        page.get_by_label("6-digit code").fill("7" * length)
        with page.expect_response("**/two-factor/verify/"):
            press(page, "Sign in")
        expect(page.get_by_role("button", name="Sign in")).not_to_have_attribute("aria-disabled", "true")
    assert history_length(page) == before


def test_without_a_connection_the_code_is_kept_and_the_person_told(page, phone):
    enter_password(page)
    expect_heading(page, "Check your authenticator app")
    page.context.set_offline(True)
    page.get_by_label("6-digit code").fill("123456")
    press(page, "Sign in")
    expect(page.get_by_role("alert")).to_contain_text("We couldn't reach the server.")
    expect(page.get_by_label("6-digit code")).to_have_value("123456")
    page.context.set_offline(False)
    enter_code(page, phone.code())
    expect_heading(page, "Hello, Alice")


def test_an_error_page_of_a_proxy_is_not_shown(page, phone):
    enter_password(page)
    expect_heading(page, "Check your authenticator app")
    page.route("**/two-factor/verify/", lambda route: route.fulfill(status=502, body="<h1>nginx</h1>"))
    page.get_by_label("6-digit code").fill("123456")
    press(page, "Sign in")
    expect(page.get_by_role("alert")).to_contain_text("There's a problem with this service.")
    expect(page.get_by_text("nginx")).to_have_count(0)


@pytest.mark.proves("H-04")
def test_an_ended_session_leads_to_a_whole_sign_in_page_and_back(page, alice, phone):
    open_session(page.context, alice, phone)
    page.goto("/two-factor/")
    page.context.clear_cookies(name="sessionid")
    follow(page, "Turn off")
    expect_heading(page, "Sign in")
    expect(page.get_by_role("main")).to_have_count(1)
    expect(page.get_by_text("You were signed out. Sign in to continue.")).to_be_visible()
    expect(page.get_by_text("Sign in to continue.", exact=True)).to_have_count(0)
    submit_sign_in_form(page)
    enter_code(page, phone.code())
    expect_heading(page, "Security")


@pytest.mark.proves("H-03")
def test_no_secret_is_left_in_web_storage(page, alice):
    open_session(page.context, alice)
    phone = start_setup(page)
    continue_to_backup_codes(page, phone)
    secrets = [phone.key, *[code.strip() for code in shown_codes(page)]]
    stored = page.evaluate("JSON.stringify([{...sessionStorage}, {...localStorage}])")
    assert [secret for secret in secrets if secret in stored] == []


def test_a_tab_that_comes_to_the_front_shows_what_another_has_changed(page, alice):
    open_session(page.context, alice)
    page.goto("/two-factor/")
    other = page.context.new_page()
    other.goto("/two-factor/")
    set_up(other)
    bring_to_front(page)
    expect(page.get_by_role("link", name="Replace authenticator app")).to_be_visible()


def test_acting_on_what_another_tab_changed_shows_the_panel_as_it_is(page, alice, phone):
    open_session(page.context, alice, phone)
    page.goto("/two-factor/disable/")
    Authenticator.objects.all().delete()
    page.get_by_label("Password").fill("correct horse battery")
    with page.expect_response("**/two-factor/disable/") as answer:
        enter_code(page, "123456", "Turn off")
    expect(page.get_by_text("Something changed in another tab.")).to_be_visible()
    expect_heading(page, "Security")
    assert answer.value.status == 409


def test_a_form_is_busy_until_the_answer_comes(page, phone):
    enter_password(page)
    expect_heading(page, "Check your authenticator app")
    held = []
    page.route("**/two-factor/verify/", lambda route: held.append(route))
    page.get_by_label("6-digit code").fill("1")
    press(page, "Sign in")
    button = page.get_by_role("main").get_by_role("button", name="Sign in")
    expect(button).to_have_attribute("aria-disabled", "true")
    held[0].continue_()
    expect(page.get_by_text("too few digits").first).to_be_visible()
    expect(button).not_to_have_attribute("aria-disabled", "true")


@pytest.mark.parametrize("role", ["status", "alert"])
def test_a_live_region_stays_the_same_element(page, phone, role):
    enter_password(page)
    expect_heading(page, "Check your authenticator app")
    region = page.get_by_role(role).element_handle()
    follow(page, "Try another way")
    expect_heading(page, "Try another way")
    assert region.evaluate("region => region.isConnected")


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
