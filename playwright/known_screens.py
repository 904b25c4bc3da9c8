"""The title, heading and focus of every screen of the site. screen_checks.py asserts them."""

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Locator, Page

Place = Callable[[Page], Locator]


def heading(page: Page) -> Locator:
    return page.get_by_role("heading", level=1)


def error_summary(page: Page) -> Locator:
    """The element that takes the focus. The alert, which is read out, is inside it."""
    return page.get_by_role("alert").filter(has_text="There is a problem").locator("..")


def wait_notice(page: Page) -> Locator:
    return page.get_by_role("paragraph").filter(has_text="You can ask for a new code in")


def lock_notice(page: Page) -> Locator:
    return page.get_by_role("paragraph").filter(has_text="You entered the wrong code too many times")


def field(label: str) -> Place:
    return lambda page: page.get_by_label(label)


def heading_named(title: str) -> Place:
    """For a heading that takes the focus in a whole page, too."""
    return lambda page: page.get_by_role("heading", level=1, name=title)


def button(name: str) -> Place:
    return lambda page: page.get_by_role("main").get_by_role("button", name=name, exact=True)


def link(name: str) -> Place:
    """In the row that an action has changed; or in the next one, if the row is gone."""
    return lambda page: page.get_by_role("link", name=name)


@dataclass(frozen=True)
class Screen:
    heading: str
    title: str = ""  # if it differs from the heading
    focus: Place = heading
    says: str = ""  # in the status region, after a swap
    wrong: bool = False

    @property
    def full_title(self) -> str:
        return f"{'Error: ' if self.wrong else ''}{self.title or self.heading} – Countersign"


ADDRESS = field("Email address")
CODE, BACKUP, PASSWORD = field("6-digit code"), field("Backup code"), field("Password")
SAVED = field("I've saved my backup codes")
STEP_2_TITLE = "Enter the code from your app – Step 2 of 3"
STEP_3_TITLE = "Save your backup codes – Step 3 of 3"
BY_MAIL, BY_TEXT = "Enter the code from your email", "Enter the code from your text message"
LOCKED = "You can't sign in at the moment"
LINK_EXPIRED = "This link no longer works"
NOW_ON = (
    "Two-factor authentication is on. Next time you sign in, we'll ask for your password, "
    "then for a code from your app."
)
NOW_ON_BY_PASSKEY = (
    "Two-factor authentication is on. Next time, sign in with your passkey alone, "
    "or with your password and then your passkey."
)
NEW_CODES = "Save your new backup codes"
USE_PASSKEY, PASSKEY_ASKED = "Use your passkey", "Password accepted. Use your passkey."
SECOND = button("Use passkey or security key")

SCREENS = {
    "landing": Screen("A password alone isn't enough", "Two-factor authentication"),
    "help": Screen("Help"),
    "signup": Screen("Create an account"),
    "signup-empty": Screen("Create an account", focus=error_summary, wrong=True),
    "signup-sent": Screen("Check your inbox"),
    "setup-address": Screen("Confirm your email address"),
    "address-confirm": Screen("Confirm your email address"),
    "address-confirmed": Screen("Hello, alice@example.com", "Home"),
    "address-dead": Screen(LINK_EXPIRED),
    "address-of-another": Screen("This link is for another account"),
    "reset": Screen("Reset your password"),
    "reset-empty": Screen("Reset your password", focus=error_summary, wrong=True),
    "reset-sent": Screen("Check your inbox"),
    "reset-new": Screen("Choose a new password"),
    "reset-new-wrong": Screen("Choose a new password", focus=error_summary, wrong=True),
    "reset-done": Screen("Password changed"),
    "reset-dead": Screen("Choose a new password"),
    "login": Screen("Sign in", focus=ADDRESS),
    "login-empty": Screen("Sign in", focus=error_summary, wrong=True),
    "login-wrong": Screen("Sign in", focus=error_summary, wrong=True),
    "login-last-try": Screen("Sign in", focus=error_summary, wrong=True),
    "login-locked": Screen(LOCKED),
    "login-passkey-waiting": Screen("Sign in", focus=button("Sign in with a passkey")),
    "login-passkey-cancelled": Screen("Sign in", focus=button("Sign in with a passkey")),
    "passkey-refused": Screen("Sign in with a passkey", focus=button("Sign in with a passkey"), wrong=True),
    "login-again": Screen("Sign in", focus=ADDRESS),
    "verify": Screen("Check your authenticator app", focus=CODE, says="Password accepted. Enter your code."),
    "verify-slip": Screen("Check your authenticator app", focus=CODE, wrong=True),
    "verify-wrong": Screen("Check your authenticator app", focus=CODE, wrong=True),
    "verify-last-try": Screen("Check your authenticator app", focus=CODE, wrong=True),
    "verify-locked": Screen(LOCKED),
    "verify-waiting": Screen("Check your authenticator app", focus=lock_notice),
    "verify-passkey": Screen(USE_PASSKEY, says=PASSKEY_ASKED),
    "verify-passkey-waiting": Screen(USE_PASSKEY, focus=SECOND, says=PASSKEY_ASKED),
    "verify-passkey-cancelled": Screen(USE_PASSKEY, focus=SECOND),
    "verify-passkey-refused": Screen(USE_PASSKEY, focus=SECOND, wrong=True),
    "verify-passkey-no-script": Screen(USE_PASSKEY),
    "verify-both": Screen(
        "Check your authenticator app", focus=CODE, says="Password accepted. Enter your code."
    ),
    "other-passkey": Screen("Try another way"),
    "other": Screen("Try another way"),
    "other-not-sent": Screen("Try another way"),
    "backup": Screen("Enter a backup code", focus=BACKUP),
    "backup-wrong": Screen("Enter a backup code", focus=BACKUP, wrong=True),
    "sent": Screen(BY_MAIL, focus=CODE, says="We sent a code to a•••e@example.com."),
    "sent-too-soon": Screen(BY_MAIL, focus=wait_notice),
    "sent-again": Screen(BY_MAIL, focus=CODE, says="We sent a new code by email to a•••e@example.com."),
    "sent-older": Screen(BY_MAIL, focus=CODE, wrong=True),
    "sent-by-text": Screen(BY_TEXT, focus=CODE, says="We sent a new code by text message to ••• 67."),
    "sent-by-text-wrong": Screen(BY_TEXT, focus=CODE, wrong=True),
    "sent-by-text-expired": Screen(BY_TEXT, focus=CODE, wrong=True),
    "confirmation": Screen(BY_MAIL, focus=CODE, says="Password accepted. Enter your code."),
    "confirmation-not-sent": Screen(
        "Confirm it's you",
        says="We couldn't send the message. Try another way, or try again in a few minutes.",
    ),
    "confirmation-wrong": Screen(BY_MAIL, focus=CODE, wrong=True),
    "confirmation-by-text": Screen(BY_TEXT, focus=CODE, says="Password accepted. Enter your code."),
    "devices-confirmed": Screen("Devices"),
    "dashboard": Screen("Hello, Alice", "Home", says="Your email address is confirmed."),
    "dashboard-dismissed": Screen(
        "Hello, Alice", "Home", heading_named("Hello, Alice"), "Reminder dismissed."
    ),
    "dashboard-unconfirmed": Screen("Hello, Alice", "Home"),
    "dashboard-link-sent": Screen("Hello, Alice", "Home"),
    "dashboard-last-code": Screen("Hello, Alice", "Home"),
    "dashboard-came-back": Screen("Hello, Alice", "Home"),
    "profile": Screen("Profile"),
    "profile-saved": Screen("Profile"),
    "address": Screen("Change your email address"),
    "address-empty": Screen("Change your email address", focus=error_summary, wrong=True),
    "address-asked": Screen(
        "Profile", says="Open the link we've sent to the new email address. Nothing changes until you do."
    ),
    "own-data": Screen("Your data"),
    "delete-account": Screen("Delete your account"),
    "delete-account-waiting": Screen("Your account will be deleted"),
    "delete-account-staff": Screen("Delete your account"),
    "dashboard-deletion": Screen("Hello, Alice", "Home"),
    "dashboard-account-kept": Screen("Hello, Alice", "Home"),
    "deletion-link": Screen("Keep your account"),
    "deletion-stopped": Screen("Your account will not be deleted"),
    "deletion-link-dead": Screen("This link no longer works"),
    "password": Screen("Change your password"),
    "password-empty": Screen("Change your password", focus=error_summary, wrong=True),
    "password-changed": Screen("Password changed"),
    "setup": Screen("Scan the QR code", "Scan the QR code – Step 1 of 3", says="Step 1 of 3"),
    "setup-verify": Screen("Enter the code from your app", STEP_2_TITLE, CODE, "Step 2 of 3"),
    "setup-verify-wrong": Screen("Enter the code from your app", STEP_2_TITLE, CODE, wrong=True),
    "setup-codes": Screen("Save your backup codes", STEP_3_TITLE, says="Step 3 of 3"),
    "setup-codes-unsaved": Screen("Save your backup codes", STEP_3_TITLE, SAVED, wrong=True),
    "setup-codes-passkey": Screen("Save your backup codes", STEP_3_TITLE, says="Step 3 of 3"),
    "setup-passkey-waiting": Screen(
        "Scan the QR code", "Scan the QR code – Step 1 of 3", button("Use a passkey instead")
    ),
    "setup-passkey-refused": Screen("Set up with a passkey", focus=button("Add a passkey"), wrong=True),
    "settings-off": Screen("Security"),
    "settings-unfinished": Screen("Security"),
    "settings-on": Screen("Security", says=NOW_ON),
    "settings-full": Screen("Security"),
    "settings-phone": Screen(
        "Security", focus=link("Change phone number"), says="Your phone number is confirmed."
    ),
    "settings-codes": Screen(
        "Security",
        focus=link("Make new backup codes"),
        says="Your new backup codes are saved. The old ones no longer work.",
    ),
    "settings-two-apps": Screen("Security", focus=link("Rename Tablet"), says="Tablet was added."),
    "settings-renamed": Screen(
        "Security", focus=link("Rename Old tablet"), says="The name was changed. You can undo this."
    ),
    "settings-removed": Screen(
        "Security", focus=link("Rename Authenticator app"), says="Old tablet was removed."
    ),
    "app-add": Screen("Add an authenticator app"),
    "app-add-empty": Screen("Add an authenticator app", focus=error_summary, wrong=True),
    "app-full": Screen("Add an authenticator app"),
    "app-rename": Screen("Change the name", focus=field("Name")),
    "app-rename-empty": Screen("Change the name", focus=error_summary, wrong=True),
    "app-remove": Screen("Remove authenticator app", "Remove: Old tablet"),
    "app-remove-empty": Screen(
        "Remove authenticator app", "Remove: Old tablet", focus=error_summary, wrong=True
    ),
    "app-last": Screen("You have no other app or passkey", "Remove: Authenticator app"),
    "passkey-add": Screen("Add a passkey"),
    "passkey-add-excluded": Screen("Add a passkey", focus=button("Add a passkey")),
    "passkey-add-no-script": Screen("Add a passkey"),
    "passkey-name": Screen("Name your passkey", focus=field("Name")),
    "key-name": Screen("Name your security key", focus=field("Name")),
    "passkey-rename": Screen("Change the name", focus=field("Name")),
    "passkey-remove": Screen("Remove security key", "Remove: Key"),
    "passkey-last": Screen("You have no other app or passkey", "Remove: Laptop"),
    "passkey-full": Screen("Add a passkey"),
    "passkey-clear": Screen("Use this security key again"),
    "settings-passkey-off": Screen("Security", focus=link("Rename Laptop"), says="Laptop was added."),
    "settings-passkey-on": Screen("Security", says=NOW_ON_BY_PASSKEY),
    "settings-suspected": Screen("Security"),
    "settings-cleared": Screen("Security", focus=link("Rename Key"), says="Key works again."),
    "settings-stale": Screen("Security"),
    "settings-turned-off": Screen("Security", says="Two-factor authentication is off."),
    "devices": Screen("Devices"),
    "devices-full": Screen("Devices"),
    "device-rename": Screen("Rename device", focus=field("Name")),
    "device-renamed": Screen(
        "Devices", focus=link("Rename My phone"), says="The name was changed. You can undo this."
    ),
    "devices-ended": Screen("Devices", focus=link("Rename OkHttp 4"), says="My phone was signed out."),
    "devices-forgot": Screen(
        "Devices",
        focus=link("Rename Safari on iPhone"),
        says="Firefox on Windows is no longer trusted. You can undo this.",
    ),
    "devices-stale": Screen("Devices"),
    "devices-others-ended": Screen(
        "Devices", says="You're signed out everywhere else. 1 browser is no longer trusted."
    ),
    "not-me": Screen("This wasn't me"),
    "not-me-told": Screen("Check your account"),
    "not-me-signed-out": Screen("Check your account", says="Signed out what you ticked."),
    "not-me-dead": Screen("This link no longer works"),
    "confirm": Screen("Confirm it's you", focus=PASSWORD),
    "confirm-empty": Screen("Confirm it's you", focus=PASSWORD, wrong=True),
    "confirm-wrong": Screen("Confirm it's you", focus=field("Code"), wrong=True),
    "confirm-recent-app": Screen("Confirm it's you", focus=PASSWORD),
    "confirm-passkey": Screen("Confirm it's you"),
    "confirm-passkey-refused": Screen(
        "Confirm it's you", focus=button("Confirm with your passkey"), wrong=True
    ),
    "confirm-passkey-no-script": Screen("Confirm it's you"),
    "confirm-key": Screen("Confirm it's you"),
    "confirm-key-wrong": Screen("Confirm it's you", focus=PASSWORD, wrong=True),
    "confirm-send": Screen("Send it again"),
    "confirm-password": Screen("Confirm it's you", focus=PASSWORD),
    "confirm-password-empty": Screen("Confirm it's you", focus=PASSWORD, wrong=True),
    "backup-codes": Screen("Make new backup codes"),
    "backup-codes-passkey": Screen("Make new backup codes"),
    "backup-codes-stepped-up": Screen("Make new backup codes"),
    "backup-codes-empty": Screen("Make new backup codes", focus=error_summary, wrong=True),
    "backup-codes-new": Screen(NEW_CODES),
    "backup-codes-unsaved": Screen(NEW_CODES, focus=SAVED, wrong=True),
    "phone": Screen("Phone number for text messages"),
    "phone-empty": Screen("Phone number for text messages", focus=error_summary, wrong=True),
    "phone-verify": Screen(BY_TEXT, focus=CODE),
    "phone-verify-empty": Screen(BY_TEXT, focus=CODE, wrong=True),
    "too-often": Screen("Wait a moment before trying again"),
    "disable": Screen("Turn off two-factor authentication"),
    "disable-passkey": Screen("Turn off two-factor authentication"),
    "disable-required": Screen("Two-factor authentication stays on", "Turn off two-factor authentication"),
    "disable-empty": Screen("Turn off two-factor authentication", focus=error_summary, wrong=True),
    "activity-empty": Screen("Recent activity"),
    "activity": Screen("Recent activity"),
    "activity-nothing": Screen("Recent activity"),
    "error-400": Screen("We couldn't read that request"),
    "error-403": Screen("You don't have access to this page"),
    "out-of-date": Screen("This page is out of date"),
    "no-cookie": Screen("This page is out of date"),
    "error-404": Screen("Page not found"),
    "error-409": Screen("Something has changed"),
    "error-429": Screen("Too many attempts"),
    "error-500": Screen("There's a problem with this service"),
    "error-503": Screen("This service isn't available at the moment"),
}
