"""Back, Forward and Reload, pages from the back/forward cache, and scripts that load late."""

import filled_forms
import pytest
from actions import (
    ALICE,
    continue_to_backup_codes,
    enter_password,
    expect_heading,
    finish_setup,
    follow,
    history_length,
    open_session,
    press,
    shown_codes,
    shown_key,
    start_setup,
    submit_sign_in_form,
)
from playwright.sync_api import expect

from tests.machinery import programs
from tests.people import PASSWORD, person


@pytest.fixture
def mode():
    return "htmx"


def expect_whole_page(page, heading, title):
    expect_heading(page, heading)
    expect(page).to_have_title(f"{title} – Countersign")
    expect(page.get_by_role("main")).to_have_count(1)
    expect(page.get_by_role("banner")).to_have_count(1)


@pytest.mark.parametrize("mode", ["htmx", "no-js"])
def test_back_forward_and_reload_show_whole_pages(page, site):
    filled_forms.sign_in_alice(page)
    phone = start_setup(page)
    follow(page, "Continue")
    expect_heading(page, "Enter the code from your app")
    page.go_back()
    expect_whole_page(page, "Scan the QR code", "Scan the QR code – Step 1 of 3")
    assert shown_key(page) == phone.key
    page.go_back()
    expect_whole_page(page, "Security", "Security")
    page.go_forward()
    expect_whole_page(page, "Scan the QR code", "Scan the QR code – Step 1 of 3")
    page.go_forward()
    expect_whole_page(page, "Enter the code from your app", "Enter the code from your app – Step 2 of 3")
    page.reload()
    expect_whole_page(page, "Enter the code from your app", "Enter the code from your app – Step 2 of 3")


@pytest.mark.parametrize("mode", ["htmx", "no-js"])
def test_back_and_forward_in_the_second_step_show_whole_pages(page, site):
    filled_forms.send_code(page).click()
    expect_heading(page, "Enter the code from your email")
    page.go_back()
    expect_whole_page(page, "Try another way", "Try another way")
    page.go_forward()
    expect_whole_page(page, "Enter the code from your email", "Enter the code from your email")


@pytest.mark.parametrize("mode", ["htmx", "no-js"])
@pytest.mark.parametrize(
    ("fill_form", "then"),
    [
        (filled_forms.confirm_app, "Save your backup codes"),
        (filled_forms.end_other_sessions, "You're signed out everywhere else."),
    ],
)
def test_reload_after_a_form_sends_nothing_again(page, site, fill_form, then):
    fill_form(page).click()
    expect(page.get_by_role("main").get_by_text(then)).to_be_visible()
    posts = []
    page.on("request", lambda asked: posts.append(asked) if asked.method == "POST" else None)
    page.reload()
    assert posts == []


@pytest.mark.parametrize("mode", ["htmx", "no-js"])
def test_back_after_finishing_shows_no_codes(page, site):
    filled_forms.sign_in_alice(page)
    continue_to_backup_codes(page, start_setup(page))
    code = shown_codes(page)[0]
    finish_setup(page)
    page.go_back()
    expect(page.get_by_role("heading", level=1)).not_to_have_text("Save your backup codes")
    expect(page.get_by_text(code)).to_have_count(0)


@pytest.mark.parametrize("mode", ["htmx", "no-js", "htmx-blocked"])
def test_back_after_finishing_asks_for_no_password(page, site):
    filled_forms.sign_in_alice(page)
    continue_to_backup_codes(page, start_setup(page))
    finish_setup(page)
    for left in ("codes/", "verify/", ""):
        with page.expect_request(f"**/two-factor/setup/{left}"), page.expect_request("**/two-factor/"):
            go_back(page)
        page.wait_for_load_state()
        expect_heading(page, "Security")


def test_back_skips_the_confirm_page(page, site):
    page.goto("/help/")
    filled_forms.add_phone_number(page)
    page.go_back()
    expect_heading(page, "Help")


# The back/forward cache


@pytest.fixture
def caching_page(browser_type, browser_type_launch_args, site):
    """In a browser with a back/forward cache, which Playwright turns off."""
    expect_whole_page = {
        "executable_path": programs.chromium(),
        "ignore_default_args": ["--disable-back-forward-cache"],
    }
    browser = browser_type.launch(**browser_type_launch_args | expect_whole_page)
    yield browser.new_context(base_url=site).new_page()
    browser.close()


def go_back(page):
    """Not page.go_back(), which waits for a load event: a page from the cache has none."""
    page.evaluate("history.back()")


def test_this_browser_keeps_pages(caching_page):
    caching_page.goto("/help/")
    caching_page.evaluate("window.kept = true")
    caching_page.goto("/healthz/live")  # sets no cookie: a cookie would empty the cache
    go_back(caching_page)
    expect_heading(caching_page, "Help")
    assert caching_page.evaluate("window.kept") is True


def test_a_kept_page_shows_no_codes_after_finishing(caching_page):
    open_session(caching_page.context, person(ALICE))
    continue_to_backup_codes(caching_page, start_setup(caching_page))
    caching_page.reload()  # a page that was swapped in has no document of its own to keep
    code = shown_codes(caching_page)[0]
    caching_page.get_by_label("I've saved my backup codes").check()
    press(caching_page, "Finish and turn on")
    expect_heading(caching_page, "Security")
    caching_page.goto("/help/")
    go_back(caching_page)
    expect_heading(caching_page, "Security")
    go_back(caching_page)
    expect_heading(caching_page, "Security")
    expect(caching_page.get_by_text(code)).to_have_count(0)


@pytest.mark.proves("14.3.1", "V-29")
@pytest.mark.parametrize("screen", ["key", "codes"])
def test_a_kept_page_shows_no_secret_after_signing_out(caching_page, screen):
    open_session(caching_page.context, person(ALICE, name="Alice"))
    phone = start_setup(caching_page)
    if screen == "codes":
        continue_to_backup_codes(caching_page, phone)
        caching_page.reload()
    else:
        caching_page.goto("/two-factor/setup/")
    caching_page.get_by_role("navigation", name="Account").get_by_text("Alice").click()
    caching_page.get_by_role("button", name="Sign out", exact=True).click()
    expect_heading(caching_page, "Sign in")
    go_back(caching_page)
    expect_heading(caching_page, "Sign in")


def test_a_kept_page_with_secrets_is_asked_for_again(caching_page):
    """The event is sent by hand, because this browser keeps no page of someone who is signed in."""
    open_session(caching_page.context, person(ALICE))
    start_setup(caching_page)
    with caching_page.expect_request("**/two-factor/setup/"):
        caching_page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect_heading(caching_page, "Scan the QR code")


def test_a_kept_form_can_be_sent(caching_page):
    person(ALICE)
    caching_page.goto("/accounts/login/")
    caching_page.get_by_label("Email address").fill(ALICE)
    caching_page.evaluate("document.forms[0].setAttribute('aria-busy', 'true')")
    caching_page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    caching_page.get_by_label("Password").fill(PASSWORD)
    press(caching_page, "Sign in")
    expect_heading(caching_page, f"Hello, {ALICE}")


# Scripts that load late


@pytest.mark.parametrize("script", ["htmx*", "app*"])
def test_a_form_can_be_sent_before_a_script_has_loaded(page, site, script):
    person(ALICE)
    late = []
    page.route(f"**/{script}.js", lambda route: late.append(route))
    page.goto("/accounts/login/", wait_until="commit")
    submit_sign_in_form(page)
    page.unroute_all()
    expect_heading(page, f"Hello, {ALICE}")


def test_text_typed_before_the_scripts_have_loaded_is_kept(page, site):
    person(ALICE)
    late = []
    page.route("**/htmx*.js", lambda route: late.append(route))
    page.goto("/accounts/login/", wait_until="commit")
    page.get_by_label("Email address").fill(ALICE)
    late[0].continue_()
    page.wait_for_load_state()
    expect(page.get_by_label("Email address")).to_have_value(ALICE)
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Sign in")
    expect_heading(page, f"Hello, {ALICE}")


@pytest.mark.parametrize("fill_form", [filled_forms.remove_trusted_browser, filled_forms.end_other_sessions])
def test_an_action_of_the_panel_adds_one_step_to_the_history(page, site, fill_form):
    button = fill_form(page)
    before = history_length(page)
    button.click()
    expect(page.get_by_role("status")).not_to_be_empty()
    assert history_length(page) <= before + 1


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
