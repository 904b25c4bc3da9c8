"""The pictures of docs/how-to/frame.md, with Bootstrap's style sheet from a file, as nothing is fetched here:

BOOTSTRAP=…/bootstrap.min.css .venv/bin/pytest playwright/frame_pictures.py
"""

import os
from pathlib import Path

import pytest
from actions import enrol, enter_code, enter_password, expect_heading, start_setup
from PIL import Image
from test_frames import use_frame

FOLDER = Path(__file__).parent.parent / "docs/pictures"
SIZE = {"width": 800, "height": 740}
COLOURS = 64  # of the palette


@pytest.fixture
def page(new_context, site):
    """Without our policy, which would refuse the pictures in Bootstrap's style sheet."""
    return new_context(base_url=site, viewport=SIZE, bypass_csp=True).new_page()


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


def test_bootstrap(settings, page, alice):
    settings.TWOFACTOR_CSS_CLASSES = "bootstrap"
    use_frame(settings, "bootstrap")
    style = Path(os.environ["BOOTSTRAP"]).read_text()
    page.route("**/bootstrap.css", lambda route: route.fulfill(body=style, content_type="text/css"))
    show_wrong_code(page, alice)
    page.evaluate(
        """() => new Promise(loaded => document.head.append(Object.assign(document.createElement("link"),
        { rel: "stylesheet", href: "/bootstrap.css", onload: loaded })))"""
    )
    take(page, "bootstrap")
