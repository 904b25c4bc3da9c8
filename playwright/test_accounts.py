"""Accounts: signing up, signing in, the profile, a new password."""

import re

import pytest
from actions import (
    ALICE,
    NEW_PASSWORD,
    enter_password,
    expect_heading,
    fill_new_password,
    mailed_link,
    press,
    sign_out,
)
from playwright.sync_api import expect
from screen_checks import expect_screen

from accounts.models import User
from tests.people import PASSWORD


@pytest.fixture
def signed_in(page, alice):
    enter_password(page)
    expect_heading(page, "Hello, Alice")
    return page


def test_signing_up_sends_a_link_that_confirms_the_address(page, site):
    page.goto("/")
    page.get_by_role("link", name="Create an account").first.click()
    page.get_by_label("Email address").fill(ALICE)
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Create account")
    expect_screen(page, "signup-sent")
    page.goto(mailed_link())
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Confirm email address")
    expect_screen(page, "address-confirmed")
    assert User.objects.get(email=ALICE).email_verified_at


def test_address_and_password_open_the_dashboard(page, alice):
    enter_password(page)
    expect_heading(page, "Hello, Alice")


def test_a_wrong_password_is_told_beside_the_field(page, alice):
    enter_password(page, password="not the password")
    expect(page.get_by_label("Password")).to_have_accessible_description(
        re.compile("The email address or password is not correct")
    )


def test_a_name_is_changed_on_the_profile(signed_in):
    signed_in.goto("/accounts/profile/")
    signed_in.get_by_label("Name").fill("Ann")
    press(signed_in, "Save profile")
    expect(signed_in.get_by_role("main")).to_contain_text("Your profile has been saved.")


def test_a_changed_password_is_the_one_that_signs_in(signed_in, alice):
    signed_in.goto("/accounts/password_change/")
    signed_in.get_by_label("Old password").fill(PASSWORD)
    fill_new_password(signed_in, NEW_PASSWORD)
    press(signed_in, "Change password")
    expect_screen(signed_in, "password-changed")
    sign_out(signed_in, alice)
    enter_password(signed_in, password=NEW_PASSWORD)
    expect_heading(signed_in, "Hello, Alice")


def test_after_signing_out_pages_ask_to_sign_in(signed_in, alice):
    sign_out(signed_in, alice)
    signed_in.goto("/accounts/profile/")
    expect_heading(signed_in, "Sign in")


def test_a_forgotten_password_is_reset_by_mail(page, alice):
    page.goto("/accounts/login/")
    page.get_by_role("link", name="Forgot your password?").click()
    page.get_by_label("Email address").fill(ALICE)
    press(page, "Send the link")
    expect_screen(page, "reset-sent")
    page.goto(mailed_link())
    fill_new_password(page, NEW_PASSWORD)
    press(page, "Save new password")
    expect_screen(page, "reset-done")
    enter_password(page, password=NEW_PASSWORD)
    expect_heading(page, "Hello, Alice")


def test_a_form_from_before_signing_in_elsewhere_is_out_of_date(page, context, alice):
    page.goto("/accounts/login/")
    other_tab = context.new_page()
    enter_password(other_tab)
    expect_heading(other_tab, "Hello, Alice")
    press(page, "Sign in")
    expect_screen(page, "out-of-date")
    page.get_by_role("link", name="Reload and continue").click()
    expect_heading(page, "Hello, Alice")
