"""Backup codes: shown and saved at the setup, used at the sign-in, replaced later."""

import re
from io import BytesIO

import filled_forms
from actions import (
    enter_code,
    enter_password,
    expect_announcement,
    expect_heading,
    follow,
    open_session,
    press,
    set_up,
    shown_codes,
)
from django.core import mail
from django.utils import timezone
from javascript_modes import HTMX, NO_JS
from playwright.sync_api import expect
from pypdf import PdfReader

from tests.people import PRINTED_CODES
from twofactor.models import Authenticator, BackupCode
from twofactor.outgoing.outbox import send_due

CODE_PATTERN = re.compile(r"^[0-9A-HJKMNP-TV-Z]{5}(-[0-9A-HJKMNP-TV-Z]{5}){2}$")
NOT_PRINTED = [
    *("Download", "Copy", "Print", "I've saved my backup codes", "Finish and turn on", "Cancel setup"),
    *("Alice", "Step 3 of 3", "Help", "Language"),
]


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
        "Your browser didn't allow copying. The codes are selected, so copy them yourself.",
    )
    assert codes_page.evaluate("String(getSelection())").split() == shown_codes(codes_page)


@NO_JS
def test_without_javascript_there_is_no_dead_button(codes_page):
    buttons = codes_page.get_by_role("main").get_by_role("button").all_text_contents()
    assert buttons == ["Finish and turn on", "Cancel setup"]


@HTMX
def test_the_printed_page_has_only_codes_site_account_and_date(codes_page, alice):
    codes_page.emulate_media(media="print", color_scheme="dark")
    [sheet] = PdfReader(BytesIO(codes_page.pdf())).pages
    printed = sheet.extract_text()
    whose = f"Countersign · {alice.email} · {timezone.now().date()}"
    assert [text for text in (whose, *shown_codes(codes_page)) if text not in printed] == []
    assert [text for text in NOT_PRINTED if text in printed] == []
    assert (
        codes_page.get_by_role("main").evaluate("main => getComputedStyle(main).color") == "rgb(26, 27, 30)"
    )


@NO_JS
def test_once_acknowledged_the_codes_are_gone(page, alice):
    open_session(page.context, alice)
    set_up(page)
    page.goto("/two-factor/setup/codes/")
    expect(page.get_by_text(CODE_PATTERN)).to_have_count(0)


# At the sign-in, and new codes


@NO_JS
def test_using_a_backup_code_sends_a_mail(page, phone):
    enter_password(page)
    enter_code(page, PRINTED_CODES[0])
    expect_heading(page, "Hello, Alice")
    send_due()
    assert "One of your backup codes was used" in mail.outbox[-1].subject


@NO_JS
def test_the_page_after_a_backup_code_says_how_many_are_left(page, phone):
    enter_password(page)
    enter_code(page, PRINTED_CODES[0])
    expect(page.get_by_role("main")).to_contain_text("You have 2 backup codes left. Make new ones soon.")


@NO_JS
def test_a_used_backup_code_is_refused_with_the_reason(page, phone):
    enter_password(page)
    enter_code(page, PRINTED_CODES[0])
    expect_heading(page, "Hello, Alice")
    page.context.clear_cookies()
    enter_password(page)
    enter_code(page, PRINTED_CODES[0])
    expect(page.get_by_label("6-digit code")).to_have_accessible_description(re.compile("already used"))


@HTMX
def test_leaving_without_saving_keeps_the_old_codes(page, site):
    filled_forms.make_new_codes(page).click()
    expect_heading(page, "Save your new backup codes")
    page.goto("/two-factor/")
    expect(page.get_by_text("The old ones work until you do.")).to_be_visible()
    page.context.clear_cookies()
    enter_password(page)
    enter_code(page, PRINTED_CODES[0])
    expect_heading(page, "Hello, Alice")


@HTMX
def test_cancelling_new_codes_keeps_the_old_codes(page, site):
    filled_forms.make_new_codes(page)
    before = list(BackupCode.objects.values())
    follow(page, "Keep the old codes")
    expect_heading(page, "Security")
    assert list(BackupCode.objects.values()) == before
