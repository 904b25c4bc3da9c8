"""Every screen of every journey."""

import inspect
import re

import journeys
import passkey_journeys
import pytest
from colours_and_widths import ACCEPTED, APPEARANCES, USUAL, show_as
from javascript_modes import HTMX, MODES, NO_JS, VERSION
from journeys import JOURNEYS
from known_screens import SCREENS
from passkey_journeys import PASSKEY_JOURNEYS, having_a_passkey_and_no_script
from screen_checks import (
    OUTLINES,
    accessibility_problems,
    duplicate_names,
    expect_content,
    expect_screen,
    fits_in_width,
    load_axe_in_every_page,
)

pytestmark = pytest.mark.urls("tests.config.failing_urls")
EACH_JOURNEY, EACH_PASSKEY_JOURNEY = (
    pytest.mark.parametrize("journey", those, ids=lambda journey: journey.__name__)
    for those in (JOURNEYS, PASSKEY_JOURNEYS)
)


@pytest.fixture
def page(page, mode):
    if mode == "htmx":
        load_axe_in_every_page(page)
    return page


@EACH_JOURNEY
def test_every_screen_is_what_it_should_be(page, journey, mode):
    expect_screens(page, journey, mode)


@EACH_PASSKEY_JOURNEY
@pytest.mark.parametrize("mode", [MODES[0], MODES[2]])
def test_every_screen_with_a_passkey_is_what_it_should_be(page, journey, mode):
    expect_screens(page, journey, mode)


def expect_screens(page, journey, mode):
    wrong = {}
    for name in journey(page):
        expect_screen(page, name)
        if mode == "htmx":  # the style sheet is the same in the others
            wrong |= problems_in(page, name, USUAL)
    assert wrong == {}


@pytest.mark.long
@pytest.mark.skipif(VERSION == 4, reason="lifting an error out of its page is app.js's part in htmx 4")
@HTMX
@EACH_JOURNEY
def test_every_screen_works_without_app_js_in_every_appearance(page, journey):
    """Our scripts are blocked, and htmx is not: nobody needs what they add."""
    for script in ("app", "passkeys"):
        page.route(f"**/{script}*.js", lambda route: route.abort())
    wrong = {}
    for name in journey(page):
        expect_content(page, name, with_our_script=False)
        wrong |= problems_in(page, name, APPEARANCES)
    assert wrong == {}


@pytest.mark.long
@HTMX
@EACH_PASSKEY_JOURNEY
def test_every_screen_with_a_passkey_in_every_appearance(page, journey):
    wrong = {}
    for name in journey(page):
        expect_content(page, name)
        wrong |= problems_in(page, name, APPEARANCES)
    assert wrong == {}


@NO_JS
def test_screens_with_a_passkey_have_another_way_without_a_script(page):
    for name in having_a_passkey_and_no_script(page):
        expect_screen(page, name)


def problems_in(page, screen, appearances):
    wrong = {}
    for appearance in appearances:
        _, rules = APPEARANCES[appearance]
        show_as(page, appearance)
        seen = accessibility_problems(page, rules, ACCEPTED.get(appearance, [])) if rules else []
        wrong[screen, appearance] = seen + ([] if fits_in_width(page) else ["too wide"])
    show_as(page, "light")
    return {where: found for where, found in wrong.items() if found}


def test_every_known_screen_is_in_a_journey():
    sources = inspect.getsource(journeys) + inspect.getsource(passkey_journeys)
    walked = set(re.findall(r'yield f?"(.+)"', sources)) - {"error-{status}"}
    known = {name for name in SCREENS if not re.fullmatch(r"error-\d+", name)}
    assert (walked, {file.stem for file in OUTLINES.iterdir()}) == (known, set(SCREENS))


@pytest.mark.parametrize("outline", sorted(OUTLINES.iterdir()), ids=lambda file: file.stem)
def test_buttons_and_links_of_a_screen_can_be_told_apart(outline):
    """Every screen is as its outline says."""
    assert duplicate_names(outline.read_text()) == []
