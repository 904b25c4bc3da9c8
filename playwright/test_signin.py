"""Signing in, above all the second step, and signing out."""

import re

import pytest
from actions import (
    enrol,
    enter_code,
    enter_password,
    expect_heading,
    follow,
    history_length,
    mailed_code,
    press,
    sign_out,
    submit_sign_in_form,
)
from javascript_modes import HTMX
from playwright.sync_api import expect
from screen_checks import expect_screen

from tests.people import PRINTED_CODES, person
from twofactor.models import GuessBudget


@pytest.fixture
def phone(alice):
    """Alice has one backup code left."""
    return enrol(alice, PRINTED_CODES[:1])


@pytest.mark.proves("H-07")
def test_password_and_code_lead_to_the_page_asked_for(page, phone):
    enter_password(page, path="/accounts/login/?next=/accounts/profile/")
    expect_heading(page, "Check your authenticator app")
    enter_code(page, phone.code())
    expect_heading(page, "Profile")


def test_two_people_in_one_browser_do_not_guess_for_each_other(page, context, phone):
    bobs_phone = enrol(person("bob@example.com", name="Bob"))
    enter_password(page)
    expect_heading(page, "Check your authenticator app")
    other = context.new_page()
    enter_password(other, "bob@example.com")
    expect_heading(other, "Check your authenticator app")
    enter_code(page, phone.code())
    expect(page.get_by_text("Someone else started signing in from another tab.")).to_be_visible()
    expect(page.get_by_text("bob@example.com")).to_be_visible()
    assert not GuessBudget.objects.filter(failures__gt=0).exists()
    enter_code(page, bobs_phone.code())
    expect_heading(page, "Hello, Bob")


@HTMX
def test_an_old_tab_of_another_person_shows_who_is_signed_in_now(page, context, alice):
    person("bob@example.com", name="Bob")
    enter_password(page)
    expect_heading(page, "Hello, Alice")
    page.goto("/two-factor/")
    other = context.new_page()
    other.goto("/")
    other.get_by_role("navigation", name="Account").get_by_text("Alice").click()
    other.get_by_role("button", name="Sign out", exact=True).click()
    expect_heading(other, "Sign in")
    enter_password(other, "bob@example.com")
    expect_heading(other, "Hello, Bob")
    follow(page, "Set up two-factor authentication")
    expect_heading(page, "Scan the QR code")
    account = page.get_by_role("navigation", name="Account")
    expect(account.get_by_text("Bob")).to_be_visible()
    expect(account.get_by_text("Alice")).to_have_count(0)


NO_SIGN_IN_WAITING = "There's no sign-in waiting for a code in this browser. Enter your password again."


@pytest.mark.parametrize("path", ["", "other"])
def test_a_sign_in_whose_cookie_is_lost_says_so_and_goes_on_where_it_was_to(page, phone, path):
    enter_password(page, path="/accounts/login/?next=/accounts/profile/")
    expect_heading(page, "Check your authenticator app")
    if path == "other":
        follow(page, "Try another way")
        expect_heading(page, "Try another way")
    page.context.clear_cookies(name="twofactor_pending")
    if path == "other":
        follow(page, "Authenticator app")
    else:
        enter_code(page, phone.code())
    expect_heading(page, "Sign in")
    expect(page.get_by_text(NO_SIGN_IN_WAITING)).to_be_visible()
    expect(page.get_by_text("Sign in to continue.", exact=True)).to_have_count(0)
    enter_password(page, path=page.url)
    enter_code(page, phone.code())
    expect_heading(page, "Profile")


def test_a_browser_that_lost_all_its_cookies_goes_on_where_it_was_to(page, phone):
    enter_password(page, path="/accounts/login/?next=/accounts/profile/")
    expect_heading(page, "Check your authenticator app")
    page.context.clear_cookies()
    enter_code(page, phone.code())
    expect_heading(page, "This page is out of date")
    follow(page, "Reload and continue")
    expect_heading(page, "Sign in")
    expect(page.get_by_text(NO_SIGN_IN_WAITING)).to_be_visible()
    enter_password(page, path=page.url)
    enter_code(page, phone.code())
    expect_heading(page, "Profile")


@HTMX
def test_the_code_is_asked_for_without_a_new_document(page, phone):
    page.goto("/accounts/login/")
    page.evaluate("window.sameDocument = true")
    submit_sign_in_form(page)
    expect_screen(page, "verify")
    assert page.evaluate("window.sameDocument") is True


def test_a_backup_code_of_a_japanese_keyboard_signs_in(page, phone):
    enter_password(page)
    follow(page, "Try another way")
    follow(page, "Backup code")
    enter_code(page, "ＡＢＣＤＥーＦＧＨＪＫーＭＮＰＱＲ")
    expect_heading(page, "Hello, Alice")


def test_from_the_mailed_code_back_to_the_authenticator(page, phone):
    enter_password(page)
    follow(page, "Try another way")
    press(page, "Send a code by email")
    expect_heading(page, "Enter the code from your email")
    follow(page, "Use your authenticator app")
    expect_heading(page, "Check your authenticator app")
    enter_code(page, phone.code())
    expect_heading(page, "Hello, Alice")


@pytest.mark.parametrize("from_page", ["Send a new code", "Send a code by email"])
def test_asking_too_soon_stays_where_the_code_can_be_entered(page, phone, from_page):
    enter_password(page)
    follow(page, "Try another way")
    press(page, "Send a code by email")
    expect_heading(page, "Enter the code from your email")
    if from_page == "Send a code by email":
        follow(page, "Try another way")
        expect_heading(page, "Try another way")
    with page.expect_response("**/verify/send/") as answer:
        press(page, from_page)
    expect(page.get_by_text("You can ask for a new code in")).to_be_visible()
    assert (answer.value.status, answer.value.headers["retry-after"].isdigit()) == (429, True)
    page.goto(page.url)
    enter_code(page, mailed_code())
    expect_heading(page, "Hello, Alice")


@HTMX
def test_an_error_has_no_address_of_its_own(page, phone):
    enter_password(page)
    follow(page, "Try another way")
    press(page, "Send a code by email")
    expect_heading(page, "Enter the code from your email")
    before = history_length(page)
    press(page, "Send a new code")
    expect(page.get_by_text("You can ask for a new code in")).to_be_visible()
    assert (page.url.endswith("/two-factor/verify/sent/"), history_length(page)) == (True, before)


@pytest.mark.proves("X-11")
def test_too_many_wrong_codes_lock_with_a_page_of_their_own(page, phone):
    enter_password(page)
    for _ in range(5):
        enter_code(page, phone.wrong_code())
        expect(page.get_by_label("6-digit code")).to_have_value("")
    with page.expect_response("**/two-factor/verify/") as answer:
        enter_code(page, phone.code())
    expect_heading(page, "You can't sign in at the moment")
    assert (answer.value.status, answer.value.headers["retry-after"].isdigit()) == (429, True)


def test_a_trusted_browser_asks_for_no_code_until_it_is_forgotten(page, alice, phone):
    enter_password(page)
    page.get_by_label("Trust this browser for 30 days").check()
    enter_code(page, phone.code())
    expect_heading(page, "Hello, Alice")
    page.context.clear_cookies(name="sessionid")
    enter_password(page, path="/accounts/login/?next=/two-factor/devices/")
    expect_heading(page, "Devices")
    press(page, "Stop trusting all browsers")
    expect(page.get_by_text("No browser is trusted any longer.").first).to_be_attached()


def test_the_administration_asks_for_password_and_code_with_the_form_of_the_site(page, site):
    boss = person("boss@example.com", is_staff=True, is_superuser=True)
    phone = enrol(boss)
    enter_password(page, "boss@example.com", "/admin/")
    expect_heading(page, "Check your authenticator app")
    enter_code(page, phone.code())
    expect(page).to_have_url(re.compile("/admin/$"))


def test_after_signing_out_pages_ask_to_sign_in(page, alice):
    enter_password(page)
    expect_heading(page, "Hello, Alice")
    sign_out(page, alice)
    page.goto("/accounts/profile/")
    expect_heading(page, "Sign in")
