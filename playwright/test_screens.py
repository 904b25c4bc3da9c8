"""Every screen of every journey."""

import inspect
import re

import journeys
import pytest
from colours_and_widths import ACCEPTED, APPEARANCES, show_as
from javascript_modes import EVERY_MODE, HTMX, VERSION
from journeys import JOURNEYS
from known_screens import SCREENS
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
EACH_JOURNEY = pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.__name__)


@pytest.fixture
def page(page, mode):
    if mode == "htmx":
        load_axe_in_every_page(page)
    return page


@EVERY_MODE
@EACH_JOURNEY
def test_every_screen_is_what_it_should_be(page, journey):
    for name in journey(page):
        expect_screen(page, name)


@pytest.mark.skipif(VERSION == 4, reason="lifting an error out of its page is app.js's part in htmx 4")
@HTMX
@EACH_JOURNEY
def test_every_screen_works_without_app_js_in_every_appearance(page, journey):
    """app.js is blocked, and htmx is not: nobody needs what app.js adds."""
    page.route("**/app*.js", lambda route: route.abort())
    wrong = {}
    for name in journey(page):
        expect_content(page, name, with_our_script=False)
        for appearance, (_, rules) in APPEARANCES.items():
            show_as(page, appearance)
            seen = accessibility_problems(page, rules, ACCEPTED.get(appearance, [])) if rules else []
            wrong[name, appearance] = seen + ([] if fits_in_width(page) else ["too wide"])
        show_as(page, "light")
    assert {where: found for where, found in wrong.items() if found} == {}


def test_every_known_screen_is_in_a_journey():
    walked = set(re.findall(r'yield f?"(.+)"', inspect.getsource(journeys))) - {"error-{status}"}
    known = {name for name in SCREENS if not re.fullmatch(r"error-\d+", name)}
    assert (walked, {file.stem for file in OUTLINES.iterdir()}) == (known, set(SCREENS))


@pytest.mark.parametrize("outline", sorted(OUTLINES.iterdir()), ids=lambda file: file.stem)
def test_buttons_and_links_of_a_screen_can_be_told_apart(outline):
    """Every screen is as its outline says."""
    assert duplicate_names(outline.read_text()) == []
