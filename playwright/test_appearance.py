"""Appearance: visible focus, contrast of edges, size of targets and text, motion, right to left."""

from io import BytesIO

import pytest
from actions import (
    KEY_PATTERN,
    enter_password,
    expect_heading,
    follow,
    open_session,
)
from colours_and_widths import NARROW, shown_as
from django.conf import settings
from javascript_modes import HTMX
from PIL import Image
from playwright.sync_api import expect
from screen_checks import fits_in_width

from tests.twofactor.sent_codes import add_number

pytestmark = HTMX

COLOUR_SCHEMES = [
    {"color_scheme": scheme, "forced_colors": forced}
    for forced in ("none", "active")
    for scheme in ("light", "dark")
]

# parts() reads a colour as [red, green, blue, opacity]; around() finds the background of an element.
COLOUR_FUNCTIONS = """
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const clear = (colour) => parts(colour)[3] === 0;
  const around = (place) => {
    const ground = getComputedStyle(place.parentElement).backgroundColor;
    return clear(ground) && place.parentElement.parentElement ? around(place.parentElement) : parts(ground);
  };"""
FOCUS_STATE = f"""() => {{ {COLOUR_FUNCTIONS}
  const place = document.activeElement;
  const {{ outlineWidth, outlineColor, outlineStyle }} = getComputedStyle(place);
  const box = place.getBoundingClientRect();
  const top = document.elementFromPoint(box.x + box.width / 2, box.y + Math.min(box.height / 2, 12));
  return {{
    name: place.textContent.trim() || place.name || place.tagName,
    body: place === document.body,
    width: outlineStyle === "none" ? 0 : parseFloat(outlineWidth),
    colours: place === document.body ? [] : [parts(outlineColor), around(place)],
    seen: !top || place.contains(top) || top.contains(place),
  }};
}}"""
# The colour of the border, or of the background where the border is transparent.
EDGE_COLOURS = f"""() => {{ {COLOUR_FUNCTIONS}
  return [...document.querySelectorAll("input, select, button, .button, .qr")]
    .filter((place) => place.checkVisibility())
    .filter((place) => !place.closest(".unseen, .link, .language, [type=checkbox]"))
    .map((place) => {{
      const {{ borderTopColor, backgroundColor }} = getComputedStyle(place);
      const edge = parts(clear(borderTopColor) ? backgroundColor : borderTopColor);
      return [place.textContent.trim() || place.name || place.className, edge, around(place)];
    }});
}}"""
SMALL_TARGETS = """() =>
  [...document.querySelectorAll("button, .button, summary, select, [type=checkbox], footer a")]
  .filter((place) => place.checkVisibility())
  .filter((place) => {
    const { width, height } = place.getBoundingClientRect();
    const least = place.matches(".link, [type=checkbox]") ? 24 : 44;
    return height < least || width < Math.min(least, 24);
  }).map((place) => place.outerHTML)"""
# The spacing of WCAG 1.4.12.
WIDE_TEXT_SPACING = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`p {margin-block-end: 2em !important}
    * {line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important}`);
  document.adoptedStyleSheets = [sheet];
}"""
DOUBLE_TEXT_SIZE = "() => { document.documentElement.style.fontSize = '200%' }"
CLIPPED_TEXT = """() => [...document.querySelectorAll("main *, header *, footer *")]
  .filter((place) => !place.closest(".unseen, .who, [hidden]"))
  .filter((place) => getComputedStyle(place).overflow === "hidden")
  .filter((place) => place.scrollWidth > place.clientWidth + 1 || place.scrollHeight > place.clientHeight + 1)
  .map((place) => place.outerHTML)"""

MOVING_ELEMENTS = """() => [...document.querySelectorAll("*")]
  .filter((place) => getComputedStyle(place).transitionDuration !== "0s")
  .concat(document.getAnimations())
  .map(String)"""


@pytest.fixture
def settings_page(page, alice, phone):
    open_session(page.context, alice, phone)
    page.goto("/two-factor/")
    return page


def switch_to_arabic(page):
    page.context.add_cookies(
        [{"name": settings.LANGUAGE_COOKIE_NAME, "value": "ar", "url": settings.TWOFACTOR_BASE_URL}]
    )
    page.reload()


# Focus


def luminance(colour):
    """The relative luminance of WCAG."""
    shares = [part / 255 for part in colour[:3]]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def picture(place):
    return Image.open(BytesIO(place.screenshot())).convert("RGB")


def focus_stops(page):
    """Each element that Tab reaches, until it has been around the page."""
    page.evaluate("document.activeElement.blur()")
    while True:
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUS_STATE)
        if found["body"]:
            return
        yield found


@pytest.mark.parametrize("path", ["/accounts/login/", "/two-factor/"])
def test_the_focus_is_visible_everywhere(settings_page, path):
    if path == "/accounts/login/":
        settings_page.context.clear_cookies()
    settings_page.goto(path)
    for media in COLOUR_SCHEMES:
        settings_page.emulate_media(**media)
        stops = list(focus_stops(settings_page))
        assert len(stops) > 6
        assert [stop for stop in stops if stop["width"] < 2 or not stop["seen"]] == []
        assert [stop for stop in stops if contrast(*stop["colours"]) < 3] == []


# Edges


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_fields_buttons_and_the_qr_code_show_where_they_end(codes_page, scheme):
    codes_page.emulate_media(color_scheme=scheme)
    expect(codes_page.get_by_role("button", name="Print")).to_be_visible()
    edges = codes_page.evaluate(EDGE_COLOURS)
    for path in ("/two-factor/setup/", "/accounts/password_change/"):
        codes_page.goto(path)
        edges += codes_page.evaluate(EDGE_COLOURS)
    assert len(edges) >= 10
    assert [name for name, *colours in edges if contrast(*colours) < 3] == []


def test_an_empty_checkbox_can_be_seen(codes_page):
    for scheme in ("light", "dark"):
        codes_page.emulate_media(color_scheme=scheme)
        box = picture(codes_page.get_by_label("I've saved my backup codes"))
        ground = box.getpixel((0, 0))
        assert max(contrast(ground, colour) for _, colour in box.getcolors(4096)) >= 3


def test_the_strongest_button_can_be_read_in_forced_colours(page, site):
    """axe cannot decide it."""
    page.goto("/accounts/login/")
    for scheme in ("light", "dark"):
        page.emulate_media(forced_colors="active", color_scheme=scheme)
        face = picture(page.get_by_role("main").get_by_role("button", name="Sign in", exact=True)).convert(
            "L"
        )
        darkest, brightest = face.getextrema()
        assert brightest - darkest > 200


# Size


def test_targets_are_big_enough_for_fingers(settings_page):
    for name in ("light", "dark, narrow"):
        with shown_as(settings_page, name):
            assert settings_page.evaluate(SMALL_TARGETS) == []


@pytest.mark.parametrize("change", [WIDE_TEXT_SPACING, DOUBLE_TEXT_SIZE], ids=["spaced", "twice as large"])
def test_nothing_is_cut_off_when_text_grows(codes_page, change):
    codes_page.set_viewport_size(NARROW)
    codes_page.evaluate(change)
    assert codes_page.evaluate(CLIPPED_TEXT) == []
    assert change is DOUBLE_TEXT_SIZE or fits_in_width(codes_page)


def test_every_backup_code_fits_on_the_narrowest_screen(codes_page):
    codes_page.set_viewport_size(NARROW)
    boxes = [code.bounding_box() for code in codes_page.get_by_role("main").get_by_role("listitem").all()]
    assert [box for box in boxes if box["x"] < 0 or box["x"] + box["width"] > NARROW["width"]] == []


def test_backup_codes_have_a_monospaced_font(codes_page):
    first = codes_page.get_by_role("main").get_by_role("listitem").first.get_by_role("code")
    assert "monospace" in first.evaluate("code => getComputedStyle(code).fontFamily")


# Motion


def test_nothing_moves_for_people_who_want_no_motion(settings_page):
    """conftest.py sets reduced_motion."""
    for name in ("Turn off", "Keep it on", "Make new backup codes"):
        follow(settings_page, name)
        expect(settings_page.get_by_role("heading", level=1)).to_be_visible()
        assert settings_page.evaluate(MOVING_ELEMENTS) == []


# From right to left


def test_the_layout_is_mirrored(settings_page):
    before = settings_page.get_by_role("link", name="Countersign").bounding_box()["x"]
    switch_to_arabic(settings_page)
    assert settings_page.get_by_role("link", name="Countersign").bounding_box()["x"] > before


def directions(places):
    return {place.evaluate("place => getComputedStyle(place).direction") for place in places}


def test_codes_and_the_key_are_read_from_left_to_right_everywhere(codes_page):
    switch_to_arabic(codes_page)
    main = codes_page.get_by_role("main")
    assert directions(main.get_by_role("code").all()) == {"ltr"}
    codes_page.goto("/two-factor/setup/")
    assert directions(main.get_by_text(KEY_PATTERN).all()) == {"ltr"}


def test_a_number_is_read_from_left_to_right_everywhere(settings_page, alice):
    add_number(alice)
    switch_to_arabic(settings_page)
    assert directions(settings_page.get_by_text("••• 67", exact=True).all()) == {"ltr"}


def test_a_code_is_typed_from_left_to_right_everywhere(page, phone):
    enter_password(page)
    expect_heading(page, "Check your authenticator app")
    switch_to_arabic(page)
    assert directions([page.get_by_role("main").get_by_role("textbox")]) == {"ltr"}


# Lines of text

TEXT_LINES = """button => { const range = document.createRange(); range.selectNodeContents(button);
  return [...range.getClientRects()].map(({ left, right }) => [Math.round(left), Math.round(right)]); }"""


@pytest.mark.parametrize(("direction", "side"), [("ltr", 0), ("rtl", 1)])
def test_a_long_label_wraps_in_line_with_the_others(page, alice, phone, direction, side):
    add_number(alice)
    enter_password(page)
    follow(page, "Try another way")
    page.set_viewport_size({"width": 320, "height": 640})
    page.evaluate("direction => document.documentElement.dir = direction", direction)
    page.evaluate(DOUBLE_TEXT_SIZE)
    lines = page.get_by_role("button", name="Send a code by text message").evaluate(TEXT_LINES)
    others = page.get_by_role("link", name="Authenticator app").evaluate(TEXT_LINES)
    assert len(lines) > 1
    assert {line[side] for line in lines} == {others[0][side]}
