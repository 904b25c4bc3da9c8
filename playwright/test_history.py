"""Back, Forward, Reload, pages that the browser kept, and scripts that come late or never."""

import pytest
import submits
from playwright.sync_api import expect
from walks import (
    ALICE,
    enter,
    finish,
    follow,
    history_length,
    press,
    see,
    shown_codes,
    start_set_up,
    to_codes,
)

from tests.machinery import programs
from tests.people import PASSWORD, person


@pytest.fixture
def mode():
    return "htmx"


def whole(page, heading, title):
    see(page, heading)
    expect(page).to_have_title(f"{title} – Countersign")
    expect(page.get_by_role("main")).to_have_count(1)
    expect(page.get_by_role("banner")).to_have_count(1)


@pytest.mark.parametrize("mode", ["htmx", "no-js"])
def test_back_forward_and_reload_show_whole_pages(page, site):
    submits.alice(page)
    start_set_up(page)
    follow(page, "Continue")
    see(page, "Enter the code from your app")
    page.go_back()
    whole(page, "Scan the QR code", "Scan the QR code – Step 1 of 3")
    page.go_back()
    whole(page, "Security", "Security")
    page.go_forward()
    whole(page, "Scan the QR code", "Scan the QR code – Step 1 of 3")
    page.go_forward()
    whole(page, "Enter the code from your app", "Enter the code from your app – Step 2 of 3")
    page.reload()
    whole(page, "Enter the code from your app", "Enter the code from your app – Step 2 of 3")


@pytest.mark.parametrize("mode", ["htmx", "no-js"])
def test_in_the_second_step_too(page, site):
    submits.send_a_code(page).click()
    see(page, "Enter the code from your e-mail")
    page.go_back()
    whole(page, "Try another way", "Try another way")
    page.go_forward()
    whole(page, "Enter the code from your e-mail", "Enter the code from your e-mail")


@pytest.mark.parametrize("mode", ["htmx", "no-js"])
@pytest.mark.parametrize(
    ("lead", "then"),
    [
        (submits.confirm_the_app, "Save your backup codes"),
        (submits.sign_out_everywhere_else, "You are signed out everywhere else."),
    ],
)
def test_reload_after_a_form_sends_nothing_again(page, site, lead, then):
    lead(page).click()
    expect(page.get_by_role("main").get_by_text(then)).to_be_visible()
    posts = []
    page.on("request", lambda asked: posts.append(asked) if asked.method == "POST" else None)
    page.reload()
    assert posts == []


@pytest.mark.parametrize("mode", ["htmx", "no-js"])
def test_back_after_finishing_shows_no_codes(page, site):
    submits.alice(page)
    to_codes(page, start_set_up(page))
    code = shown_codes(page)[0]
    finish(page)
    page.go_back()
    expect(page.get_by_role("heading", level=1)).not_to_have_text("Save your backup codes")
    expect(page.get_by_text(code)).to_have_count(0)


@pytest.mark.parametrize("mode", ["htmx", "no-js", "htmx-blocked"])
def test_back_after_finishing_asks_nobody_who_they_are(page, site):
    submits.alice(page)
    to_codes(page, start_set_up(page))
    finish(page)
    for left in ("codes/", "verify/", ""):
        with page.expect_request(f"**/two-factor/setup/{left}"), page.expect_request("**/two-factor/"):
            back(page)
        page.wait_for_load_state()
        see(page, "Security")


def test_back_from_what_was_confirmed_for_passes_the_confirmation(page, site):
    page.goto("/help/")
    submits.give_a_number(page)
    page.go_back()
    see(page, "Help")


# Pages that the browser keeps in memory


@pytest.fixture
def keeping(browser_type, browser_type_launch_args, site):
    """A browser like people's, which keeps pages for Back; Playwright's own would not."""
    whole = {"executable_path": programs.chromium(), "ignore_default_args": ["--disable-back-forward-cache"]}
    browser = browser_type.launch(**browser_type_launch_args | whole)
    yield browser.new_context(base_url=site).new_page()
    browser.close()


def back(page):
    """As the button does it: nobody waits for a load, which a kept page does not have."""
    page.evaluate("history.back()")


def test_this_browser_does_keep_pages(keeping):
    keeping.goto("/help/")
    keeping.evaluate("window.kept = true")
    keeping.goto("/healthz/live")  # sets no cookie, which would drop what was kept
    back(keeping)
    see(keeping, "Help")
    assert keeping.evaluate("window.kept") is True


def test_a_kept_page_shows_no_codes_after_finishing(keeping):
    enter(keeping.context, person(ALICE))
    to_codes(keeping, start_set_up(keeping))
    keeping.reload()  # a document of its own, which can be kept
    code = shown_codes(keeping)[0]
    keeping.get_by_label("I have saved my backup codes").check()
    press(keeping, "Finish and turn on")
    see(keeping, "Security")
    keeping.goto("/help/")
    back(keeping)
    see(keeping, "Security")
    back(keeping)
    see(keeping, "Security")
    expect(keeping.get_by_text(code)).to_have_count(0)


@pytest.mark.proves("14.3.1", "V-29")
@pytest.mark.parametrize("screen", ["key", "codes"])
def test_a_kept_page_shows_no_secret_after_signing_out(keeping, screen):
    enter(keeping.context, person(ALICE, name="Alice"))
    phone = start_set_up(keeping)
    if screen == "codes":
        to_codes(keeping, phone)
        keeping.reload()
    else:
        keeping.goto("/two-factor/setup/")
    keeping.get_by_role("navigation", name="Account").get_by_text("Alice").click()
    keeping.get_by_role("button", name="Sign out", exact=True).click()
    see(keeping, "Sign in")
    back(keeping)
    see(keeping, "Sign in")


def test_a_kept_page_with_secrets_is_asked_for_again(keeping):
    """The second lock, tried by hand: this browser keeps none of the pages behind the door."""
    enter(keeping.context, person(ALICE))
    start_set_up(keeping)
    with keeping.expect_request("**/two-factor/setup/"):
        keeping.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    see(keeping, "Scan the QR code")


def test_a_kept_form_can_be_sent(keeping):
    person(ALICE)
    keeping.goto("/accounts/login/")
    keeping.get_by_label("E-mail address").fill(ALICE)
    keeping.evaluate("document.forms[0].setAttribute('aria-busy', 'true')")
    keeping.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    keeping.get_by_label("Password").fill(PASSWORD)
    press(keeping, "Sign in")
    see(keeping, f"Hello, {ALICE}")


# Scripts that come late, or never


@pytest.mark.parametrize("script", ["htmx*", "app*"])
def test_what_is_sent_before_a_script_arrives_counts(page, site, script):
    person(ALICE)
    late = []
    page.route(f"**/{script}.js", lambda route: late.append(route))
    page.goto("/accounts/login/", wait_until="commit")
    page.get_by_label("E-mail address").fill(ALICE)
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Sign in")
    page.unroute_all()
    see(page, f"Hello, {ALICE}")


def test_what_is_typed_before_the_scripts_arrive_is_kept(page, site):
    person(ALICE)
    late = []
    page.route("**/htmx*.js", lambda route: late.append(route))
    page.goto("/accounts/login/", wait_until="commit")
    page.get_by_label("E-mail address").fill(ALICE)
    late[0].continue_()
    page.wait_for_load_state()
    expect(page.get_by_label("E-mail address")).to_have_value(ALICE)
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Sign in")
    see(page, f"Hello, {ALICE}")


@pytest.mark.parametrize("lead", [submits.forget_a_browser, submits.sign_out_everywhere_else])
def test_an_action_of_the_panel_adds_one_step_to_the_history(page, site, lead):
    button = lead(page)
    before = history_length(page)
    button.click()
    expect(page.get_by_role("status")).not_to_be_empty()
    assert history_length(page) <= before + 1


def test_signing_in_in_a_second_tab_brings_the_first_along(page, context, site):
    submits.give_the_code(page)
    other = context.new_page()
    other.goto("/two-factor/verify/")
    expect(other.get_by_role("heading", level=1)).to_have_text("Enter the code")
    press(page, "Sign in")
    see(page, "Hello, Alice")
    other.get_by_label("Enter the code").fill("123456")
    press(other, "Sign in")
    expect(other.get_by_role("heading", level=1)).to_have_text("This page is out of date")
    follow(other, "Reload and carry on")
    see(other, "Hello, Alice")
