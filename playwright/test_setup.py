"""Setting up in three steps, and what happens when people leave them."""

import json
import re
from io import BytesIO
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import zxingcpp
from actions import (
    ALICE,
    Phone,
    confirm_identity,
    continue_to_backup_codes,
    enrol,
    enter_code,
    enter_password,
    expect_announcement,
    expect_heading,
    finish_setup,
    follow,
    open_session,
    press,
    set_up,
    shown_codes,
    shown_key,
    sign_out,
    start_setup,
)
from django.conf import settings
from django.utils import timezone
from modes import HTMX, NO_JS
from PIL import Image
from playwright.sync_api import expect
from pypdf import PdfReader
from screen_checks import expect_screen

from twofactor import sealing
from twofactor.models import Authenticator

CODE_PATTERN = re.compile(r"^[0-9A-HJKMNP-TV-Z]{5}(-[0-9A-HJKMNP-TV-Z]{5}){2}$")
NOT_PRINTED = [
    *("Download", "Copy", "Print", "I've saved my backup codes", "Finish and turn on", "Cancel setup"),
    *("Alice", "Step 3 of 3", "Help", "Language"),
]
PHONE_SIZE = {"width": 320, "height": 640}
MEDIA = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "forced colours": {"color_scheme": "light", "forced_colors": "active"},
    "forced colours, dark": {"color_scheme": "dark", "forced_colors": "active"},
    "print": {"color_scheme": "dark", "forced_colors": "none", "media": "print"},
}


@pytest.fixture
def signed_in(page, alice):
    open_session(page.context, alice)
    return page


def scan(page):
    """The content of the QR code, as a camera reads it from the screen."""
    picture = page.get_by_role("img").screenshot()
    return zxingcpp.read_barcode(Image.open(BytesIO(picture))).text


# All three steps


@pytest.mark.proves("3.6.1")
def test_a_scanned_key_turns_two_factor_on_and_signs_in(page, alice):
    enter_password(page)
    expect_heading(page, "Hello, Alice")
    start_setup(page)
    expect_screen(page, "setup")
    phone = Phone(parse_qs(urlsplit(scan(page)).query)["secret"][0])
    continue_to_backup_codes(page, phone)
    finish_setup(page)
    expect(page.get_by_role("heading", name="Two-factor authentication On")).to_be_visible()
    sign_out(page, alice)
    enter_password(page)
    expect_heading(page, "Check your authenticator app")
    enter_code(page, phone.code())
    expect_heading(page, "Hello, Alice")


def test_replacing_the_authenticator_asks_who_it_is_first(page, alice):
    old = enrol(alice)
    open_session(page.context, alice, old)
    page.goto("/two-factor/")
    follow(page, "Replace authenticator app")
    confirm_identity(page, old)
    expect_heading(page, "Scan the QR code")
    continue_to_backup_codes(page, Phone(shown_key(page)))
    finish_setup(page)
    assert key_in_use(alice) != old.key


def key_in_use(user):
    sealed = Authenticator.objects.get(pk=user.pk).sealed_key
    return sealing.unseal(Authenticator.PURPOSE, str(user.pk), sealed, timezone.now())


@HTMX
def test_the_steps_swap_in_place(signed_in):
    signed_in.goto("/two-factor/")
    signed_in.evaluate("window.here = true")
    set_up_in_place(signed_in)
    assert signed_in.evaluate("window.here")


def set_up_in_place(page):
    follow(page, "Set up two-factor authentication")
    expect_heading(page, "Scan the QR code")
    continue_to_backup_codes(page, Phone(shown_key(page)))
    finish_setup(page)


# The QR code and the key


@HTMX
def test_a_camera_reads_the_code_in_every_look(signed_in):
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
        [{"name": settings.LANGUAGE_COOKIE_NAME, "value": "ar", "url": settings.BASE_URL}]
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
def test_the_code_has_four_modules_of_room_around_it(signed_in):
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
    signed_in.get_by_role("main").get_by_text(phone.key).select_text()
    signed_in.keyboard.press("Control+C")
    assert signed_in.evaluate("navigator.clipboard.readText()").strip() == phone.key


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


# The key stays the same


@NO_JS
def test_a_reload_shows_the_same_key(signed_in):
    phone = start_setup(signed_in)
    signed_in.reload()
    assert shown_key(signed_in) == phone.key


@HTMX
def test_a_second_tab_shows_the_same_key(signed_in, context):
    phone = start_setup(signed_in)
    second = context.new_page()
    second.goto("/two-factor/setup/")
    assert shown_key(second) == phone.key


def test_after_a_wrong_code_the_same_key_still_counts(signed_in):
    phone = start_setup(signed_in)
    follow(signed_in, "Continue")
    enter_code(signed_in, phone.wrong_code(), "Continue")
    field = signed_in.get_by_label("6-digit code")
    expect(field).to_have_accessible_description(re.compile("The code is not correct"))
    expect(field).to_have_value("")
    expect(field).to_be_focused()
    follow(signed_in, "Show the QR code again")
    expect_heading(signed_in, "Scan the QR code")
    assert shown_key(signed_in) == phone.key
    continue_to_backup_codes(signed_in, phone)


@HTMX
def test_back_from_step_2_shows_the_same_key_on_a_whole_page(signed_in):
    phone = start_setup(signed_in)
    follow(signed_in, "Continue")
    expect_heading(signed_in, "Enter the code from your app")
    signed_in.go_back()
    expect_heading(signed_in, "Scan the QR code")
    assert shown_key(signed_in) == phone.key
    expect(signed_in.get_by_role("navigation", name="Account")).to_be_visible()


@HTMX
def test_what_is_misspelt_stays_in_the_field(signed_in):
    start_setup(signed_in)
    follow(signed_in, "Continue")
    enter_code(signed_in, "12345", "Continue")
    field = signed_in.get_by_label("6-digit code")
    expect(field).to_have_accessible_description(re.compile("The code must be 6 digits."))
    expect(field).to_have_value("12345")


# Backup codes


@NO_JS
def test_ten_codes_are_shown(codes_page):
    assert [bool(CODE_PATTERN.match(code)) for code in shown_codes(codes_page)] == [True] * 10


@NO_JS
def test_a_reload_shows_the_same_codes(codes_page):
    codes = shown_codes(codes_page)
    codes_page.reload()
    assert shown_codes(codes_page) == codes


def test_finishing_without_the_tick_keeps_the_codes_on_screen(codes_page):
    codes = shown_codes(codes_page)
    press(codes_page, "Finish and turn on")
    box = codes_page.get_by_label("I've saved my backup codes")
    expect(box).to_have_accessible_description(re.compile("Save the codes, then tick the box."))
    expect(box).to_be_focused()
    expect(codes_page).to_have_title(re.compile("^Error: "))
    assert shown_codes(codes_page) == codes
    assert not Authenticator.objects.exists()


@NO_JS
def test_the_file_holds_what_is_on_screen(codes_page, alice):
    with codes_page.expect_download() as download:
        follow(codes_page, "Download")
    assert download.value.suggested_filename == "countersign-backup-codes.txt"
    issuer, account, _date, _gap, *codes = download.value.path().read_text("utf-8").splitlines()
    assert (issuer, account, codes) == ("Countersign", alice.email, shown_codes(codes_page))


@HTMX
def test_codes_are_copied_one_to_a_line(codes_page, context):
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    press(codes_page, "Copy")
    expect_announcement(codes_page, "Backup codes copied")
    assert codes_page.evaluate("navigator.clipboard.readText()").splitlines() == shown_codes(codes_page)


@HTMX
def test_a_refused_clipboard_is_told_and_the_codes_are_selected(codes_page):
    codes_page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error()) }")
    press(codes_page, "Copy")
    expect_announcement(
        codes_page,
        "Your browser didn't allow copying. The codes are selected, so you can copy them yourself.",
    )
    assert codes_page.evaluate("String(getSelection())").split() == shown_codes(codes_page)


@NO_JS
def test_without_javascript_there_is_no_dead_button(codes_page):
    buttons = codes_page.get_by_role("main").get_by_role("button").all_text_contents()
    assert buttons == ["Finish and turn on", "Cancel setup"]


@HTMX
def test_paper_has_codes_app_account_and_date_alone(codes_page, alice):
    codes_page.emulate_media(media="print", color_scheme="dark")
    [sheet] = PdfReader(BytesIO(codes_page.pdf())).pages
    printed = sheet.extract_text()
    whose = f"Countersign · {alice.email} · {timezone.now().date()}"
    assert [text for text in (whose, *shown_codes(codes_page)) if text not in printed] == []
    assert [text for text in NOT_PRINTED if text in printed] == []
    assert (
        codes_page.get_by_role("main").evaluate("main => getComputedStyle(main).color") == "rgb(26, 27, 30)"
    )


# Leaving before the end


def test_what_was_not_finished_is_offered_and_protects_nothing(codes_page, alice):
    codes_page.goto("/two-factor/")
    expect(codes_page.get_by_role("main")).to_contain_text(
        "Setup isn't finished. Your password alone is still enough"
    )
    follow(codes_page, "Continue setup")
    expect_heading(codes_page, "Save your backup codes")
    sign_out(codes_page, alice)
    enter_password(codes_page)
    expect_heading(codes_page, "Hello, Alice")


@pytest.mark.parametrize("step", [1, 2, 3])
@HTMX
def test_cancel_leads_back_and_nothing_has_changed(signed_in, step):
    phone = start_setup(signed_in)
    if step == 2:
        follow(signed_in, "Continue")
    elif step == 3:
        continue_to_backup_codes(signed_in, phone)
    press(signed_in, "Cancel setup")
    expect_heading(signed_in, "Security")
    expect(signed_in.get_by_text("Setup cancelled. Nothing has changed.")).to_be_visible()
    expect(signed_in.get_by_role("link", name="Set up two-factor authentication")).to_be_visible()


# Secrets and reminders


@pytest.mark.proves("14.3.3", "N-14")
@HTMX
def test_no_secret_stays_in_the_browsers_storage(signed_in):
    phone = start_setup(signed_in)
    continue_to_backup_codes(signed_in, phone)
    codes = shown_codes(signed_in)
    finish_setup(signed_in)
    kept = signed_in.evaluate("JSON.stringify([sessionStorage, localStorage])")
    assert [secret for secret in (phone.key, ALICE, *codes) if secret in kept] == []


@pytest.mark.proves("14.2.1")
@HTMX
def test_no_address_ever_holds_a_secret(signed_in, context):
    asked = []
    context.on("request", lambda request: asked.append(request.url))
    phone = start_setup(signed_in)
    continue_to_backup_codes(signed_in, phone)
    codes = shown_codes(signed_in)
    finish_setup(signed_in)
    assert [secret for secret in (phone.key, ALICE, *codes) if secret in json.dumps(asked)] == []


@NO_JS
def test_once_acknowledged_the_codes_are_gone(signed_in):
    set_up(signed_in)
    signed_in.goto("/two-factor/setup/codes/")
    expect(signed_in.get_by_text(CODE_PATTERN)).to_have_count(0)


def test_a_dismissed_reminder_stays_on_its_page(page, alice):
    open_session(page.context, alice)
    page.goto("/")
    page.get_by_role("button", name="Dismiss two-factor authentication reminder").click()
    expect(page.get_by_text("Reminder dismissed.").last).to_be_attached()
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    expect_heading(page, "Hello, Alice")


def test_a_reminder_dismissed_in_an_ended_session_leads_back_to_its_page(page, alice):
    open_session(page.context, alice)
    page.goto("/")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Dismiss two-factor authentication reminder").click()
    expect(page.get_by_text("You were signed out. Sign in to continue.")).to_be_visible()
    enter_password(page, path=page.url)
    expect_heading(page, "Hello, Alice")
