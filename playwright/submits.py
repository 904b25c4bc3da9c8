"""Every form of the site, filled in and one press away from being sent: each function gives its button."""

import re
from datetime import timedelta

from django.core import mail
from django.utils import timezone
from walks import ALICE, PAPER, enrol, enter, see, start_set_up, to_codes

from tests.people import PASSWORD, person
from tests.twofactor.sent_codes import NUMBER, has_number, mailed, texted
from twofactor.models import TrustedBrowser
from twofactor.outgoing.outbox import send_due
from twofactor.sessions import epoch

NEW_PASSWORD = "a loud yellow mountain"


def button(page, name, part="main"):
    return page.get_by_role(part).get_by_role("button", name=name, exact=True)


def fill(page, fields):
    for label, text in fields.items():
        page.get_by_label(label, exact=True).fill(text)


def alice(page, **fields):
    """Signed in, without two-factor authentication."""
    user = person(ALICE, **{"name": "Alice", **fields})
    enter(page.context, user)
    return user


def protected(page):
    """Signed in with two-factor authentication on."""
    user = person(ALICE, name="Alice")
    phone = enrol(user, PAPER)
    enter(page.context, user, phone)
    return user, phone


def asked(page, path="/two-factor/verify/"):
    """The password was right; now it is about the code."""
    user = person(ALICE, name="Alice")
    phone = enrol(user, PAPER)
    enter(page.context, user)
    page.goto(path)
    return user, phone


def prove(page, phone, path):
    page.goto(path)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label(re.compile("^Enter the code")).fill(phone.code())


def mailed_link():
    send_due()
    return re.search(r"http://\S+", mail.outbox[-1].body).group()


# Accounts


def sign_up(page):
    page.goto("/accounts/signup/")
    fill(page, {"E-mail address": "new@example.com", "Password": NEW_PASSWORD})
    return button(page, "Create account")


def sign_in(page):
    person(ALICE)
    page.goto("/accounts/login/")
    fill(page, {"E-mail address": ALICE, "Password": PASSWORD})
    return button(page, "Sign in")


def sign_out(page):
    alice(page)
    page.goto("/help/")
    page.get_by_role("navigation", name="Account").get_by_text("Alice").click()
    return button(page, "Sign out", "banner")


def confirm_the_address(page):
    sign_up(page).click()
    see(page, "Look in your inbox")
    page.goto(mailed_link())
    fill(page, {"Password": NEW_PASSWORD})
    return button(page, "Confirm this address")


def send_the_link_again(page):
    alice(page, email_verified_at=None)
    page.goto("/")
    return button(page, "Send the link again")


def save_the_profile(page):
    alice(page)
    page.goto("/accounts/profile/")
    fill(page, {"Name": "Alice B."})
    return button(page, "Save profile")


def change_the_address(page):
    alice(page)
    page.goto("/accounts/email/change/")
    page.get_by_label("Password").fill(PASSWORD)
    button(page, "Confirm").click()
    fill(page, {"New e-mail address": "new@example.com"})
    return button(page, "Send the link")


def change_the_password(page):
    alice(page)
    page.goto("/accounts/password_change/")
    new = {"New password": NEW_PASSWORD, "New password confirmation": NEW_PASSWORD}
    fill(page, {"Old password": PASSWORD, **new})
    return button(page, "Change password")


def ask_for_a_new_password(page):
    person(ALICE)
    page.goto("/accounts/password_reset/")
    fill(page, {"E-mail address": ALICE})
    return button(page, "Send the link")


def set_a_new_password(page):
    ask_for_a_new_password(page).click()
    see(page, "Look in your inbox")
    page.goto(mailed_link())
    fill(page, {"New password": NEW_PASSWORD, "New password confirmation": NEW_PASSWORD})
    return button(page, "Set the new password")


def change_the_language(page):
    page.goto("/help/")
    page.get_by_label("Language").select_option("de")
    return button(page, "Change language", "contentinfo")


# The second step


def give_the_code(page):
    _, phone = asked(page)
    fill(page, {"Enter the code": phone.code()})
    return button(page, "Sign in")


def give_a_backup_code(page):
    asked(page, "/two-factor/verify/backup/")
    fill(page, {"Enter a backup code": PAPER[0]})
    return button(page, "Sign in")


def send_a_code(page):
    asked(page, "/two-factor/verify/other/")
    return button(page, "Send a code by e-mail")


def send_another_code(page):
    send_a_code(page).click()
    see(page, "Enter the code from your e-mail")
    return button(page, "Send a new code")


def give_the_mailed_code(page):
    send_a_code(page).click()
    see(page, "Enter the code from your e-mail")
    send_due()
    fill(page, {"Enter the code": mailed()})
    return button(page, "Sign in")


def confirm_it_is_you(page):
    _, phone = protected(page)
    prove(page, phone, "/two-factor/confirm/?next=/accounts/profile/")
    return button(page, "Confirm")


# Set-up


def confirm_the_app(page):
    alice(page)
    phone = start_set_up(page)
    page.goto("/two-factor/setup/verify/")
    fill(page, {"Enter the code": phone.code()})
    return button(page, "Continue")


def finish_the_set_up(page):
    alice(page)
    to_codes(page, start_set_up(page))
    page.get_by_label("I have saved my backup codes").check()
    return button(page, "Finish and turn on")


def cancel_the_set_up(page):
    alice(page)
    start_set_up(page)
    return button(page, "Cancel set-up")


# Security settings


def make_new_codes(page):
    _, phone = protected(page)
    prove(page, phone, "/two-factor/backup-codes/")
    return button(page, "Make new codes")


def use_the_new_codes(page):
    make_new_codes(page).click()
    page.get_by_label("I have saved my backup codes").check()
    return button(page, "Use these codes from now on")


def turn_off(page):
    _, phone = protected(page)
    prove(page, phone, "/two-factor/disable/")
    return button(page, "Turn off")


def give_a_number(page):
    _, phone = protected(page)
    prove(page, phone, "/two-factor/phone/")
    button(page, "Confirm").click()
    fill(page, {"Phone number": NUMBER})
    return button(page, "Send a code to this number")


def confirm_the_number(page):
    give_a_number(page).click()
    see(page, "Enter the code from your text message")
    send_due()
    fill(page, {"Enter the code": texted()})
    return button(page, "Confirm this number")


def remove_the_number(page):
    user, phone = protected(page)
    has_number(user)
    prove(page, phone, "/two-factor/phone/")
    button(page, "Confirm").click()
    see(page, "Phone number for text messages")
    return button(page, "Remove the number")


def trusting(page):
    user, _ = protected(page)
    now, later = timezone.now(), timezone.now() + timedelta(days=30)
    for label in ("Firefox on Linux", "Safari on iPhone"):
        TrustedBrowser.objects.create(
            user=user,
            digest=label,
            session_hash=epoch.auth_hash(user),
            label=label,
            trusted_at=now,
            last_used_at=now,
            expires_at=later,
        )
    page.goto("/two-factor/")


def forget_a_browser(page):
    trusting(page)
    return button(page, "Forget Safari on iPhone")


def forget_all_browsers(page):
    trusting(page)
    return button(page, "Forget all trusted browsers")


def sign_out_everywhere_else(page):
    alice(page)
    page.goto("/two-factor/")
    return button(page, "Sign out everywhere else")


def dismiss_the_reminder(page):
    alice(page)
    page.goto("/")
    return page.get_by_role("button", name="Dismiss two-factor reminder")


ACCOUNTS = [
    sign_up,
    sign_in,
    sign_out,
    confirm_the_address,
    send_the_link_again,
    save_the_profile,
    change_the_address,
    change_the_password,
    ask_for_a_new_password,
    set_a_new_password,
    change_the_language,
]
SECOND_STEP = [give_the_code, give_a_backup_code, send_a_code, send_another_code, give_the_mailed_code]
SET_UP = [confirm_the_app, finish_the_set_up, cancel_the_set_up]
SETTINGS = [
    confirm_it_is_you,
    make_new_codes,
    use_the_new_codes,
    turn_off,
    give_a_number,
    confirm_the_number,
    remove_the_number,
    forget_a_browser,
    forget_all_browsers,
    sign_out_everywhere_else,
    dismiss_the_reminder,
]
EVERY = [*ACCOUNTS, *SECOND_STEP, *SET_UP, *SETTINGS]
WITHOUT_HTMX = [
    sign_out,
    send_the_link_again,
    save_the_profile,
    change_the_language,
    cancel_the_set_up,
    remove_the_number,
]
WITH_HTMX = [lead for lead in EVERY if lead not in WITHOUT_HTMX]
PLAIN = [*WITHOUT_HTMX, sign_in, give_the_code, finish_the_set_up]  # without its script every form is
