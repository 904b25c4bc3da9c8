"""Every form of the site: each function opens it, fills it in, and returns the button that sends it."""

import re
from datetime import timedelta

from actions import (
    ALICE,
    NEW_PASSWORD,
    Phone,
    add_devices,
    add_trusted_browsers,
    continue_to_backup_codes,
    create_alice,
    end_step_up,
    enrol,
    expect_heading,
    mailed_link,
    open_session,
    session_of,
    shown_key,
    start_setup,
)
from django.utils import timezone

from tests import people
from tests.people import PASSWORD, PRINTED_CODES, person
from tests.twofactor.sent_codes import NUMBER, add_number, mailed_code, texted_code
from twofactor.factors.totp import generate_key
from twofactor.outgoing.outbox import send_due


def button(page, name, part="main"):
    return page.get_by_role(part).get_by_role("button", name=name, exact=True)


def fill(page, fields):
    for label, text in fields.items():
        page.get_by_label(label, exact=True).fill(text)


def sign_in_alice(page, **fields):
    """Signed in, without two-factor authentication."""
    user = create_alice(**fields)
    open_session(page.context, user)
    return user


def sign_in_alice_with_two_factor(page):
    """Signed in with two-factor authentication on."""
    user = create_alice()
    phone = enrol(user, PRINTED_CODES)
    open_session(page.context, user, phone)
    return user, phone


def open_second_step(page, path="/two-factor/verify/"):
    """The password was accepted, and the code is asked for."""
    user = create_alice()
    phone = enrol(user, PRINTED_CODES)
    open_session(page.context, user)
    page.goto(path)
    return user, phone


def fill_confirmation(page, phone, path):
    page.goto(path)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label(re.compile("^(6-digit code|Code)")).fill(phone.code())


# Accounts


def sign_up(page):
    page.goto("/accounts/signup/")
    fill(page, {"Email address": "new@example.com", "Password": NEW_PASSWORD})
    return button(page, "Create account")


def sign_in(page):
    person(ALICE)
    page.goto("/accounts/login/")
    fill(page, {"Email address": ALICE, "Password": PASSWORD})
    return button(page, "Sign in")


def sign_out(page):
    sign_in_alice(page)
    page.goto("/help/")
    page.get_by_role("navigation", name="Account").get_by_text("Alice").click()
    return button(page, "Sign out", "banner")


def confirm_address(page):
    sign_up(page).click()
    expect_heading(page, "Check your inbox")
    page.goto(mailed_link())
    fill(page, {"Password": NEW_PASSWORD})
    return button(page, "Confirm email address")


def resend_link(page):
    sign_in_alice(page, email_verified_at=None)
    page.goto("/")
    return button(page, "Send the link again")


def save_profile(page):
    sign_in_alice(page)
    page.goto("/accounts/profile/")
    fill(page, {"Name": "Alice B."})
    return button(page, "Save profile")


def change_address(page):
    sign_in_alice(page)
    page.goto("/accounts/email/change/")
    page.get_by_label("Password").fill(PASSWORD)
    button(page, "Confirm").click()
    fill(page, {"New email address": "new@example.com"})
    return button(page, "Send the link")


def change_password(page):
    sign_in_alice(page)
    page.goto("/accounts/password_change/")
    new = {"New password": NEW_PASSWORD, "New password confirmation": NEW_PASSWORD}
    fill(page, {"Old password": PASSWORD, **new})
    return button(page, "Change password")


def request_password_reset(page):
    person(ALICE)
    page.goto("/accounts/password_reset/")
    fill(page, {"Email address": ALICE})
    return button(page, "Send the link")


def reset_password(page):
    request_password_reset(page).click()
    expect_heading(page, "Check your inbox")
    page.goto(mailed_link())
    fill(page, {"New password": NEW_PASSWORD, "New password confirmation": NEW_PASSWORD})
    return button(page, "Save new password")


def change_language(page):
    page.goto("/help/")
    page.get_by_label("Language").select_option("de")
    return button(page, "Change language", "contentinfo")


# The second step


def enter_code(page):
    _, phone = open_second_step(page)
    fill(page, {"6-digit code": phone.code()})
    return button(page, "Sign in")


def enter_backup_code(page):
    open_second_step(page, "/two-factor/verify/backup/")
    fill(page, {"Backup code": PRINTED_CODES[0]})
    return button(page, "Sign in")


def send_code(page):
    open_second_step(page, "/two-factor/verify/other/")
    return button(page, "Send a code by email")


def resend_code(page):
    send_code(page).click()
    expect_heading(page, "Enter the code from your email")
    return button(page, "Send a new code")


def enter_mailed_code(page):
    send_code(page).click()
    expect_heading(page, "Enter the code from your email")
    send_due()
    fill(page, {"6-digit code": mailed_code()})
    return button(page, "Sign in")


def confirm_identity(page):
    _, phone = sign_in_alice_with_two_factor(page)
    fill_confirmation(page, phone, "/two-factor/confirm/?next=/accounts/profile/")
    return button(page, "Confirm")


# Setup


def confirm_app(page):
    sign_in_alice(page)
    phone = start_setup(page)
    page.goto("/two-factor/setup/verify/")
    fill(page, {"6-digit code": phone.code()})
    return button(page, "Continue")


def finish_setup(page):
    sign_in_alice(page)
    continue_to_backup_codes(page, start_setup(page))
    page.get_by_label("I've saved my backup codes").check()
    return button(page, "Finish and turn on")


def cancel_setup(page):
    sign_in_alice(page)
    start_setup(page)
    return button(page, "Cancel setup")


# Security settings


def make_new_codes(page):
    _, phone = sign_in_alice_with_two_factor(page)
    fill_confirmation(page, phone, "/two-factor/backup-codes/")
    return button(page, "Make new codes")


def use_new_codes(page):
    make_new_codes(page).click()
    page.get_by_label("I've saved my backup codes").check()
    return button(page, "Use these codes from now on")


def add_app(page):
    _, phone = sign_in_alice_with_two_factor(page)
    fill_confirmation(page, phone, "/two-factor/apps/add/")
    button(page, "Confirm").click()
    expect_heading(page, "Add an authenticator app")
    fill(page, {"6-digit code": Phone(shown_key(page)).code(), "Name": "Tablet"})
    return button(page, "Add app")


def rename_app(page):
    user, _ = sign_in_alice_with_two_factor(page)
    page.goto(f"/two-factor/apps/{user.authenticators.get().pk}/rename/")
    fill(page, {"Name": "Work phone"})
    return button(page, "Save")


def remove_app(page):
    user, _ = sign_in_alice_with_two_factor(page)
    second = people.add_app(user, generate_key(), timezone.now() - timedelta(days=2), name="Tablet")
    fill_confirmation(page, second, f"/two-factor/apps/{user.authenticators.last().pk}/remove/")
    return button(page, "Remove")


def turn_off(page):
    _, phone = sign_in_alice_with_two_factor(page)
    fill_confirmation(page, phone, "/two-factor/disable/")
    return button(page, "Turn off")


def add_phone_number(page):
    _, phone = sign_in_alice_with_two_factor(page)
    fill_confirmation(page, phone, "/two-factor/phone/")
    button(page, "Confirm").click()
    fill(page, {"Phone number": NUMBER})
    return button(page, "Send a code to this number")


def confirm_phone_number(page):
    add_phone_number(page).click()
    expect_heading(page, "Enter the code from your text message")
    send_due()
    fill(page, {"6-digit code": texted_code()})
    return button(page, "Confirm this number")


def remove_phone_number(page):
    user, phone = sign_in_alice_with_two_factor(page)
    add_number(user)
    fill_confirmation(page, phone, "/two-factor/phone/")
    button(page, "Confirm").click()
    expect_heading(page, "Phone number for text messages")
    return button(page, "Remove phone number")


def send_again(page):
    """A number that was sent when the confirmation had run out."""
    _, phone = sign_in_alice_with_two_factor(page)
    fill_confirmation(page, phone, "/two-factor/phone/")
    button(page, "Confirm").click()
    fill(page, {"Phone number": NUMBER})
    end_step_up(session_of(page))
    button(page, "Send a code to this number").click()
    expect_heading(page, "Confirm it's you")
    fill(page, {"Password": PASSWORD, "Code": phone.code()})
    button(page, "Confirm").click()
    expect_heading(page, "Send it again")
    return button(page, "Send again")


def open_devices(page):
    add_devices(*sign_in_alice_with_two_factor(page))
    page.goto("/two-factor/devices/")


def remove_trusted_browser(page):
    open_devices(page)
    return button(page, "Stop trusting Safari on iPhone")


def remove_all_trusted_browsers(page):
    open_devices(page)
    return button(page, "Stop trusting all browsers")


def sign_out_device(page):
    open_devices(page)
    return button(page, "Sign out Chrome 142 on iPhone")


def rename_device(page):
    open_devices(page)
    page.get_by_role("link", name="Rename OkHttp 4").click()
    fill(page, {"Name": "My phone"})
    return button(page, "Save")


def end_other_sessions(page):
    add_trusted_browsers(sign_in_alice(page))
    page.goto("/two-factor/devices/")
    return button(page, "Sign out everywhere else")


def dismiss_reminder(page):
    sign_in_alice(page)
    page.goto("/")
    return page.get_by_role("button", name="Dismiss two-factor authentication reminder")


ACCOUNTS = [
    sign_up,
    sign_in,
    sign_out,
    confirm_address,
    resend_link,
    save_profile,
    change_address,
    change_password,
    request_password_reset,
    reset_password,
    change_language,
]
SECOND_STEP = [enter_code, enter_backup_code, send_code, resend_code, enter_mailed_code]
SETUP = [confirm_app, finish_setup, cancel_setup]
SETTINGS = [
    confirm_identity,
    make_new_codes,
    use_new_codes,
    add_app,
    rename_app,
    remove_app,
    turn_off,
    add_phone_number,
    confirm_phone_number,
    remove_phone_number,
    send_again,
    remove_trusted_browser,
    remove_all_trusted_browsers,
    sign_out_device,
    rename_device,
    end_other_sessions,
    dismiss_reminder,
]
ALL_FORMS = [*ACCOUNTS, *SECOND_STEP, *SETUP, *SETTINGS]
WITHOUT_HTMX = [
    sign_out,
    resend_link,
    save_profile,
    change_language,
    cancel_setup,
    remove_phone_number,
    send_again,
]
WITH_HTMX = [form for form in ALL_FORMS if form not in WITHOUT_HTMX]
PLAIN_FORMS = [*WITHOUT_HTMX, sign_in, enter_code, finish_setup]  # forms to test where htmx does not load
