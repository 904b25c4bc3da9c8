"""`make screens` takes the pictures in the README, and pictures of every screen in test-results/screens/."""

import re
from io import BytesIO
from itertools import product
from pathlib import Path

import pytest
from javascript_modes import HTMX
from journeys import JOURNEYS
from PIL import Image
from screen_checks import expect_content

from tests.people import PASSWORD, enrol, person

SHEETS = Path("test-results/screens")
WIDTHS, SCHEMES = (1280, 360), ("light", "dark")
SHEET_STYLE = "<!doctype html><meta charset=utf-8><style>img {width: 24%; vertical-align: top}</style>"
FOLDER = Path(__file__).parent / "screens"
SIZE = {"width": 390, "height": 760}
GAP = 24
TEXTS = FOLDER / "shown.txt"
# A key, how long ago, a date, or the version of the browser
CHANGING_TEXT = re.compile(
    r"\b[A-Z2-7]{32}\b|Just now|\d+ minutes? ago|\d+ [A-Z][a-z]+ \d{4}[\d:, ]*|(?<=Chrome )\d+"
)
COLOURS = 64  # of the palette; the screens have few colours


@HTMX
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_screens(context, scheme):
    shots = pictures(context, scheme)
    between = {"light": "#FFFFFF", "dark": "#0D1117"}[scheme]  # the background of GitHub
    sheet = Image.new("RGB", (len(shots) * (SIZE["width"] + GAP) - GAP, SIZE["height"]), between)
    for place, (shot, _) in enumerate(shots):
        sheet.paste(Image.open(BytesIO(shot)), (place * (SIZE["width"] + GAP), 0))
    FOLDER.mkdir(exist_ok=True)
    sheet.quantize(COLOURS).save(FOLDER / f"{scheme}.png", optimize=True)
    TEXTS.write_text("\n".join(text for _, text in shots))


def pictures(context, scheme):
    """A picture and the text of three screens. In the text, what differs each time is replaced."""
    ann, bob = person("ann@example.com", name="Ann"), person("bob@example.com", name="Bob")
    enrol(bob, [str(digit) * 15 for digit in range(10)])
    page = context.new_page()
    page.set_viewport_size(SIZE)
    page.emulate_media(color_scheme=scheme)
    shots = []
    for show, *user in ((show_setup, ann), (show_second_step, bob), (show_settings,)):
        show(page, *user)
        shots.append((page.screenshot(), CHANGING_TEXT.sub("…", page.inner_text("body"))))
    return shots


def sign_in(page, user):
    page.context.clear_cookies()
    page.goto("/accounts/login/?next=/two-factor/")
    page.get_by_label("Email address").fill(user.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in", exact=True).click()


def show_setup(page, user):
    sign_in(page, user)
    page.get_by_role("link", name="Set up two-factor authentication").click()
    page.get_by_role("heading", name="Scan the QR code").wait_for()


def show_second_step(page, user):
    sign_in(page, user)
    page.get_by_label("6-digit code").fill("123")
    page.mouse.move(0, 0)


def show_settings(page):
    page.get_by_label("6-digit code").fill("00000-00000-00000")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("heading", name="Security", exact=True).wait_for()


@pytest.mark.urls("tests.config.failing_urls")
@HTMX
@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.__name__)
def test_every_screen(page, journey):
    SHEETS.mkdir(parents=True, exist_ok=True)
    rows = []
    for name in journey(page):
        expect_content(page, name)
        rows += [f"<h2>{name}</h2>", *(picture(page, name, *look) for look in product(WIDTHS, SCHEMES))]
        page.set_viewport_size({"width": WIDTHS[0], "height": 800})
    page.mouse.move(0, 0)
    (SHEETS / f"{journey.__name__}.html").write_text("\n".join([SHEET_STYLE, *rows]))


def picture(page, name, width, scheme):
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    file = f"{name}-{width}-{scheme}.png"
    page.screenshot(path=SHEETS / file, full_page=True)
    return f'<img src="{file}" alt="{name}, {scheme}, {width} pixels wide">'
