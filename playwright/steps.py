"""Every screen of the site, and what must be true of each: step(page, "verify") asserts all of it.

What a screen holds, in the words of a screen reader, is in outlines/. After a wanted change, draw them anew:
OUTLINES=draw .venv/bin/pytest playwright/test_screens.py
"""

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

FOLDER = Path(__file__).parent / "outlines"
DRAW = os.environ.get("OUTLINES") == "draw"
NEEDS_A_SCRIPT = ('- button "Copy"', '- button "Print"')
OF_THE_MOMENT = [  # another text every time, and so a pattern in the outline
    r"in \d+\s(?:second|minute)s?",
    r"\d\d:\d\d",
    r"\d{1,2} [A-Z][a-z]+ \d{4}",
    r"(?:data|otpauth):\S+",
    r"(?:[A-Z2-7]{4} ){7}[A-Z2-7]{4}",
    r"[0-9A-Z]{5}-[0-9A-Z]{5}-[0-9A-Z]{5}",
]

Place = Callable[[Page], Locator]


def heading(page: Page) -> Locator:
    return page.get_by_role("heading", level=1)


def summary(page: Page) -> Locator:
    """Of what is wrong with a form; the live region is inside, so that it is not told twice."""
    return page.get_by_role("alert").filter(has_text="There is a problem").locator("..")


def wait(page: Page) -> Locator:
    return page.get_by_role("paragraph").filter(has_text="You can ask for a new code in")


def lock(page: Page) -> Locator:
    return page.get_by_role("paragraph").filter(has_text="You entered the wrong code too many times")


def field(label: str) -> Place:
    return lambda page: page.get_by_label(label)


def named(title: str) -> Place:
    """The heading, where it takes the focus in a whole page, too."""
    return lambda page: page.get_by_role("heading", level=1, name=title)


def part(title: str) -> Place:
    return lambda page: page.get_by_role("heading", level=2, name=title)


@dataclass(frozen=True)
class Screen:
    heading: str
    title: str = ""  # where it is not the heading
    focus: Place = heading
    says: str = ""  # by the status region, after a swap
    wrong: bool = False

    @property
    def full_title(self) -> str:
        return f"{'Error: ' if self.wrong else ''}{self.title or self.heading} – Countersign"


ADDRESS = field("E-mail address")
CODE, BACKUP, PASSWORD = field("Enter the code"), field("Enter a backup code"), field("Password")
SAVED = field("I have saved my backup codes")
STEP_2 = "Enter the code from your app – Step 2 of 3"
STEP_3 = "Save your backup codes – Step 3 of 3"
BY_MAIL, BY_TEXT = "Enter the code from your e-mail", "Enter the code from your text message"
SHUT = "You cannot sign in at the moment"
DEAD = "This link does not work any more"
NEW_CODES = "Save your new backup codes"

SCREENS = {
    "landing": Screen("A password alone is not enough", "Two-factor sign-in"),
    "help": Screen("Help"),
    "signup": Screen("Create an account"),
    "signup-empty": Screen("Create an account", focus=summary, wrong=True),
    "signup-sent": Screen("Look in your inbox"),
    "setup-address": Screen("Confirm your e-mail address"),
    "address-confirm": Screen("Confirm your e-mail address"),
    "address-confirmed": Screen("Hello, alice@example.com", "Home"),
    "address-dead": Screen(DEAD),
    "address-of-another": Screen("This link belongs to another account"),
    "reset": Screen("Reset your password"),
    "reset-empty": Screen("Reset your password", focus=summary, wrong=True),
    "reset-sent": Screen("Look in your inbox"),
    "reset-new": Screen("Choose a new password"),
    "reset-new-wrong": Screen("Choose a new password", focus=summary, wrong=True),
    "reset-done": Screen("Password changed"),
    "reset-dead": Screen("Choose a new password"),
    "login": Screen("Sign in", focus=ADDRESS),
    "login-empty": Screen("Sign in", focus=summary, wrong=True),
    "login-wrong": Screen("Sign in", focus=summary, wrong=True),
    "login-last-try": Screen("Sign in", focus=summary, wrong=True),
    "login-locked": Screen(SHUT),
    "login-again": Screen("Sign in", focus=ADDRESS),
    "verify": Screen("Enter the code", focus=CODE, says="Password accepted. Enter your code."),
    "verify-slip": Screen("Enter the code", focus=CODE, wrong=True),
    "verify-wrong": Screen("Enter the code", focus=CODE, wrong=True),
    "verify-last-try": Screen("Enter the code", focus=CODE, wrong=True),
    "verify-locked": Screen(SHUT),
    "verify-waiting": Screen("Enter the code", focus=lock),
    "other": Screen("Try another way"),
    "other-not-sent": Screen("Try another way"),
    "backup": Screen("Enter a backup code", focus=BACKUP),
    "backup-wrong": Screen("Enter a backup code", focus=BACKUP, wrong=True),
    "sent": Screen(BY_MAIL, focus=CODE, says="Code sent to a•••e@example.com"),
    "sent-too-soon": Screen(BY_MAIL, focus=wait),
    "sent-again": Screen(BY_MAIL, focus=CODE, says="New code sent by e-mail to a•••e@example.com"),
    "sent-older": Screen(BY_MAIL, focus=CODE, wrong=True),
    "sent-by-text": Screen(BY_TEXT, focus=CODE, says="New code sent by text message to ••• 67"),
    "sent-by-text-wrong": Screen(BY_TEXT, focus=CODE, wrong=True),
    "sent-by-text-expired": Screen(BY_TEXT, focus=CODE, wrong=True),
    "dashboard": Screen("Hello, Alice", "Home", says="Your e-mail address is confirmed."),
    "dashboard-dismissed": Screen("Hello, Alice", "Home", named("Hello, Alice"), "Reminder dismissed"),
    "dashboard-unconfirmed": Screen("Hello, Alice", "Home"),
    "dashboard-link-sent": Screen("Hello, Alice", "Home"),
    "dashboard-last-code": Screen("Hello, Alice", "Home"),
    "dashboard-came-back": Screen("Hello, Alice", "Home"),
    "profile": Screen("Profile"),
    "profile-saved": Screen("Profile"),
    "address": Screen("Change your e-mail address"),
    "address-empty": Screen("Change your e-mail address", focus=summary, wrong=True),
    "address-asked": Screen(
        "Profile", says="Open the link we have sent to the new address. Until then nothing changes."
    ),
    "password": Screen("Change your password"),
    "password-empty": Screen("Change your password", focus=summary, wrong=True),
    "password-changed": Screen("Password changed"),
    "setup": Screen("Scan the QR code", "Scan the QR code – Step 1 of 3", says="Step 1 of 3"),
    "setup-verify": Screen("Enter the code from your app", STEP_2, CODE, "Step 2 of 3"),
    "setup-verify-wrong": Screen("Enter the code from your app", STEP_2, CODE, wrong=True),
    "setup-codes": Screen("Save your backup codes", STEP_3, says="Step 3 of 3"),
    "setup-codes-unsaved": Screen("Save your backup codes", STEP_3, SAVED, wrong=True),
    "settings-off": Screen("Security"),
    "settings-unfinished": Screen("Security"),
    "settings-on": Screen("Security", says="Two-factor authentication is on"),
    "settings-full": Screen("Security"),
    "settings-forgot": Screen("Security", focus=part("Trusted browsers"), says="The browser is forgotten."),
    "settings-ended": Screen(
        "Security", focus=part("Other sessions"), says="You are signed out everywhere else."
    ),
    "settings-phone": Screen("Security", focus=part("Text messages"), says="Your phone number is confirmed."),
    "settings-codes": Screen("Security", says="New backup codes saved. Old ones no longer work."),
    "settings-stale": Screen("Security"),
    "settings-turned-off": Screen("Security", says="Two-factor authentication is off"),
    "confirm": Screen("Confirm it is you", focus=PASSWORD),
    "confirm-empty": Screen("Confirm it is you", focus=PASSWORD, wrong=True),
    "confirm-password": Screen("Confirm it is you", focus=PASSWORD),
    "confirm-password-empty": Screen("Confirm it is you", focus=PASSWORD, wrong=True),
    "backup-codes": Screen("Make new backup codes"),
    "backup-codes-empty": Screen("Make new backup codes", focus=summary, wrong=True),
    "backup-codes-new": Screen(NEW_CODES),
    "backup-codes-unsaved": Screen(NEW_CODES, focus=SAVED, wrong=True),
    "phone": Screen("Phone number for text messages"),
    "phone-empty": Screen("Phone number for text messages", focus=summary, wrong=True),
    "phone-verify": Screen(BY_TEXT, focus=CODE),
    "phone-verify-empty": Screen(BY_TEXT, focus=CODE, wrong=True),
    "too-often": Screen("That was often enough for now"),
    "disable": Screen("Turn off two-factor authentication"),
    "disable-empty": Screen("Turn off two-factor authentication", focus=summary, wrong=True),
    "activity-empty": Screen("Recent activity"),
    "activity": Screen("Recent activity"),
    "error-400": Screen("We could not read that request"),
    "error-403": Screen("You may not see this page"),
    "out-of-date": Screen("This page is out of date"),
    "no-cookie": Screen("This page is out of date"),
    "error-404": Screen("There is no such page"),
    "error-409": Screen("This has changed meanwhile"),
    "error-429": Screen("Too many tries"),
    "error-500": Screen("There is a problem with this service"),
    "error-503": Screen("The service is not available at the moment"),
}


def step(page: Page, name: str) -> None:
    """This screen is shown, says so in every way it has, and has nothing wrong with it."""
    screen = SCREENS[name]
    arrive(page, name)
    swapped = page.evaluate("Boolean(window.swapped)")
    expect(screen.focus(page) if swapped or takes_focus(screen) else page.locator("body")).to_be_focused()
    expect(page.get_by_role("status")).to_have_text(screen.says if swapped else "")
    assert fits(page)
    assert names_used_twice(page) == []
    assert kept_by(page) <= {"htmx-current-path-for-history"}
    if has_scripts(page):  # axe never ends without, and there is nothing else to see
        assert complaints(page) == []


def arrive(page: Page, name: str, *, ours: bool = True) -> None:
    """With our script or without it."""
    expect(page).to_have_title(SCREENS[name].full_title)
    page.wait_for_load_state()  # whose style sheet may still be on its way
    expect(heading(page)).to_have_text(SCREENS[name].heading)
    expect(page.get_by_role("main")).to_match_aria_snapshot(outline(page, name, ours))


def takes_focus(screen: Screen) -> bool:
    """On a whole page too; that one begins at its top, where a screen reader reads the title."""
    return screen.focus is not heading


def has_scripts(page: Page) -> bool:
    return page.evaluate("matchMedia('(scripting: enabled)').matches")


def fits(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def names_used_twice(page: Page) -> list[str]:
    """Two buttons, or two links to different places, that a list of them could not tell apart."""
    drawn = page.get_by_role("main").aria_snapshot()
    links = set(re.findall(r'link "(.*)".*\n.*(/url: .*)', drawn))
    named = [*re.findall(r'button "(.*)"', drawn), *(name for name, _url in links)]
    return [name for name, times in Counter(named).items() if times > 1]


def kept_by(page: Page) -> set[str]:
    """htmx keeps a path there; secrets and people have no business in it."""
    return set(page.evaluate("[...Object.keys(sessionStorage), ...Object.keys(localStorage)]"))


# What a screen holds


def outline(page: Page, name: str, ours: bool) -> str:
    file = FOLDER / f"{name}.yaml"
    if DRAW and has_scripts(page):
        page.wait_for_load_state("networkidle")
        first, *rest = page.get_by_role("main").aria_snapshot().splitlines()
        file.write_text("\n".join([first, "  - /children: deep-equal", *map(patterned, rest), ""]))
    lines, whole = file.read_text().splitlines(), ours and has_scripts(page)
    return "\n".join(line for line in lines if whole or line.strip() not in NEEDS_A_SCRIPT)


def patterned(line: str) -> str:
    """The value of a line as a regular expression, if something in it changes."""
    key, _colon, value = line.partition(": ")
    text = json.loads(value) if value.startswith('"') else value
    pieces = re.split(f"({'|'.join(OF_THE_MOMENT)})", text)
    if len(pieces) == 1:
        return line
    for place, piece in enumerate(pieces):
        pieces[place] = kind_of(piece) if place % 2 else re.sub(r"[.*+?^${}()|\[\]\\/]", r"\\\g<0>", piece)
    pattern = json.dumps(f"/^{''.join(pieces)}$/", ensure_ascii=False)
    return f"{key}: {pattern}"


def kind_of(piece: str) -> str:
    return next(kind for kind in OF_THE_MOMENT if re.fullmatch(kind, piece))


# What is wrong with it

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
AXE = Axe()


def complaints(page: Page, rules: list[str] = RULES, seen: Iterable[str] = ()) -> list[str]:
    """Of axe, and what it could not decide, unless somebody has seen that this kind is nothing.

    Ask last: it leaves a style on what it scrolled.
    """
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE.axe_script)
    found = page.evaluate("options => axe.run(options)", {"runOnly": rules, "resultTypes": ["violations"]})
    open_ = [(bad, node) for bad in found["incomplete"] for node in bad["nodes"]]
    wrong = [(bad, node) for bad in found["violations"] for node in bad["nodes"]]
    wrong += [(bad, node) for bad, node in open_ if reason(node) not in seen]
    return [f"{bad['id']} ({reason(node)}): {node['html']}" for bad, node in wrong]


def reason(node: dict[str, Any]) -> str:
    """In axe's own word."""
    tests = [*node["any"], *node["all"], *node["none"]]
    return next((test["data"]["messageKey"] for test in tests if "messageKey" in (test["data"] or {})), "")
