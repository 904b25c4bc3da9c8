import re

import pytest
from django.core import mail
from playwright.sync_api import expect

from accounts.models import User
from twofactor.mail import outgoing

ADDRESS, PASSWORD, NEW_PASSWORD = "ann@example.com", "a quiet green harbour", "a loud yellow mountain"


@pytest.fixture
def ann(site):
    return User.objects.create_user(ADDRESS, PASSWORD)


@pytest.fixture
def signed_in(page, ann):
    sign_in(page)
    return page


def sign_in(page, password=PASSWORD):
    page.goto("/accounts/login/")
    page.get_by_label("E-mail address").fill(ADDRESS)
    page.get_by_label("Password").fill(password)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()


def sign_out(page):
    page.get_by_role("navigation", name="Account").get_by_text(ADDRESS).click()
    page.get_by_role("button", name="Sign out").click()


def mailed_link():
    outgoing.join()
    return re.search(r"http://\S+", mail.outbox[-1].body).group()


def see(page, heading):
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)


def test_signing_up_sends_a_link_that_confirms_the_address(page, site):
    page.goto("/")
    page.get_by_role("link", name="Create an account").first.click()
    page.get_by_label("E-mail address").fill(ADDRESS)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    see(page, "Look in your inbox")
    page.goto(mailed_link())
    page.get_by_role("button", name="Confirm this address").click()
    expect(page.get_by_role("main")).to_contain_text("Your e-mail address is confirmed.")
    assert User.objects.get(email=ADDRESS).email_verified_at


def test_address_and_password_open_the_dashboard(page, ann):
    sign_in(page)
    see(page, f"Hello, {ADDRESS}")


def test_a_wrong_password_is_told_beside_the_field(page, ann):
    sign_in(page, "not the password")
    expect(page.get_by_label("Password")).to_have_accessible_description(
        re.compile("The e-mail address or the password is not correct")
    )


def test_a_name_is_changed_on_the_profile(signed_in):
    see(signed_in, f"Hello, {ADDRESS}")
    signed_in.goto("/accounts/profile/")
    signed_in.get_by_label("Name").fill("Ann")
    signed_in.get_by_role("button", name="Save profile").click()
    expect(signed_in.get_by_role("main")).to_contain_text("Your profile is saved.")


def test_a_changed_password_is_the_one_that_signs_in(signed_in):
    see(signed_in, f"Hello, {ADDRESS}")
    signed_in.goto("/accounts/password_change/")
    signed_in.get_by_label("Old password").fill(PASSWORD)
    signed_in.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    signed_in.get_by_label("New password confirmation").fill(NEW_PASSWORD)
    signed_in.get_by_role("button", name="Change password").click()
    see(signed_in, "Password changed")
    sign_out(signed_in)
    sign_in(signed_in, NEW_PASSWORD)
    see(signed_in, f"Hello, {ADDRESS}")


def test_signing_out_closes_the_pages_behind_the_door(signed_in):
    see(signed_in, f"Hello, {ADDRESS}")
    sign_out(signed_in)
    see(signed_in, "Sign in")
    signed_in.goto("/accounts/profile/")
    see(signed_in, "Sign in")


def test_a_forgotten_password_is_reset_by_mail(page, ann):
    page.goto("/accounts/login/")
    page.get_by_role("link", name="Forgotten your password?").click()
    page.get_by_label("E-mail address").fill(ADDRESS)
    page.get_by_role("button", name="Send the link").click()
    see(page, "Look in your inbox")
    page.goto(mailed_link())
    page.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    page.get_by_label("New password confirmation").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Set the new password").click()
    see(page, "Password changed")
    sign_in(page, NEW_PASSWORD)
    see(page, f"Hello, {ADDRESS}")


def test_a_form_from_before_signing_in_elsewhere_is_out_of_date(page, context, ann):
    page.goto("/accounts/login/")
    other_tab = context.new_page()
    sign_in(other_tab)
    see(other_tab, f"Hello, {ADDRESS}")
    page.get_by_label("E-mail address").fill(ADDRESS)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    see(page, "This page is out of date")
    page.get_by_role("link", name="Reload and carry on").click()
    see(page, f"Hello, {ADDRESS}")


@pytest.mark.parametrize("mode", ["htmx", "htmx-blocked"])
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/accounts/login/",
        "/accounts/password_reset/",
        "/accounts/password_reset/done/",
        "/accounts/signup/",
        "/accounts/signup/sent/",
        "/help/",
        "/no-such-page/",
    ],
)
def test_a_page_for_everybody_is_accessible(page, axe, path):
    page.goto(path)
    axe(page)


@pytest.mark.parametrize("mode", ["htmx", "htmx-blocked"])
@pytest.mark.parametrize(
    "path", ["/", "/accounts/profile/", "/accounts/email/change/", "/accounts/password_change/"]
)
def test_a_page_behind_the_door_is_accessible(signed_in, axe, path):
    see(signed_in, f"Hello, {ADDRESS}")
    signed_in.goto(path)
    axe(signed_in)
