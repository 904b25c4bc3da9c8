"""What must be true of a screen of known_screens.py: expect_screen(page, "verify") asserts all of it.

The outline of a screen, as a screen reader reads it, is in outlines/. After a wanted change, write it anew:
OUTLINES=draw .venv/bin/pytest playwright/test_screens.py
"""

import json
import os
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from known_screens import SCREENS, Screen, heading
from playwright.sync_api import Page, expect

OUTLINES = Path(__file__).parent / "outlines"
REDRAW = os.environ.get("OUTLINES") == "draw"
NO_PASSKEY = "- paragraph: Passkeys need JavaScript and a current browser."
NEEDS_SCRIPT = {  # and what stands there where no script runs
    '- button "Copy"': "",
    '- button "Print"': "",
    '- button "Sign in with a passkey"': NO_PASSKEY,
    '- button "Use a passkey instead"': "",
    "- paragraph: or": "",  # between a form for a passkey and another way
}
SAYS_SO_BEFORE = {"setup": '  - button "Cancel setup"'}  # below Continue, which is in the window
WITHOUT_SCRIPT = "no-script"  # ends the names of screens that are drawn without it
CHANGING_TEXT = [  # differs in each run, so the outline has the pattern
    r"in \d+\s(?:second|minute)s?",
    r"(?:[Jj]ust now|\d+ (?:minute|hour|day)s? ago)",
    r"\d\d:\d\d",
    r"\d{1,2} [A-Z][a-z]+ \d{4}",
    r"(?:data|otpauth):\S+",
    r"/apps/\d+/",
    r"/passkeys/\d+/",
    r"event=\d+",
    r"app-\d+",
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    r"Chrome \d+ on Linux",
    r"[0-9A-Z]{5}-[0-9A-Z]{5}-[0-9A-Z]{5}",
]


def expect_screen(page: Page, name: str) -> None:
    """This screen is shown, with the right title, outline, focus and announcement, and is accessible."""
    screen = SCREENS[name]
    expect_content(page, name)
    swapped = page.evaluate("Boolean(window.swapped)")
    expect(screen.focus(page) if swapped or moves_focus(screen) else page.locator("body")).to_be_focused()
    expect(page.get_by_role("status")).to_have_text(screen.says if swapped else "")
    assert fits_in_width(page)
    assert web_storage_keys(page) <= {"htmx-current-path-for-history"}
    if has_htmx(page):  # the outline and the style sheet are the same in the other modes
        assert accessibility_problems(page) == []


def expect_content(page: Page, name: str, *, with_our_script: bool = True) -> None:
    """The title, the heading and the outline. app.js adds buttons to some outlines."""
    expect(page).to_have_title(SCREENS[name].full_title)
    page.wait_for_load_state()  # the style sheet may still be loading
    expect(heading(page)).to_have_text(SCREENS[name].heading)
    expect(page.get_by_role("main")).to_match_aria_snapshot(expected_outline(page, name, with_our_script))


def moves_focus(screen: Screen) -> bool:
    """Even in a whole page. Other whole pages leave the focus at their top, where a screen reader begins."""
    return screen.focus is not heading


def has_scripts(page: Page) -> bool:
    return page.evaluate("matchMedia('(scripting: enabled)').matches")


def has_htmx(page: Page) -> bool:
    return page.evaluate("typeof htmx !== 'undefined'")


def fits_in_width(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def web_storage_keys(page: Page) -> set[str]:
    """Only htmx may keep something there: a path, and nothing about people."""
    return set(page.evaluate("[...Object.keys(sessionStorage), ...Object.keys(localStorage)]"))


# The outline


def expected_outline(page: Page, name: str, with_our_script: bool) -> str:
    file = OUTLINES / f"{name}.yaml"
    is_drawn_without_script = name.endswith(WITHOUT_SCRIPT)
    if REDRAW and has_scripts(page) != is_drawn_without_script:
        if SCREENS[name].says and page.evaluate("Boolean(window.swapped)"):
            expect(page.get_by_role("status")).to_have_text(SCREENS[name].says)
        page.wait_for_load_state("networkidle")
        if not is_drawn_without_script:
            expect(page.locator("[data-passkey][hidden]")).to_have_count(0)
        first, *rest = page.get_by_role("main").aria_snapshot().splitlines()
        file.write_text("\n".join([first, "  - /children: deep-equal", *map(to_pattern, rest), ""]))
    if is_drawn_without_script or (with_our_script and has_scripts(page)):
        return file.read_text()
    lines = [instead_of(line, page) for line in file.read_text().splitlines()]
    if name in SAYS_SO_BEFORE and not has_scripts(page):
        lines.insert(lines.index(SAYS_SO_BEFORE[name]), f"  {NO_PASSKEY}")
    return "\n".join(lines)


def instead_of(line: str, page: Page) -> str:
    """What is there without our script, or without any."""
    if line.strip() not in NEEDS_SCRIPT:
        return line
    return "" if has_scripts(page) else "  " + NEEDS_SCRIPT[line.strip()]


def to_pattern(line: str) -> str:
    """The line, with a regular expression as its name or value if a part of that differs in each run."""
    if named := re.fullmatch(r'(\s*- \w+ )"(.*)"(:?)', line):
        pattern = regular_expression(json.loads(f'"{named[2]}"'))
        return f"{named[1]}{pattern}{named[3]}" if pattern else line
    key, _colon, value = line.partition(": ")
    pattern = regular_expression(json.loads(value) if value.startswith('"') else value)
    return f"{key}: {json.dumps(pattern, ensure_ascii=False)}" if pattern else line


def regular_expression(text: str) -> str:
    """Empty if no part of the text differs in each run."""
    pieces = re.split(f"({'|'.join(CHANGING_TEXT)})", text)
    if len(pieces) == 1:
        return ""
    for place, piece in enumerate(pieces):
        pieces[place] = pattern_of(piece) if place % 2 else re.sub(r"[.*+?^${}()|\[\]\\/]", r"\\\g<0>", piece)
    return f"/^{''.join(pieces)}$/"


def pattern_of(piece: str) -> str:
    return next(kind for kind in CHANGING_TEXT if re.fullmatch(kind, piece))


def duplicate_names(outline: str) -> list[str]:
    """Of buttons, or of links to different pages: in a list of them nobody could tell them apart."""
    links = set(re.findall(r'link "(.*)".*\n.*(/url: .*)', outline))
    names = [*re.findall(r'button "(.*)"', outline), *(name for name, _url in links)]
    return [name for name, times in Counter(names).items() if times > 1]


# Accessibility

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
AXE_SCRIPT = Axe().axe_script
# Without what axe has found to be right: sending that here takes longer than finding it.
RUN_AXE = """async (rules) => {
  const { violations, incomplete } = await axe.run({ runOnly: rules, resultTypes: ["violations"] });
  return { violations, incomplete };
}"""


def accessibility_problems(page: Page, rules: list[str] = RULES, accepted: Iterable[str] = ()) -> list[str]:
    """What axe has found, and what it could not decide, unless the reason for that is accepted.

    Call it last, because axe changes the style of elements that it scrolls.
    """
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate(RUN_AXE, rules)
    undecided = [(bad, node) for bad in found["incomplete"] for node in bad["nodes"]]
    wrong = [(bad, node) for bad in found["violations"] for node in bad["nodes"]]
    wrong += [(bad, node) for bad, node in undecided if axe_reason(node) not in accepted]
    return [f"{bad['id']} ({axe_reason(node)}): {node['html']}" for bad, node in wrong]


def load_axe_in_every_page(page: Page) -> None:
    """For a test that checks most of its pages: sending axe to each of them takes longer."""
    page.add_init_script(AXE_SCRIPT)


def axe_reason(node: dict[str, Any]) -> str:
    """Why axe could not decide, as one of its own keys."""
    tests = [*node["any"], *node["all"], *node["none"]]
    return next((test["data"]["messageKey"] for test in tests if "messageKey" in (test["data"] or {})), "")
