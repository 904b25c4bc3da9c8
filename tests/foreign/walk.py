"""A walk through a site in a real browser: set up, sign in with a code and with a backup code, turn off.

And one with a passkey in place of the app.

Each page that is met must fit into a narrow window, and is drawn in test-results/foreign/.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import time

import pyotp
from playwright.sync_api import Page, expect, sync_playwright

from tests.docs.blocks import ROOT
from tests.foreign.sites import PASSWORD, Site
from tests.machinery.browsers import is_complaint, launch_options

PICTURES = ROOT / "test-results/foreign"
WIDE, NARROW = {"width": 1100, "height": 800}, {"width": 360, "height": 740}
FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
SECONDS_OF_A_CODE = 30
PATIENCE = 15_000  # milliseconds: hashing ten backup codes takes long on a busy machine


class Phone:
    """An authenticator app. It gives another code at each call, because the site accepts a code once."""

    def __init__(self, key: str) -> None:
        self.app = pyotp.TOTP(key)
        self.shown = 0

    def code(self) -> str:
        self.shown = max(self.shown + 1, int(time() // SECONDS_OF_A_CODE))
        return self.app.at(self.shown * SECONDS_OF_A_CODE)

    def wrong_code(self) -> str:
        return self.app.at((self.shown + 1000) * SECONDS_OF_A_CODE)


class Laptop:
    """A device with passkeys, which Chromium simulates. Nobody touches it until a test says so."""

    def __init__(self, page: Page) -> None:
        self.devtools = page.context.new_cdp_session(page)
        self.devtools.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": False,
        }
        added = self.devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        self.name = added["authenticatorId"]

    def touch(self, *, is_touched: bool = True) -> None:
        """From now on. Else the list under the name field would be answered as soon as it is offered."""
        given = {"authenticatorId": self.name, "enabled": is_touched}
        self.devtools.send("WebAuthn.setAutomaticPresenceSimulation", given)


@dataclass
class Visitor:
    """A person with a browser, a phone, and paper for backup codes."""

    page: Page
    site: Site
    name: str
    pictures: Path
    backup_codes: list[str] = field(default_factory=list)
    phone: Phone | None = None
    seen: int = 0

    def see(self, name: str) -> None:
        """Looks at this page in a wide and in a narrow window."""
        self.seen += 1
        self.page.wait_for_load_state()
        for width, size in {"wide": WIDE, "narrow": NARROW}.items():
            self.page.set_viewport_size(size)
            self.page.screenshot(path=self.pictures / f"{self.seen:02}-{name}-{width}.png", full_page=True)
            assert self.page.evaluate(FITS), f"{name} is wider than its {width} window"
        self.page.set_viewport_size(WIDE)

    def expect_heading(self, heading: str) -> None:
        expect(self.page.locator("h1").filter(has_text=heading)).to_be_visible()

    def press(self, button: str) -> None:
        self.page.get_by_role("button", name=button, exact=True).click()

    def follow(self, link: str) -> None:
        self.page.get_by_role("link", name=link, exact=True).click()

    def enter(self, label: str, text: str) -> None:
        """Types it and presses Enter."""
        box = self.page.get_by_label(label, exact=True)
        box.fill(text)
        box.press("Enter")

    def give_password(self) -> None:
        self.page.goto(self.site.home)
        self.page.locator("[name=username], [name=login]").fill(self.name)
        password = self.page.locator("[name=password]")
        password.fill(PASSWORD)
        password.press("Enter")

    def sign_out(self) -> None:
        self.page.goto(self.site.home)
        self.press(self.site.sign_out)
        self.page.wait_for_load_state("networkidle")
        self.page.goto(self.site.home)
        expect(self.page.locator("[name=password]")).to_be_visible()


@contextmanager
def visitor(site: Site, origin: str, *, javascript: bool) -> Iterator[Visitor]:
    """With a browser of its own: an error on the console or a request to another server fails the test."""
    pictures = PICTURES / site.name / ("javascript" if javascript else "no-javascript")
    with sync_playwright() as playwright, playwright.chromium.launch(**launch_options()) as chromium:
        context = chromium.new_context(
            base_url=origin, java_script_enabled=javascript, viewport=WIDE, reduced_motion="reduce"
        )
        context.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        problems: list[str] = []
        context.on("console", lambda told: problems.append(told.text) if is_complaint(told) else None)
        context.on("weberror", lambda error: problems.append(str(error.error)))
        context.on("request", lambda asked: problems.extend(elsewhere(asked.url, origin)))
        one = Visitor(context.new_page(), site, site.people[javascript], pictures)
        try:
            yield one
        except BaseException:
            one.page.screenshot(path=pictures / "failed.png", full_page=True)
            raise
        assert problems == []


def elsewhere(url: str, origin: str) -> list[str]:
    return [] if url.startswith((origin, "data:", "blob:")) else [url]


def walk(one: Visitor, while_on: Callable[[Visitor], None] = lambda one: None) -> None:
    """`while_on` is called while two-factor authentication is on, and the code was given."""
    come_as_a_stranger(one)
    set_up(one)
    one.sign_out()
    sign_in_with_the_app(one)
    while_on(one)
    one.sign_out()
    sign_in_with_a_backup_code(one)
    look_around(one)
    turn_off(one)


def come_as_a_stranger(one: Visitor) -> None:
    one.page.goto(one.site.home)
    expect(one.page.locator("[name=password]")).to_be_visible()
    one.see("sign-in")
    one.give_password()
    one.expect_heading(one.site.home_heading)
    one.see("home")


def set_up(one: Visitor) -> None:
    one.page.goto("/two-factor/")
    one.expect_heading("Security")
    one.see("settings-off")
    one.follow("Set up two-factor authentication")
    one.expect_heading("Scan the QR code")
    one.see("setup")
    one.phone = Phone("".join(one.page.locator(".key span").all_text_contents()))
    one.follow("Continue")
    one.expect_heading("Enter the code from your app")
    one.see("setup-verify")  # and Enter counts: for a moment after a swap it does not
    give_wrong_code(one, "setup-wrong-code")
    one.enter("6-digit code", one.phone.code())
    save_backup_codes(one)


def save_backup_codes(one: Visitor) -> None:
    one.expect_heading("Save your backup codes")
    one.see("setup-codes")
    one.backup_codes = one.page.get_by_role("listitem").filter(has_text=CODE).all_text_contents()
    one.page.get_by_label("I've saved my backup codes").check()
    one.press("Finish and turn on")
    one.expect_heading("Security")
    expect(one.page.get_by_text("On since")).to_be_visible()
    one.see("settings-on")


CODE = re.compile(r"^(?:[0-9A-Z]{5}-){2}[0-9A-Z]{5}$")


def give_wrong_code(one: Visitor, name: str) -> None:
    one.enter("6-digit code", one.phone.wrong_code())
    expect(one.page.get_by_text("The code is not correct")).to_be_visible()
    one.see(name)


def sign_in_with_the_app(one: Visitor) -> None:
    one.give_password()
    one.expect_heading("Check your authenticator app")
    one.see("verify")
    give_wrong_code(one, "verify-wrong-code")
    one.enter("6-digit code", one.phone.code())
    one.expect_heading(one.site.home_heading)


def sign_in_with_a_backup_code(one: Visitor) -> None:
    one.give_password()
    one.follow("Try another way")
    one.expect_heading("Try another way")
    one.see("other")
    one.follow("Backup code")
    one.expect_heading("Enter a backup code")
    one.see("backup")
    one.enter("Backup code", one.backup_codes.pop())
    one.expect_heading(one.site.home_heading)


def add_a_passkey(one: Visitor, laptop: Laptop) -> None:
    """While two-factor authentication is off; then it is turned on with it."""
    one.page.goto("/two-factor/")
    one.follow("Add a passkey or security key")
    one.expect_heading("Add a passkey")
    one.see("passkey-add")
    laptop.touch()
    one.press("Add a passkey")
    one.expect_heading("Name your passkey")
    one.see("passkey-name")
    one.press("Save")
    one.expect_heading("Security")
    laptop.touch(is_touched=False)
    one.follow("Turn on two-factor authentication")
    save_backup_codes(one)


def sign_in_with_the_passkey(one: Visitor, laptop: Laptop, sign_in_page: str) -> None:
    """By the button of {% passkey_sign_in %}, without name and password."""
    one.page.goto(sign_in_page)
    one.see("sign-in-with-passkey")
    laptop.touch()
    one.press("Sign in with a passkey")
    one.expect_heading(one.site.home_heading)
    laptop.touch(is_touched=False)


def sign_in_with_password_and_passkey(one: Visitor, laptop: Laptop) -> None:
    one.give_password()
    one.expect_heading("Use your passkey")
    one.see("verify-passkey")
    laptop.touch()
    one.press("Use passkey or security key")
    one.expect_heading(one.site.home_heading)


def look_around(one: Visitor) -> None:
    for path, heading in {"devices/": "Devices", "activity/": "Activity", "": "Security"}.items():
        one.page.goto(f"/two-factor/{path}")
        one.expect_heading(heading)
        one.see(path.strip("/") or "settings")


def turn_off(one: Visitor) -> None:
    one.follow("Turn off two-factor authentication")
    one.expect_heading("Turn off two-factor authentication")
    one.see("disable")
    one.page.get_by_label("Password", exact=True).fill(PASSWORD)
    one.enter("Code", one.backup_codes.pop())
    one.expect_heading("Security")
    expect(one.page.get_by_role("link", name="Set up two-factor authentication")).to_be_visible()
    one.see("settings-turned-off")
