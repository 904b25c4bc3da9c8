"""Every screen, as the people who come to it see and hear it."""

import inspect
import re

import journeys
import pytest
from journeys import JOURNEYS
from looks import LOOKS, SEEN, look
from modes import HTMX, VERSION
from steps import FOLDER, SCREENS, arrive, complaints, fits, step

pytestmark = pytest.mark.urls("tests.config.broken")
EVERY_JOURNEY = pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.__name__)


@EVERY_JOURNEY
def test_every_screen_is_what_it_should_be(page, journey):
    for name in journey(page):
        step(page, name)


@pytest.mark.skipif(VERSION == 4, reason="lifting an error out of its page is app.js's part in htmx 4")
@HTMX
@EVERY_JOURNEY
def test_every_screen_is_reached_without_our_script_and_read_in_every_look(page, journey):
    """htmx has come and app.js has not: what it adds, nobody needs to get through."""
    page.route("**/app*.js", lambda route: route.abort())
    wrong = {}
    for name in journey(page):
        arrive(page, name, ours=False)
        for how, (_, rules) in LOOKS.items():
            with look(page, how):
                seen = complaints(page, rules, SEEN.get(how, [])) if rules else []
                wrong[name, how] = seen + ([] if fits(page) else ["too wide"])
    assert {where: found for where, found in wrong.items() if found} == {}


def test_every_screen_that_is_known_is_walked_to():
    walked = set(re.findall(r'yield f?"(.+)"', inspect.getsource(journeys))) - {"error-{status}"}
    known = {name for name in SCREENS if not re.fullmatch(r"error-\d+", name)}
    assert (walked, {file.stem for file in FOLDER.iterdir()}) == (known, set(SCREENS))
