"""The QR code and the key: what a camera reads, and other ways to move the key to an app."""

from io import BytesIO
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import zxingcpp
from actions import (
    ALICE,
    Phone,
    continue_to_backup_codes,
    enter_code,
    enter_password,
    expect_announcement,
    expect_heading,
    finish_setup,
    follow,
    press,
    sign_out,
    start_setup,
)
from django.conf import settings
from javascript_modes import HTMX, NO_JS
from PIL import Image
from playwright.sync_api import expect
from screen_checks import accessibility_problems, expect_screen, fits_in_width

WINDOW, TELEPHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
PHONE_SIZE = {"width": 320, "height": 640}
MEDIA = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "forced colours": {"color_scheme": "light", "forced_colors": "active"},
    "forced colours, dark": {"color_scheme": "dark", "forced_colors": "active"},
    "print": {"color_scheme": "dark", "forced_colors": "none", "media": "print"},
}


def scan(page):
    """The content of the QR code, as a camera reads it from the screen."""
    picture = page.get_by_role("img").screenshot()
    return zxingcpp.read_barcode(Image.open(BytesIO(picture))).text


def unfold(page, summary):
    page.get_by_role("main").get_by_text(summary, exact=True).click()


@pytest.mark.proves("3.6.1")
def test_a_scanned_key_turns_two_factor_on_and_signs_in(page, alice):
    enter_password(page)
    expect_heading(page, "Hello, Alice")
    start_setup(page)
    expect_screen(page, "setup")
    phone = Phone(parse_qs(urlsplit(scan(page)).query)["secret"][0])
    continue_to_backup_codes(page, phone)
    finish_setup(page)
    expect(page.get_by_text("On since")).to_be_visible()
    sign_out(page, alice)
    enter_password(page)
    expect_heading(page, "Check your authenticator app")
    enter_code(page, phone.code())
    expect_heading(page, "Hello, Alice")


@HTMX
def test_a_camera_reads_the_code_in_every_appearance(signed_in):
    start_setup(signed_in)
    address = scan(signed_in)
    read = {}
    for name, media in MEDIA.items():
        signed_in.emulate_media(**media)
        read[name] = scan(signed_in)
    signed_in.emulate_media(media="screen", color_scheme="light", forced_colors="none")
    signed_in.set_viewport_size(PHONE_SIZE)
    read["320 px"] = scan(signed_in)
    signed_in.evaluate("document.documentElement.style.fontSize = '200%'")
    read["text of 200 %"] = scan(signed_in)
    signed_in.context.add_cookies(
        [{"name": settings.LANGUAGE_COOKIE_NAME, "value": "ar", "url": settings.TWOFACTOR_BASE_URL}]
    )
    signed_in.reload()
    read["right to left"] = scan(signed_in)
    assert read == dict.fromkeys(read, address)


@HTMX
def test_the_code_is_big_enough_for_a_camera(signed_in):
    start_setup(signed_in)
    signed_in.set_viewport_size(PHONE_SIZE)
    box = signed_in.get_by_role("img").bounding_box()
    assert min(box["width"], box["height"]) >= 160


@HTMX
def test_the_code_has_a_margin_of_four_modules(signed_in):
    start_setup(signed_in)
    picture = Image.open(BytesIO(signed_in.get_by_role("img").screenshot())).convert("L")
    dark = picture.point(lambda brightness: 255 if brightness < 64 else 0)
    left, top, *_ = dark.getbbox()
    finder = [dark.getpixel((x, top)) for x in range(left, dark.width)].index(0)  # seven modules wide
    assert min(left, top) >= 4 * finder / 7


@HTMX
def test_the_code_says_what_it_is_and_not_the_key(signed_in):
    phone = start_setup(signed_in)
    picture = signed_in.get_by_role("img")
    expect(picture).to_have_accessible_name(
        "QR code for your authenticator app. The key to enter by hand follows."
    )
    assert phone.key not in picture.evaluate("picture => picture.ariaLabel")


@HTMX
def test_the_code_names_account_and_issuer(signed_in):
    start_setup(signed_in)
    address = urlsplit(scan(signed_in))
    assert (unquote(address.path), parse_qs(address.query)["issuer"]) == (
        f"/Countersign:{ALICE}",
        ["Countersign"],
    )


@HTMX
def test_the_key_is_copied_without_its_gaps(signed_in, context):
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    phone = start_setup(signed_in)
    unfold(signed_in, "Can't scan it?")
    signed_in.get_by_role("main").get_by_text(phone.key).select_text()
    signed_in.keyboard.press("Control+C")
    assert signed_in.evaluate("navigator.clipboard.readText()").strip() == phone.key


@HTMX
def test_a_button_copies_the_key_without_its_gaps(signed_in, context):
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    phone = start_setup(signed_in)
    unfold(signed_in, "Can't scan it?")
    press(signed_in, "Copy")
    expect_announcement(signed_in, "Key copied")
    assert signed_in.evaluate("navigator.clipboard.readText()") == phone.key


@NO_JS
def test_without_a_script_the_key_can_be_unfolded_and_has_no_button_to_copy_it(signed_in):
    phone = start_setup(signed_in)
    key = signed_in.get_by_role("main").get_by_text(phone.key)
    expect(key).to_be_hidden()
    unfold(signed_in, "Can't scan it?")
    expect(key).to_be_visible()
    expect(signed_in.get_by_role("button", name="Copy")).to_be_hidden()


@HTMX
def test_what_is_folded_is_accessible_too(signed_in):
    start_setup(signed_in)
    unfold(signed_in, "What is an authenticator app?")
    unfold(signed_in, "Can't scan it?")
    for width in (1280, 320):
        signed_in.set_viewport_size({"width": width, "height": 640})
        assert fits_in_width(signed_in)
        assert accessibility_problems(signed_in) == []


@HTMX
def test_the_link_for_this_device_carries_the_same_key(signed_in):
    phone = start_setup(signed_in)
    link = signed_in.get_by_role("link", name="Open in an authenticator app on this device")
    assert parse_qs(urlsplit(link.get_attribute("href")).query)["secret"] == [phone.key]


@HTMX
def test_a_phone_offers_its_own_app_before_the_picture(signed_in):
    start_setup(signed_in)
    signed_in.set_viewport_size(PHONE_SIZE)
    link = signed_in.get_by_role("link", name="Open in an authenticator app on this device")
    assert link.bounding_box()["y"] < signed_in.get_by_role("img").bounding_box()["y"]


# Where things stand


def bottom(place):
    box = place.bounding_box()
    return box["y"] + box["height"]


@pytest.mark.parametrize("size", [WINDOW, TELEPHONE], ids=["window", "telephone"])
def test_both_steps_need_no_scrolling_to_continue(signed_in, size):
    signed_in.set_viewport_size(size)
    start_setup(signed_in)
    main = signed_in.get_by_role("main")
    assert bottom(main.get_by_role("link", name="Continue")) <= size["height"]
    follow(signed_in, "Continue")
    expect_heading(signed_in, "Enter the code from your app")
    assert bottom(main.get_by_role("button", name="Continue")) <= size["height"]


@HTMX
def test_on_a_telephone_a_passkey_is_offered_above_the_picture(signed_in):
    signed_in.set_viewport_size(TELEPHONE)
    start_setup(signed_in)
    offer = signed_in.get_by_role("button", name="Use a passkey instead")
    assert bottom(offer) < signed_in.get_by_role("img").bounding_box()["y"]


def test_the_second_step_has_the_picture_beside_the_field(signed_in):
    signed_in.set_viewport_size(WINDOW)
    start_setup(signed_in)
    address = scan(signed_in)
    follow(signed_in, "Continue")
    expect_heading(signed_in, "Enter the code from your app")
    assert scan(signed_in) == address
    field, picture = signed_in.get_by_label("6-digit code"), signed_in.get_by_role("img")
    box, beside = field.bounding_box(), picture.bounding_box()
    assert box["x"] + box["width"] < beside["x"]
    assert beside["y"] < box["y"] < bottom(picture) <= WINDOW["height"]
    expect(signed_in.get_by_text("Show the QR code again")).to_be_hidden()


def test_on_a_telephone_the_second_step_folds_the_picture(signed_in):
    signed_in.set_viewport_size(TELEPHONE)
    start_setup(signed_in)
    address = scan(signed_in)
    follow(signed_in, "Continue")
    expect_heading(signed_in, "Enter the code from your app")
    expect(signed_in.get_by_role("img")).to_be_hidden()
    unfold(signed_in, "Show the QR code again")
    assert scan(signed_in) == address
