"""Everything works with the keyboard alone, and the focus is in the right place afterwards."""

import re

import filled_forms
import pytest
from actions import (
    ALICE,
    NEW_PASSWORD,
    Phone,
    expect_heading,
    mailed_link,
    shown_key,
)
from authenticator import RECORD_CEREMONIES, Authenticator, expect_ceremonies, give_passkey
from django.utils import timezone
from javascript_modes import HTMX
from playwright.sync_api import expect

from tests.people import PASSWORD, PRINTED_CODES
from tests.twofactor.sent_codes import NUMBER, add_number, mailed_code, texted_code
from twofactor.models import Allowance
from twofactor.outgoing.outbox import send_due

pytestmark = HTMX

MAX_STOPS = 60  # more than any page has controls
HAS_FOCUS = "element => (element.closest('summary') ?? element) === document.activeElement"
PASSWORD_FIELD = re.compile("^Password")
CODE_FIELD = re.compile("^((6-digit|Backup) code|Code)")
SAVED = "I've saved my backup codes"


class Keyboard:
    """Uses a page with keys only: it has no click, check or fill."""

    def __init__(self, page):
        self._page, self.presses = page, 0

    def activate(self, key="Enter"):
        self._page.keyboard.press(key)
        self.presses += 1

    def reach(self, control, key="Tab"):
        for _ in range(MAX_STOPS):
            if control.evaluate(HAS_FOCUS):
                return
            self._page.keyboard.press(key)
        raise AssertionError(f"{key} does not lead to {control}")

    def open(self, path):
        self._page.goto(path)

    def press(self, name, role="button"):
        self.reach(self._page.get_by_role(role, name=name, exact=True).first)
        self.activate()

    def follow(self, name):
        self.press(name, "link")

    def open_menu(self, name):
        self.reach(self._page.get_by_role("navigation", name="Account").get_by_text(name))
        self.activate("Space")

    def type(self, label, text):
        self.reach(self._page.get_by_label(label, exact=isinstance(label, str)))
        self._page.keyboard.press("Control+A")
        self._page.keyboard.type(text)

    def send(self):
        """With Enter in a field."""
        self.activate()

    def tick(self, label):
        self.reach(self._page.get_by_label(label))
        self.activate("Space")

    def choose_next(self, label):
        self.reach(self._page.get_by_label(label, exact=True))
        self._page.keyboard.press("ArrowDown")

    def see(self, heading):
        expect_heading(self._page, heading)

    def read(self, text):
        expect(self._page.get_by_text(text).first).to_be_visible()

    def prove(self, phone, button):
        self.type(PASSWORD_FIELD, PASSWORD)
        self.type(CODE_FIELD, phone.code())
        self.press(button)

    def set_up(self, phone):
        self.see("Scan the QR code")
        self.follow("Continue")
        self.see("Enter the code from your app")
        self.type(CODE_FIELD, phone.code())
        self.send()
        self.see("Save your backup codes")
        self.tick(SAVED)
        self.press("Finish and turn on")
        self.see("Security")

    def sign_in(self):
        self.type("Email address", ALICE)
        self.type(PASSWORD_FIELD, PASSWORD)
        self.send()


@pytest.fixture
def keys(page, site):
    return Keyboard(page)


@pytest.fixture
def phone_of_alice(page, site):
    return filled_forms.sign_in_alice_with_two_factor(page)[1]


# Tasks


def test_signing_up(keys):
    keys.open("/")
    keys.follow("Create an account")
    keys.type("Email address", "new@example.com")
    keys.type(PASSWORD_FIELD, NEW_PASSWORD)
    keys.press("Create account")
    keys.see("Check your inbox")
    keys.open(mailed_link())
    keys.type(PASSWORD_FIELD, NEW_PASSWORD)
    keys.press("Confirm email address")
    keys.read("Your email address is confirmed.")


def test_signing_in_and_out(keys, phone):
    keys.open("/accounts/login/")
    keys.sign_in()
    keys.see("Check your authenticator app")
    keys.type(CODE_FIELD, phone.code())
    keys.tick("Trust this browser")
    keys.press("Sign in")
    keys.see("Hello, Alice")
    keys.open_menu("Alice")
    keys.press("Sign out")
    keys.see("Sign in")


def test_setting_up_takes_four_presses_and_a_code(keys, page):
    filled_forms.sign_in_alice(page)
    keys.open("/")
    keys.follow("Set up two-factor authentication")
    before = keys.presses
    keys.set_up(Phone(shown_key(page)))
    assert keys.presses - before == 4


def test_signing_in_takes_what_is_typed_one_tab_and_two_enters(page, phone):
    page.goto("/accounts/login/")
    for text, then in ((ALICE, "Tab"), (PASSWORD, "Enter")):
        page.keyboard.type(text)
        page.keyboard.press(then)
    expect(page.get_by_label("6-digit code")).to_be_focused()
    page.keyboard.type(phone.code())
    page.keyboard.press("Enter")
    expect_heading(page, "Hello, Alice")


def test_a_mailed_code_in_at_most_three_presses(keys, phone):
    keys.open("/accounts/login/")
    keys.sign_in()
    keys.see("Check your authenticator app")
    before = keys.presses
    keys.follow("Try another way")
    keys.press("Send a code by email")
    keys.see("Enter the code from your email")
    assert keys.presses - before <= 3
    send_due()
    keys.type(CODE_FIELD, mailed_code())
    keys.send()
    keys.see("Hello, Alice")


def test_a_passkey_from_the_set_up_to_the_sign_in(keys, page):
    page.add_init_script(RECORD_CEREMONIES)
    filled_forms.sign_in_alice(page)
    authenticator = Authenticator(page)
    keys.open("/two-factor/setup/")
    keys.press("Use a passkey instead")
    keys.see("Save your backup codes")
    keys.tick(SAVED)
    keys.press("Finish and turn on")
    keys.see("Security")
    authenticator.touch(is_touched=False)
    keys.open_menu("Alice")
    keys.press("Sign out")
    keys.see("Sign in")
    expect_ceremonies(page, "conditional")
    authenticator.touch()
    keys.press("Sign in with a passkey")
    keys.see("Hello, Alice")


def test_after_a_passkey_that_fails_another_way_is_one_tab_away(keys, page, alice, phone):
    give_passkey(alice, last_used_at=timezone.now())
    Authenticator(page)
    keys.open("/accounts/login/")
    keys.sign_in()
    keys.see("Use your passkey")
    keys.press("Use passkey or security key")
    keys.read("Nothing was signed.")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Try another way")).to_be_focused()
    keys.activate()
    keys.follow("Authenticator app")
    keys.type(CODE_FIELD, phone.code())
    keys.send()
    keys.see("Hello, Alice")


def test_a_backup_code(keys, phone):
    keys.open("/accounts/login/")
    keys.sign_in()
    keys.see("Check your authenticator app")
    keys.follow("Try another way")
    keys.follow("Backup code")
    keys.type(CODE_FIELD, PRINTED_CODES[0])
    keys.send()
    keys.see("Hello, Alice")


def test_new_backup_codes(keys, phone_of_alice):
    keys.open("/two-factor/")
    keys.follow("Make new backup codes")
    keys.see("Make new backup codes")
    keys.prove(phone_of_alice, "Make new codes")
    keys.tick(SAVED)
    keys.press("Use these codes from now on")
    keys.read("Your new backup codes are saved.")


def test_turning_off(keys, phone_of_alice):
    keys.open("/two-factor/")
    keys.follow("Turn off two-factor authentication")
    keys.see("Turn off two-factor authentication")
    keys.prove(phone_of_alice, "Turn off")
    keys.read("Two-factor authentication is off.")


def test_a_number_for_text_messages(keys, phone_of_alice):
    keys.open("/two-factor/phone/")
    keys.prove(phone_of_alice, "Confirm")
    keys.type("Phone number", NUMBER)
    keys.press("Send a code to this number")
    keys.see("Enter the code from your text message")
    send_due()
    keys.type(CODE_FIELD, texted_code())
    keys.send()
    keys.read("Your phone number is confirmed.")


def test_browsers_and_sessions(keys, page):
    filled_forms.open_devices(page)
    keys.press("Sign out Chrome 142 on iPhone")
    keys.read("Chrome 142 on iPhone was signed out.")
    keys.press("Stop trusting Safari on iPhone")
    keys.read("Safari on iPhone is no longer trusted.")
    keys.press("Stop trusting all browsers")
    keys.read("No browser is trusted any longer.")
    keys.press("Sign out everywhere else")
    keys.read("You're signed out everywhere else. 1 program was signed out.")


def test_the_reminder(keys, page):
    filled_forms.sign_in_alice(page)
    keys.open("/")
    keys.press("Dismiss two-factor authentication reminder")
    expect(page.get_by_role("region", name="Make your account safer")).to_have_count(0)


def test_profile_and_password(keys, page):
    filled_forms.sign_in_alice(page)
    keys.open("/accounts/profile/")
    keys.type("Name", "Alice B.")
    keys.press("Save profile")
    keys.read("Your profile has been saved.")
    keys.open("/accounts/password_change/")
    keys.type("Old password", PASSWORD)
    keys.type("New password", NEW_PASSWORD)
    keys.type("New password confirmation", NEW_PASSWORD)
    keys.press("Change password")
    keys.see("Password changed")


def test_the_language(keys, page):
    keys.open("/help/")
    keys.choose_next("Language")
    with page.expect_navigation():
        keys.press("Change language")
    assert page.evaluate("document.documentElement.lang") == "de"


def test_a_forgotten_password(keys, alice):
    keys.open("/accounts/login/")
    keys.follow("Forgot your password?")
    keys.type("Email address", ALICE)
    keys.send()
    keys.see("Check your inbox")
    keys.open(mailed_link())
    keys.type("New password", NEW_PASSWORD)
    keys.type("New password confirmation", NEW_PASSWORD)
    keys.press("Save new password")
    keys.see("Password changed")


def test_another_address(keys, page):
    filled_forms.sign_in_alice(page)
    keys.open("/accounts/profile/")
    keys.follow("Change email address")
    keys.type(PASSWORD_FIELD, PASSWORD)
    keys.send()
    keys.type("New email address", "new@example.com")
    keys.press("Send the link")
    keys.see("Profile")
    keys.open(mailed_link())
    keys.press("Confirm email address")
    keys.read("Your email address is confirmed.")


def test_another_authenticator(keys, page, phone_of_alice):
    keys.open("/two-factor/")
    keys.follow("Add an authenticator app")
    keys.prove(phone_of_alice, "Confirm")
    keys.see("Add an authenticator app")
    keys.type("6-digit code", Phone(shown_key(page)).code())
    keys.press("Add app")
    keys.read("was added.")


def test_cancelling_the_setup(keys, page):
    filled_forms.sign_in_alice(page)
    keys.open("/two-factor/setup/")
    keys.press("Cancel setup")
    keys.read("Setup cancelled. Nothing has changed.")


def test_switching_from_mail_to_a_text_message(keys, alice, phone):
    add_number(alice)
    keys.open("/accounts/login/")
    keys.sign_in()
    keys.see("Check your authenticator app")
    keys.follow("Try another way")
    keys.press("Send a code by email")
    keys.see("Enter the code from your email")
    Allowance.objects.all().delete()
    keys.press("Send it by text message instead")
    keys.see("Enter the code from your text message")
    send_due()
    keys.type(CODE_FIELD, texted_code())
    keys.send()
    keys.see("Hello, Alice")


# Moving through a page


@pytest.mark.parametrize("path", ["/two-factor/verify/", "/two-factor/verify/other/"])
def test_the_skip_link_leads_into_the_main_part(keys, page, path):
    filled_forms.open_second_step(page, path)
    page.evaluate("document.activeElement.blur()")
    keys.follow("Skip to main content")
    expect(page.get_by_role("main")).to_be_focused()
    keys.follow("Not you?")
    keys.see("Sign in")


@pytest.mark.parametrize("path", ["/two-factor/", "/two-factor/disable/"])
@pytest.mark.parametrize("key", ["Tab", "Shift+Tab"])
def test_the_focus_can_leave_every_element(keys, page, phone_of_alice, path, key):
    keys.open(path)
    for part in ("contentinfo", "banner"):
        keys.reach(page.get_by_role(part).get_by_role("link").first, key)


# Where the focus is afterwards


def heading(name):
    return lambda page: page.get_by_role("heading", name=name)


def field(label):
    return lambda page: page.get_by_label(label, exact=True)


def link(name):
    return lambda page: page.get_by_role("link", name=name)


@pytest.mark.parametrize(
    ("fill_form", "place"),
    [
        (filled_forms.sign_up, heading("Check your inbox")),
        (filled_forms.change_password, heading("Password changed")),
        (filled_forms.request_password_reset, heading("Check your inbox")),
        (filled_forms.send_code, field("6-digit code")),
        (filled_forms.make_new_codes, heading("Save your new backup codes")),
        (filled_forms.use_new_codes, link("Make new backup codes")),
        (filled_forms.turn_off, heading("Security")),
        (filled_forms.confirm_identity, heading("Profile")),
        (filled_forms.add_phone_number, field("6-digit code")),
        (filled_forms.confirm_phone_number, link("Change phone number")),
        (filled_forms.add_app, link("Rename Tablet")),
        (filled_forms.rename_app, link("Rename Work phone")),
        (filled_forms.remove_app, link("Rename Authenticator app")),
        (filled_forms.remove_all_trusted_browsers, heading("Devices")),
    ],
    ids=lambda part: getattr(part, "__name__", ""),
)
def test_the_focus_goes_to_the_new_content(page, site, fill_form, place):
    fill_form(page).click()
    expect(place(page)).to_be_focused()


def test_several_errors_put_the_focus_on_their_summary(page, site):
    page.goto("/accounts/signup/")
    filled_forms.button(page, "Create account").click()
    link = page.get_by_role("link", name="Enter your email address.")
    assert link.evaluate("link => document.activeElement.contains(link)")
    assert page.evaluate("document.activeElement.localName") == "div"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Email address")).to_be_focused()
