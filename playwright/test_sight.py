"""What eyes meet: focus that shows, text that grows, fingers that hit, letters from right to left, paper."""

import pytest
from django.conf import settings
from looks import NARROW, look
from modes import HTMX
from steps import fits
from walks import enter, give_password, see, start_set_up, to_codes

pytestmark = HTMX

# Of what has the focus: how wide its outline is, and its contrast to what lies around it.
OUTLINE = """() => {
  const luminance = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map((part) => part / 255)
      .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  const place = document.activeElement;
  const { outlineWidth, outlineColor, outlineStyle } = getComputedStyle(place);
  let around = place.parentElement;
  const ground = (element) => getComputedStyle(element).backgroundColor;
  while (around.parentElement && /, 0\\)|transparent/.test(ground(around))) around = around.parentElement;
  const behind = /, 0\\)|transparent/.test(ground(around)) ? ground(document.body) : ground(around);
  const box = place.getBoundingClientRect();
  const top = document.elementFromPoint(box.x + box.width / 2, box.y + Math.min(box.height / 2, 12));
  return {
    name: place.textContent.trim() || place.name || place.tagName,
    body: place === document.body,
    width: outlineStyle === "none" ? 0 : parseFloat(outlineWidth),
    contrast: contrast(outlineColor, behind),
    seen: !top || place.contains(top) || top.contains(place),
  };
}"""
SMALL = """() => [...document.querySelectorAll("button, .button, summary, select, [type=checkbox], footer a")]
  .filter((place) => place.checkVisibility())
  .filter((place) => {
    const { width, height } = place.getBoundingClientRect();
    const least = place.matches(".link, [type=checkbox]") ? 24 : 44;
    return height < least || width < Math.min(least, 24);
  }).map((place) => place.outerHTML)"""
# WCAG 1.4.12, as its bookmarklet sets it.
SPACED = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`p {margin-block-end: 2em !important}
    * {line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important}`);
  document.adoptedStyleSheets = [sheet];
}"""
TWICE = "() => { document.documentElement.style.fontSize = '200%' }"
CLIPPED = """() => [...document.querySelectorAll("main *, header *, footer *")]
  .filter((place) => !place.closest(".unseen, .who, [hidden]"))
  .filter((place) => getComputedStyle(place).overflow === "hidden")
  .filter((place) => place.scrollWidth > place.clientWidth + 1 || place.scrollHeight > place.clientHeight + 1)
  .map((place) => place.outerHTML)"""

MOVING = """() => [...document.querySelectorAll("*")]
  .filter((place) => getComputedStyle(place).transitionDuration !== "0s")
  .concat(document.getAnimations())
  .map(String)"""


@pytest.fixture
def settings_page(page, alice, phone):
    enter(page.context, alice, phone)
    page.goto("/two-factor/")
    return page


@pytest.fixture
def at_codes(page, alice):
    enter(page.context, alice)
    to_codes(page, start_set_up(page))
    return page


def in_arabic(page):
    page.context.add_cookies(
        [{"name": settings.LANGUAGE_COOKIE_NAME, "value": "ar", "url": settings.BASE_URL}]
    )
    page.reload()


# Focus


def tabbed(page):
    """What the keyboard comes by, once round the page."""
    while True:
        page.keyboard.press("Tab")
        found = page.evaluate(OUTLINE)
        if found["body"]:
            return
        yield found


@pytest.mark.parametrize("how", ["light", "dark", "forced colours"])
@pytest.mark.parametrize("path", ["/accounts/login/", "/two-factor/"])
def test_wherever_the_keyboard_is_can_be_seen(settings_page, how, path):
    if path == "/accounts/login/":
        settings_page.context.clear_cookies()
    settings_page.goto(path)
    with look(settings_page, how):
        settings_page.evaluate("document.activeElement.blur()")
        stops = list(tabbed(settings_page))
    assert len(stops) > 6
    assert [stop for stop in stops if stop["width"] < 2 or stop["contrast"] < 3 or not stop["seen"]] == []


# Size


@pytest.mark.parametrize("name", ["light", "narrow"])
def test_fingers_hit_what_they_aim_at(settings_page, name):
    with look(settings_page, name):
        assert settings_page.evaluate(SMALL) == []


@pytest.mark.parametrize("change", [SPACED, TWICE], ids=["spaced", "twice as large"])
def test_nothing_is_cut_off_when_text_grows(at_codes, change):
    at_codes.set_viewport_size(NARROW)
    at_codes.evaluate(change)
    assert at_codes.evaluate(CLIPPED) == []
    assert change is TWICE or fits(at_codes)


def test_every_backup_code_fits_on_the_narrowest_screen(at_codes):
    at_codes.set_viewport_size(NARROW)
    boxes = [code.bounding_box() for code in at_codes.get_by_role("main").get_by_role("listitem").all()]
    assert [box for box in boxes if box["x"] < 0 or box["x"] + box["width"] > NARROW["width"]] == []


def test_backup_codes_are_set_in_a_typewriter_face(at_codes):
    first = at_codes.get_by_role("main").get_by_role("listitem").first.get_by_role("code")
    assert "monospace" in first.evaluate("code => getComputedStyle(code).fontFamily")


# Motion


def test_nothing_moves_for_whoever_wants_no_motion(settings_page):
    settings_page.emulate_media(reduced_motion="reduce")
    assert settings_page.evaluate(MOVING) == []


# From right to left


def test_the_page_says_its_language_and_direction(settings_page):
    in_arabic(settings_page)
    page = settings_page.evaluate("[document.documentElement.lang, document.documentElement.dir]")
    assert page == ["ar", "rtl"]


def test_the_layout_is_mirrored(settings_page):
    before = settings_page.get_by_role("link", name="Countersign").bounding_box()["x"]
    in_arabic(settings_page)
    assert settings_page.get_by_role("link", name="Countersign").bounding_box()["x"] > before


def test_codes_are_read_from_left_to_right_everywhere(at_codes):
    in_arabic(at_codes)
    codes = at_codes.get_by_role("main").get_by_role("code").all()
    assert {code.evaluate("code => getComputedStyle(code).direction") for code in codes} == {"ltr"}


def test_a_code_is_typed_from_left_to_right_everywhere(page, phone):
    give_password(page)
    see(page, "Enter the code")
    in_arabic(page)
    field = page.get_by_role("main").get_by_role("textbox")
    assert field.evaluate("field => getComputedStyle(field).direction") == "ltr"


@pytest.mark.parametrize("path", ["", "disable/", "backup-codes/", "confirm/", "activity/"])
def test_nothing_sticks_out_in_arabic(settings_page, path):
    settings_page.goto(f"/two-factor/{path}")
    in_arabic(settings_page)
    settings_page.set_viewport_size(NARROW)
    assert fits(settings_page)
