"""Lost connections, server errors and ended sessions: people are told, and can try again."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import filled_forms
import pytest
import time_machine
from actions import (
    ALICE,
    enter_code,
    enter_password,
    expect_heading,
    follow,
    open_session,
    press,
    submit_sign_in_form,
)
from django.apps import apps
from django.test import Client
from django.utils import timezone
from javascript_modes import DEFAULT_MODES
from playwright.sync_api import expect
from screen_checks import expect_screen

from accounts.models import User
from twofactor import factor_changes
from twofactor.models import Session

VERIFY = "**/two-factor/verify/"
OFFLINE = "We couldn't reach the server. Check your connection and try again. Nothing has been changed."
SLOW = "The server is taking too long. Try again."
BROKEN = "There's a problem with this service. Try again later."
ERROR_PAGE = """<!doctype html><title>Error – Countersign</title><header></header>
<main id="tf-main" tabindex="-1"><h1 tabindex="-1" autofocus>The server said {}</h1></main>"""


@pytest.fixture
def mode():
    """The default of this module."""
    return "htmx"


@pytest.fixture
def code_page(page, site):
    """The second step, with the right code filled in."""
    filled_forms.enter_code(page)
    return page


def expect_not_busy(page, name="Sign in"):
    button = page.get_by_role("main").get_by_role("button", name=name, exact=True)
    expect(button).not_to_have_attribute("aria-disabled", "true")
    assert button.evaluate("button => button.form.ariaBusy") is None


def expect_alert(page, sentence):
    expect(page.get_by_role("alert").filter(has_text=sentence)).to_have_text(sentence)


def press_again(page):
    page.unroute_all()
    press(page, "Sign in")
    expect_heading(page, "Hello, Alice")


# Answers that do not come from the site


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (lambda route: route.abort("connectionrefused"), OFFLINE),
        (lambda route: route.abort("internetdisconnected"), OFFLINE),
        (lambda route: route.abort("connectionreset"), OFFLINE),
        (lambda route: route.fulfill(status=502, body="<h1>nginx</h1>"), BROKEN),
        (lambda route: route.fulfill(status=504, body="", content_type="text/plain"), BROKEN),
        (lambda route: route.fulfill(status=200, body="<!doctype html><h1>Wi-Fi of the hotel</h1>"), BROKEN),
    ],
    ids=["refused", "offline", "cut off", "proxy", "empty", "portal"],
)
def test_a_failed_request_is_told_and_can_be_sent_again(code_page, failure, sentence):
    typed = code_page.get_by_label("6-digit code").input_value()
    code_page.route(VERIFY, failure)
    press(code_page, "Sign in")
    expect_alert(code_page, sentence)
    expect(code_page.get_by_label("6-digit code")).to_have_value(typed)
    expect_not_busy(code_page)
    press_again(code_page)


def test_the_same_failure_twice_is_announced_twice(code_page):
    code_page.route(VERIFY, lambda route: route.abort())
    press(code_page, "Sign in")
    expect_alert(code_page, OFFLINE)
    watched = code_page.get_by_role("alert").evaluate_handle(
        """alert => { const said = []; new MutationObserver(() => said.push(alert.textContent))
        .observe(alert, { childList: true, characterData: true, subtree: true }); return said; }"""
    )
    press(code_page, "Sign in")
    expect_not_busy(code_page)
    assert watched.evaluate("said => said.at(0) + '|' + said.at(-1)") == f"|{OFFLINE}"


def test_a_slow_server_is_told(code_page):
    """After 15 seconds, which this test shortens: page.clock cannot move the timer of a request."""
    timeout = "htmx.config[htmx.version[0] === '2' ? 'timeout' : 'defaultTimeout']"
    assert code_page.evaluate(timeout) == 15_000
    code_page.evaluate(f"{timeout} = 200")
    code_page.route(VERIFY, lambda route: None)
    press(code_page, "Sign in")
    expect_alert(code_page, SLOW)
    expect_not_busy(code_page)


def test_an_aborted_request_leaves_no_busy_button(code_page):
    code_page.route(VERIFY, lambda route: None)
    press(code_page, "Sign in")
    button = code_page.get_by_role("main").get_by_role("button", name="Sign in")
    expect(button).to_have_attribute("aria-disabled", "true")
    button.evaluate("button => htmx.trigger(button.form, 'htmx:abort')")
    expect_not_busy(code_page)


def test_a_plain_form_can_be_sent_again_when_no_answer_comes(page, site):
    button = filled_forms.save_profile(page)
    page.clock.install()
    button.evaluate("button => addEventListener('submit', event => event.preventDefault())")
    button.click()
    expect(button).to_have_attribute("aria-disabled", "true")
    page.clock.fast_forward(15_000)
    expect(button).not_to_have_attribute("aria-disabled", "true")


# Error pages of the site


@pytest.mark.parametrize("status", [403, 404, 409, 429, 500, 503])
def test_an_error_page_takes_the_place_of_the_step(code_page, status):
    page = ERROR_PAGE.format(status)
    code_page.route(VERIFY, lambda route: route.fulfill(status=status, content_type="text/html", body=page))
    press(code_page, "Sign in")
    expect_heading(code_page, f"The server said {status}")
    expect(code_page.get_by_role("heading", level=1)).to_be_focused()
    expect(code_page).to_have_title("Error – Countersign")
    expect(code_page.get_by_role("main")).to_have_count(1)
    expect(code_page.get_by_role("banner")).to_be_visible()


def test_an_error_page_is_shown_after_a_link(code_page):
    """It swaps the main part, as a form does."""
    body = ERROR_PAGE.format(500)
    code_page.route(
        "**/two-factor/**", lambda route: route.fulfill(status=500, content_type="text/html", body=body)
    )
    follow(code_page, "Try another way")
    expect_heading(code_page, "The server said 500")
    expect(code_page.get_by_role("banner")).to_be_visible()


def test_a_busy_button_looks_busy(code_page):
    code_page.emulate_media(reduced_motion="no-preference")
    code_page.route(VERIFY, lambda route: None)
    button = code_page.get_by_role("main").get_by_role("button", name="Sign in")
    look = "b => JSON.stringify([getComputedStyle(b).opacity, getComputedStyle(b, '::after').content])"
    idle = button.evaluate(look)
    button.click()
    expect(button).to_have_text("Sign in")
    code_page.wait_for_function(f"idle => ({look})(document.activeElement) !== idle", arg=idle)
    assert code_page.evaluate("document.getAnimations().map(moving => moving.animationName)") == ["tf-late"]


# Ended sessions

NEEDS_NO_SESSION = {
    filled_forms.sign_up,
    filled_forms.sign_in,
    filled_forms.sign_out,
    filled_forms.confirm_address,
    filled_forms.request_password_reset,
    filled_forms.reset_password,
    filled_forms.change_language,
}
NEEDS_SESSION = [
    fill_form
    for fill_form in filled_forms.ALL_FORMS
    if fill_form not in {*NEEDS_NO_SESSION, *filled_forms.SECOND_STEP}
]
SIGNED_OUT = "You were signed out. Sign in to continue."


def stored_rows():
    """Of all models but sessions."""
    kept = [model for model in apps.get_models() if model is not Session]
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in kept}


@pytest.mark.parametrize("fill_form", NEEDS_SESSION, ids=lambda function: function.__name__)
def test_a_form_whose_session_ended_changes_nothing_and_asks_to_sign_in(page, site, fill_form):
    button, before = fill_form(page), stored_rows()
    Session.objects.all().delete()
    button.click()
    expect_sign_in_page(page)
    expect(page.get_by_text(SIGNED_OUT)).to_have_count(1)
    assert stored_rows() == before
    assert leads_to_a_page(page.url)


@pytest.mark.parametrize("fill_form", filled_forms.SECOND_STEP, ids=lambda function: function.__name__)
def test_a_code_that_comes_too_late_changes_nothing_and_asks_for_the_password(page, site, fill_form):
    button, before = fill_form(page), stored_rows()
    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        button.click()
        expect_sign_in_page(page)
    expect(page.get_by_text("Your sign-in timed out.")).to_have_count(1)
    assert stored_rows() == before


def leads_to_a_page(url):
    """The ?next= of the URL is a page, and not a URL that accepts POST only."""
    [to] = parse_qs(urlsplit(url).query)["next"]
    factor_changes.forget_factors(User.objects.get(email=ALICE))  # so that no code is asked for on the way
    browser = Client(SERVER_NAME="localhost")
    browser.force_login(User.objects.get(email=ALICE))
    return browser.get(to, follow=True).status_code in {
        200,
        404,
        409,
    }  # the app or device of the page has gone, too


def test_saving_codes_in_an_ended_session_asks_to_sign_in_and_returns(page, site):
    filled_forms.finish_setup(page)
    page.context.clear_cookies(name="sessionid")
    press(page, "Finish and turn on")
    expect_sign_in_page(page)
    submit_sign_in_form(page)
    expect_heading(page, "Save your backup codes")
    expect(page.get_by_role("banner")).to_be_visible()
    expect(page.get_by_text("You were signed out.")).to_have_count(0)


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


def expect_sign_in_page(page):
    expect_heading(page, "Sign in")
    expect(page.get_by_role("main")).to_have_count(1)
    expect(page.get_by_role("banner")).to_have_count(1)
    assert "/accounts/login/" in page.url


# Pages that are out of date, and messages


@pytest.mark.proves("H-05")
@pytest.mark.parametrize("mode", DEFAULT_MODES)
def test_a_form_from_before_another_tab_signed_in_offers_to_carry_on(page, context, site):
    button = filled_forms.sign_in(page)
    other = context.new_page()
    enter_password(other)
    expect_heading(other, f"Hello, {ALICE}")
    with page.expect_response("**/accounts/login/") as answer:
        button.click()
    expect_screen(page, "out-of-date")
    assert answer.value.status == 403
    follow(page, "Reload and continue")
    expect_heading(page, f"Hello, {ALICE}")


@pytest.mark.parametrize("mode", ["htmx", "no-js"])
def test_a_message_is_shown_once(page, site):
    filled_forms.end_other_sessions(page).click()
    expect(page.get_by_role("main").get_by_text("You're signed out everywhere else.")).to_have_count(1)
    page.reload()
    expect_heading(page, "Devices")
    expect(page.get_by_text("You're signed out everywhere else.")).to_have_count(0)
