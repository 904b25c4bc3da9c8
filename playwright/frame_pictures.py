"""The pictures of docs/how-to/frame.md, with style sheets from files, as nothing is fetched here:

BOOTSTRAP=…/bootstrap.min.css TAILWIND=….css .venv/bin/pytest playwright/frame_pictures.py

That of Tailwind is built as the page tells, with playwright/frames as one more @source.
"""

import os
import re
from pathlib import Path

import pytest
from actions import enrol, enter_code, enter_password, expect_heading, start_setup
from PIL import Image
from test_frames import use_frame

DOCS = Path(__file__).parent.parent / "docs"
PAGE, FOLDER = DOCS / "how-to/frame.md", DOCS / "pictures"
SIZE = {"width": 800, "height": 740}
COLOURS = 64  # of the palette


@pytest.fixture
def page(new_context, site):
    """Without transitions, and without our policy, which would refuse the pictures in Bootstrap's styles."""
    context = new_context(base_url=site, viewport=SIZE, bypass_csp=True, reduced_motion="reduce")
    return context.new_page()


def take(page, name):
    path = FOLDER / f"frame-{name}.png"
    FOLDER.mkdir(exist_ok=True)
    page.mouse.move(0, 0)
    page.screenshot(path=path)
    Image.open(path).quantize(COLOURS).save(path, optimize=True)


def show_wrong_code(page, alice):
    phone = enrol(alice)
    enter_password(page)
    expect_heading(page, "Check your authenticator app")
    enter_code(page, phone.wrong_code())
    page.get_by_text("The code is not correct.").first.wait_for()


def test_plain(settings, page, alice):
    use_frame(settings, "plain")
    show_wrong_code(page, alice)
    take(page, "plain")


def test_own(settings, page, alice):
    use_frame(settings, "plain")
    enter_password(page, path="/accounts/login/?next=/two-factor/")
    expect_heading(page, "Security")
    start_setup(page)
    take(page, "own")


def with_style_sheet(page, name):
    style = Path(os.environ[name]).read_text()
    page.route("**/frame.css", lambda route: route.fulfill(body=style, content_type="text/css"))
    page.evaluate(
        """() => new Promise(loaded => document.head.append(Object.assign(document.createElement("link"),
        { rel: "stylesheet", href: "/frame.css", onload: loaded })))"""
    )


def test_bootstrap(settings, page, alice):
    settings.TWOFACTOR_CSS_CLASSES = "bootstrap"
    use_frame(settings, "bootstrap")
    show_wrong_code(page, alice)
    with_style_sheet(page, "BOOTSTRAP")
    take(page, "bootstrap")


def test_tailwind(settings, page, alice):
    recipe = {}
    block = re.search(r"## Tailwind.*?```python\n(.*?)```", PAGE.read_text(), re.DOTALL)[1]
    exec(block, recipe)  # noqa: S102 - of our own page
    settings.TWOFACTOR_CSS_CLASSES = recipe["TWOFACTOR_CSS_CLASSES"]
    use_frame(settings, "tailwind")
    show_wrong_code(page, alice)
    with_style_sheet(page, "TAILWIND")
    take(page, "tailwind")
