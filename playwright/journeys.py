"""Ways through the site. Each function yields the name of every screen that it comes to."""

from datetime import timedelta
from urllib.parse import urlsplit

from actions import (
    ALICE,
    NEW_PASSWORD,
    Phone,
    add_devices,
    add_trusted_browsers,
    confirm_identity,
    create_alice,
    end_step_up,
    enrol,
    enter_code,
    enter_password,
    expect_heading,
    fill_new_password,
    finish_setup,
    follow,
    mailed_code,
    mailed_link,
    open_session,
    open_whole_page,
    press,
    session_of,
    shown_key,
)
from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from accounts import address_links
from config.environment import mail_settings
from tests.people import PASSWORD, PRINTED_CODES, add_app, person
from tests.twofactor.sent_codes import add_number, different_code, texted_code
from twofactor import factor_changes, not_me_links
from twofactor.factors import totp
from twofactor.models import Allowance, Event, GuessBudget, Rule, SentCode, TokenFamily

UNREACHABLE_MAIL_SERVER = mail_settings("smtp", host="127.0.0.1", port=1)


def signing_up(page):
    page.goto("/")
    yield "landing"
    page.goto("/help/")
    yield "help"
    page.goto("/accounts/signup/")
    yield "signup"
    press(page, "Create account")
    yield "signup-empty"
    page.get_by_label("Email address").fill(ALICE)
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Create account")
    yield "signup-sent"
    link = mailed_link()
    enter_password(page)
    expect_heading(page, f"Hello, {ALICE}")
    page.goto("/two-factor/setup/")
    yield "setup-address"
    page.context.clear_cookies()
    page.goto(link)
    yield "address-confirm"
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Confirm email address")
    yield "address-confirmed"
    page.goto(link)
    yield "address-dead"


def forgetting_the_password(page):
    create_alice()
    page.goto("/accounts/password_reset/")
    yield "reset"
    press(page, "Send the link")
    yield "reset-empty"
    page.get_by_label("Email address").fill(ALICE)
    press(page, "Send the link")
    yield "reset-sent"
    link = mailed_link()
    page.goto(link)
    yield "reset-new"
    fill_new_password(page, NEW_PASSWORD, "another one")
    press(page, "Save new password")
    yield "reset-new-wrong"
    fill_new_password(page, NEW_PASSWORD)
    press(page, "Save new password")
    yield "reset-done"
    page.goto(link)
    yield "reset-dead"


def mistaking_the_password(page):
    create_alice()
    page.goto("/accounts/login/")
    yield "login"
    press(page, "Sign in")
    yield "login-empty"
    enter_password(page, password="not the password")
    yield "login-wrong"
    for _ in range(2):
        enter_password(page, password="not the password")
        expect_wrong_password(page)
    enter_password(page, password="not the password")
    yield "login-last-try"
    enter_password(page, password="not the password")
    yield "login-locked"


def expect_wrong_password(page):
    page.get_by_role("alert").filter(has_text="is not correct").wait_for()


def signing_in(page):
    phone = enrol(create_alice(), PRINTED_CODES)
    enter_password(page)
    yield "verify"
    enter_code(page, "12345")
    yield "verify-slip"
    follow(page, "Try another way")
    yield "other"
    follow(page, "Authenticator app")
    expect_heading(page, "Check your authenticator app")
    enter_code(page, phone.wrong_code())
    yield "verify-wrong"
    follow(page, "Try another way")
    follow(page, "Backup code")
    yield "backup"
    enter_code(page, "not one of them")
    yield "backup-wrong"


def getting_the_code_wrong(page):
    phone = enrol(create_alice(), PRINTED_CODES)
    enter_password(page)
    expect_heading(page, "Check your authenticator app")
    GuessBudget.objects.update(failures=3)
    enter_code(page, phone.wrong_code())
    yield "verify-last-try"
    GuessBudget.objects.update(failures=8, locked_until=timezone.now() + timedelta(minutes=4))
    enter_code(page, phone.code())
    yield "verify-locked"
    page.goto("/two-factor/verify/")
    yield "verify-waiting"


def asking_for_a_code(page):
    user = create_alice()
    enrol(user, PRINTED_CODES)
    add_number(user)
    enter_password(page)
    follow(page, "Try another way")
    expect_heading(page, "Try another way")
    with override_settings(**UNREACHABLE_MAIL_SERVER):
        press(page, "Send a code by email")
        yield "other-not-sent"
    press(page, "Send a code by email")
    yield "sent"
    press(page, "Send a new code")
    yield "sent-too-soon"
    older = mailed_code()
    Allowance.objects.all().delete()
    press(page, "Send a new code")
    yield "sent-again"
    enter_code(page, older)
    yield "sent-older"
    Allowance.objects.all().delete()
    press(page, "Send it by text message instead")
    yield "sent-by-text"
    enter_code(page, different_code(texted_code()))
    yield "sent-by-text-wrong"
    SentCode.objects.update(sent_at=timezone.now() - timedelta(minutes=11))
    enter_code(page, texted_code())
    yield "sent-by-text-expired"


def confirming_a_sign_in(page):
    """Without an authenticator, where the site sends a code after the password."""
    user = create_alice()
    with override_settings(TWOFACTOR_CODE_WITHOUT_APP="new-browsers"):
        with override_settings(**UNREACHABLE_MAIL_SERVER):
            enter_password(page)
            yield "confirmation-not-sent"
        press(page, "Send a code by email")
        expect_heading(page, "Enter the code from your email")
        page.context.clear_cookies()
        Allowance.objects.all().delete()
        enter_password(page)
        yield "confirmation"
        enter_code(page, different_code(mailed_code()))
        yield "confirmation-wrong"
        enter_code(page, mailed_code())
        expect_heading(page, "Hello, Alice")
        page.goto("/two-factor/devices/")
        yield "devices-confirmed"
        page.context.clear_cookies()
        Allowance.objects.all().delete()
        add_number(user)
        enter_password(page)
        yield "confirmation-by-text"


def signing_in_without_the_app(page):
    """With the last backup code, then with a code by email, then without the cookie of the sign-in."""
    user = create_alice()
    enrol(user, PRINTED_CODES[:1])
    enter_password(page)
    enter_code(page, PRINTED_CODES[0])
    yield "dashboard-last-code"
    page.context.clear_cookies()
    enter_password(page)
    follow(page, "Try another way")
    press(page, "Send a code by email")
    expect_heading(page, "Enter the code from your email")
    enter_code(page, mailed_code())
    yield "dashboard-came-back"
    page.context.clear_cookies()
    enter_password(page)
    expect_heading(page, "Check your authenticator app")
    page.context.clear_cookies(name="twofactor_pending")
    follow(page, "Try another way")
    yield "login-again"


def using_the_dashboard(page):
    user = create_alice(email_verified_at=None)
    open_session(page.context, user)
    page.goto("/")
    yield "dashboard-unconfirmed"
    press(page, "Send the link again")
    yield "dashboard-link-sent"
    page.goto(mailed_link())
    press(page, "Confirm email address")
    yield "dashboard"
    page.get_by_role("button", name="Dismiss two-factor authentication reminder").click()
    yield "dashboard-dismissed"
    link = link_for_bob()
    page.goto(link)
    yield "address-of-another"


def link_for_bob():
    bob = person("bob@example.com", email_verified_at=None)
    address_links.send_link(bob, bob.email, timezone.now())
    return mailed_link()


def changing_the_account(page):
    open_session(page.context, create_alice())
    page.goto("/accounts/profile/")
    yield "profile"
    press(page, "Save profile")
    yield "profile-saved"
    follow(page, "Change email address")
    yield "confirm-password"
    press(page, "Confirm")
    yield "confirm-password-empty"
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Confirm")
    yield "address"
    press(page, "Send the link")
    yield "address-empty"
    page.get_by_label("New email address").fill("new@example.com")
    press(page, "Send the link")
    yield "address-asked"
    page.goto("/accounts/password_change/")
    yield "password"
    press(page, "Change password")
    yield "password-empty"
    page.get_by_label("Old password").fill(PASSWORD)
    fill_new_password(page, NEW_PASSWORD)
    press(page, "Change password")
    yield "password-changed"


def deleting_the_account(page):
    alice = create_alice()
    open_session(page.context, alice)
    page.goto("/accounts/profile/")
    follow(page, "Download your data")
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Confirm")
    yield "own-data"
    follow(page, "Back to your profile")
    follow(page, "Delete your account")
    yield "delete-account"
    press(page, "Delete my account")
    yield "delete-account-waiting"
    page.goto("/")
    yield "dashboard-deletion"
    link = mailed_link()
    page.goto(link)
    yield "deletion-link"
    press(page, "Keep my account")
    yield "deletion-stopped"
    page.goto(link)
    yield "deletion-link-dead"
    page.goto("/accounts/delete/")
    press(page, "Delete my account")
    expect_heading(page, "Your account will be deleted")
    page.goto("/accounts/profile/")
    press(page, "Keep my account")
    yield "dashboard-account-kept"
    type(alice).objects.update(is_staff=True)
    page.goto("/accounts/delete/")
    yield "delete-account-staff"


def setting_up(page):
    open_session(page.context, create_alice())
    page.goto("/two-factor/activity/")
    yield "activity-empty"
    follow(page, "Back to security")
    yield "settings-off"
    follow(page, "Set up two-factor authentication")
    yield "setup"
    phone = Phone(shown_key(page))
    follow(page, "Continue")
    yield "setup-verify"
    enter_code(page, "", "Continue")
    yield "setup-verify-wrong"
    enter_code(page, phone.code(), "Continue")
    yield "setup-codes"
    page.goto("/two-factor/")
    yield "settings-unfinished"
    follow(page, "Continue setup")
    expect_heading(page, "Save your backup codes")
    press(page, "Finish and turn on")
    yield "setup-codes-unsaved"
    finish_setup(page)
    yield "settings-on"
    follow(page, "Show more activity")
    yield "activity"
    page.goto("/two-factor/activity/?show=sign-ins&q=opera")
    yield "activity-nothing"


def changing_the_settings(page):
    """What people can do while two-factor authentication is on."""
    user = create_alice()
    phone = enrol(user, PRINTED_CODES)
    open_session(page.context, user, phone)
    add_trusted_browsers(user)
    page.goto("/two-factor/")
    yield "settings-full"
    follow(page, "Add a phone number")
    yield "confirm"
    press(page, "Confirm")
    yield "confirm-empty"
    confirm_identity(page, phone)
    yield "phone"
    press(page, "Send a code to this number")
    yield "phone-empty"
    page.get_by_label("Phone number").fill("+49 170 1234567")
    press(page, "Send a code to this number")
    yield "phone-verify"
    enter_code(page, "", "Confirm this number")
    yield "phone-verify-empty"
    enter_code(page, texted_code(), "Confirm this number")
    yield "settings-phone"
    follow(page, "Change phone number")
    expect_heading(page, "Phone number for text messages")
    page.get_by_label("Phone number").fill("+49 170 1234567")
    press(page, "Send a code to this number")
    yield "too-often"


def having_several_apps(page):
    user = create_alice()
    phone = enrol(user, PRINTED_CODES)
    open_session(page.context, user, phone)
    page.goto("/two-factor/")
    follow(page, "Add an authenticator app")
    confirm_identity(page, phone)
    yield "app-add"
    press(page, "Add app")
    yield "app-add-empty"
    page.get_by_label("Name").fill("Tablet")
    enter_code(page, Phone(shown_key(page)).code(), "Add app")
    yield "settings-two-apps"
    open_whole_page(page, "Rename Tablet")
    yield "app-rename"
    page.get_by_label("Name").fill("")
    press(page, "Save")
    yield "app-rename-empty"
    page.get_by_label("Name").fill("Old tablet")
    press(page, "Save")
    yield "settings-renamed"
    follow(page, "Remove Old tablet")
    yield "app-remove"
    press(page, "Remove")
    yield "app-remove-empty"
    page.get_by_label("Password").fill(PASSWORD)
    enter_code(page, PRINTED_CODES[0], "Remove")
    yield "settings-removed"
    follow(page, "Remove Authenticator app")
    yield "app-last"
    for number in range(2, 6):
        add_app(user, totp.generate_key(), timezone.now(), name=f"Phone {number}")
    page.goto("/two-factor/apps/add/")
    yield "app-full"


def managing_devices(page):
    user = create_alice()
    phone = enrol(user, PRINTED_CODES)
    open_session(page.context, user, phone)
    page.goto("/two-factor/")
    follow(page, "View your devices")
    yield "devices"
    add_devices(user, phone)
    page.goto("/two-factor/devices/")
    yield "devices-full"
    open_whole_page(page, "Rename Chrome 142 on iPhone")
    yield "device-rename"
    page.get_by_label("Name").fill("My phone")
    press(page, "Save")
    yield "device-renamed"
    press(page, "Sign out My phone")
    yield "devices-ended"
    page.reload()  # with htmx, the message of another row stays until then
    press(page, "Stop trusting Firefox on Windows")
    yield "devices-forgot"
    TokenFamily.objects.all().delete()
    press(page, "Sign out OkHttp 4")
    page.get_by_role("alert").filter(has_text="Something changed").wait_for()
    yield "devices-stale"
    press(page, "Sign out everywhere else")
    yield "devices-others-ended"


def saying_it_was_not_me(page):
    user = create_alice()
    phone = enrol(user, PRINTED_CODES)
    open_session(page.context, user, phone)
    add_devices(user, phone)
    event = Event.objects.filter(kind="new_browser").latest("pk")
    link = urlsplit(not_me_links.make(event, user, timezone.now())).path
    page.goto(link)
    yield "not-me"
    press(page, "This wasn't me")
    expect_heading(page, "Check your account")
    yield "not-me-told"
    page.get_by_label("OkHttp 4").check()
    press(page, "Sign out what's ticked")
    yield "not-me-signed-out"
    user.end_sessions()
    page.goto(link)
    yield "not-me-dead"


def replacing_the_codes(page):
    user = create_alice()
    phone = enrol(user, PRINTED_CODES)
    open_session(page.context, user, phone, stepped_up=True)
    page.goto("/two-factor/")
    follow(page, "Make new backup codes")
    yield "backup-codes-stepped-up"
    end_step_up(session_of(page))
    page.goto("/two-factor/")
    follow(page, "Make new backup codes")
    yield "backup-codes"
    press(page, "Make new codes")
    yield "backup-codes-empty"
    page.get_by_label("Password").fill(PASSWORD)
    enter_code(page, phone.code(), "Make new codes")
    yield "backup-codes-new"
    press(page, "Use these codes from now on")
    yield "backup-codes-unsaved"
    page.get_by_label("I've saved my backup codes").check()
    press(page, "Use these codes from now on")
    yield "settings-codes"


def confirming_again(page):
    """After a wrong code, and with a form that was sent when the confirmation had run out."""
    user = create_alice()
    phone = enrol(user)
    open_session(page.context, user, phone)
    page.goto("/two-factor/phone/")
    page.get_by_label("Password").fill(PASSWORD)
    enter_code(page, phone.wrong_code(), "Confirm")
    yield "confirm-wrong"
    enter_code(page, phone.code(), "Confirm")
    expect_heading(page, "Phone number for text messages")
    end_step_up(session_of(page))
    page.get_by_label("Phone number").fill("+49 170 1234567")
    press(page, "Send a code to this number")
    confirm_identity(page, phone)
    yield "confirm-send"
    press(page, "Send again")
    expect_heading(page, "Enter the code from your text message")


def confirming_with_a_recent_app(page):
    """Which is not enough for a new address."""
    user = create_alice()
    enrol(user)
    recent = Phone(add_app(user, totp.generate_key(), timezone.now() - timedelta(minutes=5), name="New").key)
    open_session(page.context, user, recent, stepped_up=True)
    page.goto("/accounts/email/change/")
    yield "confirm-recent-app"


def turning_off(page):
    user = create_alice()
    phone = enrol(user, PRINTED_CODES)
    open_session(page.context, user, phone)
    rule = Rule.objects.create(scope=Rule.Scope.EVERYONE, starts_on=timezone.now())
    page.goto("/two-factor/disable/")
    yield "disable-required"
    rule.delete()
    page.goto("/two-factor/")
    follow(page, "Turn off")
    yield "disable"
    press(page, "Turn off")
    yield "disable-empty"
    page.get_by_label("Password").fill(PASSWORD)
    enter_code(page, phone.code(), "Turn off")
    yield "settings-turned-off"
    GuessBudget.objects.all().delete()
    enrol(user)
    page.goto("/two-factor/disable/")
    expect_heading(page, "Turn off two-factor authentication")
    factor_changes.forget_factors(user)
    page.get_by_label("Password").fill(PASSWORD)
    enter_code(page, "123456", "Turn off")
    yield "settings-stale"


def seeing_errors(page):
    """Needs @pytest.mark.urls("tests.config.failing_urls")."""
    for status in (400, 403, 404, 409, 429, 500, 503):
        page.goto(f"/broken/{status}/")
        yield f"error-{status}"
    page.goto("/accounts/login/")
    page.context.clear_cookies(name="csrftoken")
    press(page, "Sign in")
    yield "no-cookie"
    page.goto("/accounts/login/")
    page.context.add_cookies([{"name": "csrftoken", "value": "x" * 32, "url": settings.TWOFACTOR_BASE_URL}])
    press(page, "Sign in")
    yield "out-of-date"


JOURNEYS = [
    signing_up,
    forgetting_the_password,
    mistaking_the_password,
    signing_in,
    getting_the_code_wrong,
    asking_for_a_code,
    confirming_a_sign_in,
    signing_in_without_the_app,
    using_the_dashboard,
    changing_the_account,
    deleting_the_account,
    setting_up,
    changing_the_settings,
    having_several_apps,
    managing_devices,
    saying_it_was_not_me,
    replacing_the_codes,
    confirming_again,
    confirming_with_a_recent_app,
    turning_off,
    seeing_errors,
]
