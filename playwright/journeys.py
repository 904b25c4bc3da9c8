"""The ways people take through the site. Each stops at every screen that it comes to, and names it."""

from datetime import timedelta

from django.conf import settings
from django.test import override_settings
from django.utils import timezone
from walks import (
    ALICE,
    PAPER,
    Phone,
    choose_password,
    confirm,
    enrol,
    enter,
    finish,
    follow,
    give_code,
    give_password,
    key,
    mailed_code,
    mailed_link,
    press,
    see,
)

from accounts import address_links
from config.environment import mail_settings
from tests.people import PASSWORD, person
from tests.twofactor.sent_codes import has_number, other_than, texted
from twofactor.models import Allowance, Authenticator, GuessBudget, SentCode, TrustedBrowser
from twofactor.sessions import epoch

NEW_PASSWORD = "a loud yellow mountain"
NOBODY_LISTENS = mail_settings("smtp", host="127.0.0.1", port=1)


def alice(**fields):
    return person(ALICE, name="Alice", **fields)


def trusted(user):
    """Two browsers, by their names."""
    now = timezone.now()
    for number, label in enumerate(["Firefox on Windows", "Safari on iPhone"]):
        TrustedBrowser.objects.create(
            user=user,
            digest=str(number),
            session_hash=epoch.auth_hash(user),
            label=label,
            trusted_at=now,
            last_used_at=now,
            expires_at=now + timedelta(days=30),
        )


def visiting(page):
    page.goto("/")
    yield "landing"
    page.goto("/help/")
    yield "help"
    page.goto("/accounts/signup/")
    yield "signup"
    press(page, "Create account")
    yield "signup-empty"
    page.get_by_label("E-mail address").fill(ALICE)
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Create account")
    yield "signup-sent"
    link = mailed_link()
    give_password(page)
    see(page, f"Hello, {ALICE}")
    page.goto("/two-factor/setup/")
    yield "setup-address"
    page.context.clear_cookies()
    page.goto(link)
    yield "address-confirm"
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Confirm this address")
    yield "address-confirmed"
    page.goto(link)
    yield "address-dead"


def forgetting_the_password(page):
    alice()
    page.goto("/accounts/password_reset/")
    yield "reset"
    press(page, "Send the link")
    yield "reset-empty"
    page.get_by_label("E-mail address").fill(ALICE)
    press(page, "Send the link")
    yield "reset-sent"
    link = mailed_link()
    page.goto(link)
    yield "reset-new"
    choose_password(page, NEW_PASSWORD, "another one")
    press(page, "Set the new password")
    yield "reset-new-wrong"
    choose_password(page, NEW_PASSWORD)
    press(page, "Set the new password")
    yield "reset-done"
    page.goto(link)
    yield "reset-dead"


def mistaking_the_password(page):
    alice()
    page.goto("/accounts/login/")
    yield "login"
    press(page, "Sign in")
    yield "login-empty"
    give_password(page, password="not the password")
    yield "login-wrong"
    for _ in range(2):
        give_password(page, password="not the password")
        expect_refusal(page)
    give_password(page, password="not the password")
    yield "login-last-try"
    give_password(page, password="not the password")
    yield "login-locked"


def expect_refusal(page):
    page.get_by_role("alert").filter(has_text="is not correct").wait_for()


def signing_in(page):
    phone = enrol(alice(), PAPER)
    give_password(page)
    yield "verify"
    give_code(page, "12345")
    yield "verify-slip"
    follow(page, "Try another way")
    yield "other"
    follow(page, "Authenticator app")
    see(page, "Enter the code")
    give_code(page, phone.wrong_code())
    yield "verify-wrong"
    follow(page, "Try another way")
    follow(page, "Backup code")
    yield "backup"
    give_code(page, "not one of them")
    yield "backup-wrong"


def getting_the_code_wrong(page):
    phone = enrol(alice(), PAPER)
    give_password(page)
    see(page, "Enter the code")
    GuessBudget.objects.update(failures=3)
    give_code(page, phone.wrong_code())
    yield "verify-last-try"
    GuessBudget.objects.update(failures=8, blocked_until=timezone.now() + timedelta(minutes=4))
    give_code(page, phone.code())
    yield "verify-locked"
    page.goto("/two-factor/verify/")
    yield "verify-waiting"


def having_a_code_sent(page):
    user = alice()
    enrol(user, PAPER)
    has_number(user)
    give_password(page)
    follow(page, "Try another way")
    see(page, "Try another way")
    with override_settings(**NOBODY_LISTENS):
        press(page, "Send a code by e-mail")
        yield "other-not-sent"
    press(page, "Send a code by e-mail")
    yield "sent"
    press(page, "Send a new code")
    yield "sent-too-soon"
    older = mailed_code()
    Allowance.objects.all().delete()
    press(page, "Send a new code")
    yield "sent-again"
    give_code(page, older)
    yield "sent-older"
    Allowance.objects.all().delete()
    press(page, "Send it by text message instead")
    yield "sent-by-text"
    give_code(page, other_than(texted()))
    yield "sent-by-text-wrong"
    SentCode.objects.update(sent_at=timezone.now() - timedelta(minutes=11))
    give_code(page, texted())
    yield "sent-by-text-expired"


def getting_back_in(page):
    """With the last piece of paper, then with a code by e-mail, then too late."""
    user = alice()
    enrol(user, PAPER[:1])
    give_password(page)
    give_code(page, PAPER[0])
    yield "dashboard-last-code"
    page.context.clear_cookies()
    give_password(page)
    follow(page, "Try another way")
    press(page, "Send a code by e-mail")
    see(page, "Enter the code from your e-mail")
    give_code(page, mailed_code())
    yield "dashboard-came-back"
    page.context.clear_cookies()
    give_password(page)
    see(page, "Enter the code")
    page.context.clear_cookies(name="twofactor_pending")
    follow(page, "Try another way")
    yield "login-again"


def at_home(page):
    user = alice(email_verified_at=None)
    enter(page.context, user)
    page.goto("/")
    yield "dashboard-unconfirmed"
    press(page, "Send the link again")
    yield "dashboard-link-sent"
    page.goto(mailed_link())
    press(page, "Confirm this address")
    yield "dashboard"
    page.get_by_role("button", name="Dismiss two-factor reminder").click()
    yield "dashboard-dismissed"
    link = link_of_another()
    page.goto(link)
    yield "address-of-another"


def link_of_another():
    bob = person("bob@example.com", email_verified_at=None)
    address_links.send_link(bob, bob.email, timezone.now())
    return mailed_link()


def changing_the_account(page):
    enter(page.context, alice())
    page.goto("/accounts/profile/")
    yield "profile"
    press(page, "Save profile")
    yield "profile-saved"
    follow(page, "Change address")
    yield "confirm-password"
    press(page, "Confirm")
    yield "confirm-password-empty"
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Confirm")
    yield "address"
    press(page, "Send the link")
    yield "address-empty"
    page.get_by_label("New e-mail address").fill("new@example.com")
    press(page, "Send the link")
    yield "address-asked"
    page.goto("/accounts/password_change/")
    yield "password"
    press(page, "Change password")
    yield "password-empty"
    page.get_by_label("Old password").fill(PASSWORD)
    choose_password(page, NEW_PASSWORD)
    press(page, "Change password")
    yield "password-changed"


def setting_up(page):
    enter(page.context, alice())
    page.goto("/two-factor/activity/")
    yield "activity-empty"
    follow(page, "Back to security")
    yield "settings-off"
    follow(page, "Set up two-factor authentication")
    yield "setup"
    phone = Phone(key(page))
    follow(page, "Continue")
    yield "setup-verify"
    give_code(page, "", "Continue")
    yield "setup-verify-wrong"
    give_code(page, phone.code(), "Continue")
    yield "setup-codes"
    page.goto("/two-factor/")
    yield "settings-unfinished"
    follow(page, "Continue set-up")
    see(page, "Save your backup codes")
    press(page, "Finish and turn on")
    yield "setup-codes-unsaved"
    finish(page)
    yield "settings-on"
    follow(page, "Show more activity")
    yield "activity"


def looking_after_it(page):
    """Everything there is to do once it is on."""
    user = alice()
    phone = enrol(user, PAPER)
    enter(page.context, user, phone)
    trusted(user)
    page.goto("/two-factor/")
    yield "settings-full"
    press(page, "Forget Firefox on Windows")
    yield "settings-forgot"
    press(page, "Sign out everywhere else")
    yield "settings-ended"
    follow(page, "Add a phone number")
    yield "confirm"
    press(page, "Confirm")
    yield "confirm-empty"
    confirm(page, phone)
    yield "phone"
    press(page, "Send a code to this number")
    yield "phone-empty"
    page.get_by_label("Phone number").fill("+49 170 1234567")
    press(page, "Send a code to this number")
    yield "phone-verify"
    give_code(page, "", "Confirm this number")
    yield "phone-verify-empty"
    give_code(page, texted(), "Confirm this number")
    yield "settings-phone"
    follow(page, "Change phone number")
    see(page, "Phone number for text messages")
    page.get_by_label("Phone number").fill("+49 170 1234567")
    press(page, "Send a code to this number")
    yield "too-often"


def replacing_the_codes(page):
    user = alice()
    phone = enrol(user, PAPER)
    enter(page.context, user, phone)
    page.goto("/two-factor/")
    follow(page, "Make new backup codes")
    yield "backup-codes"
    press(page, "Make new codes")
    yield "backup-codes-empty"
    page.get_by_label("Password").fill(PASSWORD)
    give_code(page, phone.code(), "Make new codes")
    yield "backup-codes-new"
    press(page, "Use these codes from now on")
    yield "backup-codes-unsaved"
    page.get_by_label("I have saved my backup codes").check()
    press(page, "Use these codes from now on")
    yield "settings-codes"


def turning_it_off(page):
    user = alice()
    phone = enrol(user, PAPER)
    enter(page.context, user, phone)
    page.goto("/two-factor/")
    follow(page, "Turn off")
    yield "disable"
    press(page, "Turn off")
    yield "disable-empty"
    page.get_by_label("Password").fill(PASSWORD)
    give_code(page, phone.code(), "Turn off")
    yield "settings-turned-off"
    GuessBudget.objects.all().delete()
    enrol(user)
    page.goto("/two-factor/disable/")
    see(page, "Turn off two-factor authentication")
    Authenticator.objects.all().delete()
    page.get_by_label("Password").fill(PASSWORD)
    give_code(page, "123456", "Turn off")
    yield "settings-stale"


def meeting_errors(page):
    """With tests.config.broken for the addresses of the site."""
    for status in (400, 403, 404, 409, 429, 500, 503):
        page.goto(f"/broken/{status}/")
        yield f"error-{status}"
    page.goto("/accounts/login/")
    page.context.clear_cookies(name="csrftoken")
    press(page, "Sign in")
    yield "no-cookie"
    page.goto("/accounts/login/")
    page.context.add_cookies([{"name": "csrftoken", "value": "x" * 32, "url": settings.BASE_URL}])
    press(page, "Sign in")
    yield "out-of-date"


JOURNEYS = [
    visiting,
    forgetting_the_password,
    mistaking_the_password,
    signing_in,
    getting_the_code_wrong,
    having_a_code_sent,
    getting_back_in,
    at_home,
    changing_the_account,
    setting_up,
    looking_after_it,
    replacing_the_codes,
    turning_it_off,
    meeting_errors,
]
