"""Fields of forms, and their error messages."""

import re

import pytest
from actions import ALICE, enter_code, enter_password, expect_heading, open_session, press, record_posts
from javascript_modes import HTMX, NO_JS
from playwright.sync_api import expect


@pytest.fixture
def code_field(page, phone):
    enter_password(page)
    expect_heading(page, "Check your authenticator app")
    return page.get_by_label("6-digit code")


def attributes(field, *names):
    return [field.get_attribute(name) for name in names]


# The fields


@NO_JS
def test_a_phone_offers_its_digits_and_the_code_it_has_received(code_field):
    assert attributes(code_field, "type", "inputmode", "autocomplete") == ["text", "numeric", "one-time-code"]


@NO_JS
def test_nothing_corrects_a_code_or_cuts_it_off(code_field):
    found = attributes(code_field, "spellcheck", "autocapitalize", "maxlength", "pattern", "placeholder")
    assert found == ["false", "none", None, None, None]


@NO_JS
def test_the_hint_belongs_to_the_field(code_field):
    expect(code_field).to_have_accessible_description("Enter the code shown in your authenticator app.")


@HTMX
def test_a_code_is_pasted_as_it_was_copied(page, context, code_field, phone):
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    right = phone.code()
    page.evaluate("text => navigator.clipboard.writeText(text)", f" {right[:3]} {right[3:]} ")
    code_field.press("Control+V")
    press(page, "Sign in")
    expect_heading(page, "Hello, Alice")


@HTMX
def test_typing_the_last_digit_sends_nothing(page, code_field, phone):
    asked = record_posts(page)
    code_field.press_sequentially(phone.code())
    expect(code_field).to_have_value(re.compile(r"^\d{6}$"))
    assert asked == []


@NO_JS
def test_a_password_manager_knows_address_and_password(page, site):
    page.goto("/accounts/login/")
    kinds = [
        page.get_by_label(label).get_attribute("autocomplete") for label in ("Email address", "Password")
    ]
    assert kinds == ["username webauthn", "current-password"]


@NO_JS
@pytest.mark.parametrize("path", ["confirm/", "disable/", "backup-codes/"])
def test_a_password_manager_knows_whose_password_is_asked_for(page, alice, phone, path):
    open_session(page.context, alice, phone)
    page.goto(f"/two-factor/{path}")
    named = page.get_by_role("main").get_by_role("textbox", include_hidden=True).first
    assert attributes(named, "autocomplete", "value") == ["username", ALICE]
    expect(page.get_by_label("Password")).to_have_attribute("autocomplete", "current-password")


@NO_JS
def test_a_phone_offers_its_own_number(page, alice, phone):
    open_session(page.context, alice, phone)
    page.goto("/two-factor/confirm/?next=/two-factor/phone/")
    page.get_by_label("Password").fill("correct horse battery")
    enter_code(page, phone.code(), "Confirm")
    assert attributes(page.get_by_label("Phone number"), "type", "autocomplete", "dir") == [
        "tel",
        "tel",
        "ltr",
    ]


# Error messages


def test_a_mistake_is_told_beside_its_field(page, site):
    page.goto("/accounts/login/")
    press(page, "Sign in")
    field = page.get_by_label("Email address")
    expect(field).to_have_accessible_description("Error: Enter your email address.")
    expect(field).to_have_attribute("aria-invalid", "true")


def test_the_summary_says_the_same_words_and_leads_to_the_field(page, site):
    page.goto("/accounts/login/")
    press(page, "Sign in")
    page.get_by_role("alert").get_by_role("link", name="Enter your password.", exact=True).click()
    expect(page.get_by_label("Password")).to_be_focused()
    expect(page.get_by_label("Password")).to_have_accessible_description("Error: Enter your password.")


def test_every_mistake_of_a_form_is_in_the_summary(page, site):
    page.goto("/accounts/signup/")
    press(page, "Create account")
    links = page.get_by_role("alert").get_by_role("link")
    expect(links).to_have_text(["Enter your email address.", "Enter your password."])


@HTMX
def test_a_mistake_is_told_once(page, code_field):
    enter_code(page, "12345")
    expect(code_field).to_be_focused()
    expect(page.get_by_role("status")).to_be_empty()
    expect(page.get_by_role("main").get_by_role("alert")).to_have_count(0)


def test_a_wrong_code_costs_six_digits_and_enter(page, code_field, phone):
    enter_code(page, phone.wrong_code())
    expect(code_field).to_have_attribute("aria-invalid", "true")
    expect(code_field).to_be_focused()
    page.keyboard.type(phone.code())
    page.keyboard.press("Enter")
    expect_heading(page, "Hello, Alice")


def test_the_browser_shows_no_messages_of_its_own(page, site):
    page.goto("/accounts/signup/")
    page.get_by_label("Email address").fill("not an address")
    press(page, "Create account")
    expect(page.get_by_label("Email address")).to_have_accessible_description(
        "Error: Enter an email address in the format name@example.com."
    )


def test_a_number_without_its_country_stays_in_the_field(page, alice, phone):
    open_session(page.context, alice, phone)
    page.goto("/two-factor/confirm/?next=/two-factor/phone/")
    page.get_by_label("Password").fill("correct horse battery")
    enter_code(page, phone.code(), "Confirm")
    page.get_by_label("Phone number").fill("0170 1234567")
    press(page, "Send a code to this number")
    expect(page.get_by_label("Phone number")).to_have_value("0170 1234567")
    expect(page.get_by_label("Phone number")).to_have_accessible_description(
        re.compile("with its country code")
    )
