"""Rows that change in place: scroll position and focus, with the keyboard alone, and with whole pages."""

import re

import pytest
from actions import (
    add_devices,
    bring_to_front,
    expect_announcement,
    expect_heading,
    open_session,
)
from django.utils import timezone
from javascript_modes import HTMX, MODES, NO_JS
from playwright.sync_api import expect
from screen_checks import accessibility_problems, fits_in_width, load_axe_in_every_page

from tests.people import add_app
from twofactor.factors import totp
from twofactor.models import Authenticator, BackupCode, TokenFamily

SETTINGS, DEVICES = "/two-factor/", "/two-factor/devices/"
SMALL = {"width": 360, "height": 640}  # every page here is longer than the window
IN_VIEW = """element => {
    const { top, bottom } = element.getBoundingClientRect();
    return top >= -1 && bottom <= innerHeight + 1; // half a pixel is no difference
}"""


@pytest.fixture
def rows(page, alice, phone):
    """Alice has three apps and five devices."""
    for name in ("Tablet", "Work phone"):
        add_app(alice, totp.generate_key(), timezone.now(), name=name)
    open_session(page.context, alice, phone)
    add_devices(alice, phone)
    page.set_viewport_size(SMALL)
    return page


def control(page, name, role="link"):
    return page.get_by_role("main").get_by_role(role, name=name, exact=True)


def scroll_position(page):
    return page.evaluate("scrollY")


def reach(page, place):
    """In the middle of the window, so that it is seen if anything moves."""
    place.evaluate("element => element.scrollIntoView({ block: 'center' })")
    place.focus()
    assert scroll_position(page) > 0
    return scroll_position(page)


def press_key(page, place, key="Enter"):
    """Returns where the page is scrolled to meanwhile."""
    before = reach(page, place)
    page.keyboard.press(key)
    return before


def expect_focus(page, place, *, scrolled_to=None):
    expect(place).to_be_focused()
    assert place.evaluate(IN_VIEW)
    if scrolled_to is not None:
        assert abs(scroll_position(page) - scrolled_to) <= 1


# With htmx


def open_form(page, name):
    """Returns where the page is scrolled to meanwhile, and the field, which htmx has got ready."""
    before = press_key(page, control(page, f"Rename {name}"))
    field = page.get_by_label("Name", exact=True)
    expect(page.get_by_role("listitem").filter(has=field)).not_to_have_class(re.compile("htmx-added"))
    expect_focus(page, field, scrolled_to=before)
    return before, field


RENAMED = [(SETTINGS, "Tablet"), (DEVICES, "OkHttp 4")]


@HTMX
@pytest.mark.parametrize(("path", "name"), RENAMED)
def test_a_row_is_renamed_where_it_is(rows, path, name):
    rows.goto(path)
    before, _ = open_form(rows, name)
    rows.keyboard.press("Control+A")
    rows.keyboard.type("New name")
    rows.keyboard.press("Enter")
    expect_focus(rows, control(rows, "Rename New name"), scrolled_to=before)
    expect_announcement(rows, "The name was changed. You can undo this.")
    assert rows.url.endswith(path)


@HTMX
@pytest.mark.parametrize(("path", "name"), RENAMED)
def test_cancelling_brings_the_row_back(rows, path, name):
    rows.goto(path)
    before, _ = open_form(rows, name)
    for _ in range(2):
        rows.keyboard.press("Tab")
    rows.keyboard.press("Enter")
    expect_focus(rows, control(rows, f"Rename {name}"), scrolled_to=before)


@HTMX
def test_a_refused_name_is_told_in_the_row(rows):
    load_axe_in_every_page(rows)
    rows.goto(SETTINGS)
    before, field = open_form(rows, "Tablet")
    rows.keyboard.press("Control+A")
    rows.keyboard.press("Delete")
    rows.keyboard.press("Enter")
    expect(rows.get_by_text("Enter a name.")).to_be_visible()
    expect_focus(rows, field, scrolled_to=before)
    expect(field).to_have_accessible_description("Error: Enter a name.")
    assert (accessibility_problems(rows), fits_in_width(rows)) == ([], True)


@HTMX
def test_two_rows_are_renamed_one_after_the_other(rows):
    rows.goto(SETTINGS)
    for name in ("Tablet", "Work phone"):
        control(rows, f"Rename {name}").click()
    fields = rows.get_by_label("Name", exact=True)
    expect(fields).to_have_count(2)
    save = rows.get_by_role("main").get_by_role("button", name="Save")
    fields.last.fill("Second")
    save.last.click()
    expect(control(rows, "Rename Second")).to_be_focused()
    expect(fields).to_have_count(1)
    fields.fill("First")
    save.click()
    expect(control(rows, "Rename First")).to_be_focused()
    told = rows.get_by_role("main").get_by_text("The name was changed.")
    expect(told).to_have_count(2)  # each has its Undo until the page is left


@HTMX
@pytest.mark.parametrize(
    ("button", "then", "sentence"),
    [
        (
            "Sign out Chrome 142 on iPhone",
            "Rename OkHttp 4",
            "Chrome 142 on iPhone was signed out.",
        ),
        (
            "Stop trusting Firefox on Windows",
            "Rename Safari on iPhone",
            "Firefox on Windows is no longer trusted. You can undo this.",
        ),
    ],
)
def test_a_row_that_goes_leaves_the_focus_to_the_next_one(rows, button, then, sentence):
    rows.goto(DEVICES)
    before = press_key(rows, control(rows, button, "button"), "Space")
    expect_focus(rows, control(rows, then), scrolled_to=before)
    expect_announcement(rows, sentence)
    expect(control(rows, button, "button")).to_have_count(0)
    expect(rows.get_by_role("heading", level=1)).to_have_text("Devices")


@HTMX
def test_the_last_row_leaves_the_focus_to_the_one_before(rows):
    rows.goto(DEVICES)
    press_key(rows, control(rows, "Stop trusting Safari on iPhone", "button"))
    expect_focus(rows, control(rows, "Rename Firefox on Windows"))
    expect_announcement(rows, "Safari on iPhone is no longer trusted. You can undo this.")


@HTMX
def test_one_row_after_the_other_goes(rows):
    rows.goto(DEVICES)
    control(rows, "Sign out Chrome 142 on iPhone", "button").click()
    expect(rows.get_by_text("1 other session")).to_have_count(0)
    control(rows, "Sign out OkHttp 4", "button").click()
    expect_focus(rows, control(rows, "Rename Firefox on Windows"))
    control(rows, "Stop trusting Firefox on Windows", "button").click()
    expect_focus(rows, control(rows, "Rename Safari on iPhone"))
    expect(rows.get_by_text("1 trusted browser, unless you keep it")).to_be_visible()


@HTMX
def test_the_message_without_an_undo_goes_with_the_next_action(rows):
    rows.goto(DEVICES)
    control(rows, "Sign out Chrome 142 on iPhone", "button").click()
    told = rows.get_by_role("main").get_by_text("Chrome 142 on iPhone was signed out.")
    expect(told).to_be_visible()
    control(rows, "Sign out OkHttp 4", "button").click()
    expect(told).to_have_count(0)


# Undo


def undo_of(page, sentence):
    return control(page, f"Undo: {sentence}", "button")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("path", "name"), RENAMED)
def test_a_name_comes_back_where_it_is(rows, path, name):
    rows.goto(path)
    control(rows, f"Rename {name}").click()
    rows.get_by_label("Name", exact=True).fill("Mistake")
    rows.keyboard.press("Enter")
    expect(control(rows, "Rename Mistake")).to_be_focused()
    rows.keyboard.press("Shift+Tab")
    expect(undo_of(rows, "The name was changed.")).to_be_focused()
    rows.keyboard.press("Enter")
    expect_focus(rows, control(rows, f"Rename {name}"))
    assert rows.url.endswith(path)


@pytest.mark.parametrize("mode", MODES)
def test_a_forgotten_browser_comes_back_to_the_list(rows):
    rows.goto(DEVICES)
    press_key(rows, control(rows, "Stop trusting Firefox on Windows", "button"))
    press_key(rows, undo_of(rows, "Firefox on Windows is no longer trusted."), "Space")
    expect_focus(rows, control(rows, "Rename Firefox on Windows"))
    expect(rows.get_by_role("main").get_by_text("Firefox on Windows is trusted again.")).to_be_visible()
    expect(undo_of(rows, "Firefox on Windows is no longer trusted.")).to_have_count(0)


@HTMX
def test_each_browser_that_was_forgotten_has_its_undo(rows):
    rows.goto(DEVICES)
    for name in ("Firefox on Windows", "Safari on iPhone"):
        control(rows, f"Stop trusting {name}", "button").click()
        expect(undo_of(rows, f"{name} is no longer trusted.")).to_be_visible()
    control(rows, "Rename OkHttp 4").click()
    rows.get_by_label("Name", exact=True).fill("Half a na")
    undo_of(rows, "Firefox on Windows is no longer trusted.").click()
    expect(control(rows, "Rename Firefox on Windows")).to_be_visible()
    expect(undo_of(rows, "Safari on iPhone is no longer trusted.")).to_be_visible()
    expect(rows.get_by_label("Name", exact=True)).to_have_value("Half a na")


@HTMX
def test_an_undo_stays_when_the_tab_is_looked_at_again(rows):
    rows.goto(DEVICES)
    control(rows, "Stop trusting Firefox on Windows", "button").click()
    told = undo_of(rows, "Firefox on Windows is no longer trusted.")
    expect(told).to_be_visible()
    bring_to_front(rows)
    rows.evaluate("fetch('/healthz/live').then(answer => answer.status)")
    expect(told).to_be_visible()


@HTMX
def test_undo_keeps_the_rules_of_a_page(rows):
    load_axe_in_every_page(rows)
    rows.goto(DEVICES)
    press_key(rows, control(rows, "Stop trusting Firefox on Windows", "button"))
    before = reach(rows, undo_of(rows, "Firefox on Windows is no longer trusted."))
    assert (accessibility_problems(rows), fits_in_width(rows)) == ([], True)
    rows.keyboard.press("Space")
    expect_announcement(rows, "Firefox on Windows is trusted again.")
    assert abs(scroll_position(rows) - before) < SMALL["height"]


@HTMX
def test_a_row_that_is_gone_already_brings_the_whole_list(rows):
    rows.goto(DEVICES)
    TokenFamily.objects.all().delete()
    press_key(rows, control(rows, "Sign out OkHttp 4", "button"))
    expect(rows.get_by_role("alert").filter(has_text="Something changed")).to_be_visible()
    expect_focus(rows, rows.get_by_role("heading", level=1))
    expect(rows.get_by_role("main")).to_have_count(1)
    assert rows.url.endswith(DEVICES)


@HTMX
def test_a_row_that_leads_to_a_page_of_its_own_shows_all_of_it(rows, site):
    """As an action that needs a step-up does: it redirects to the page that asks for password and code."""
    rows.goto(SETTINGS)
    rows.route("**/rename/", lambda route: route.continue_(url=f"{site}/two-factor/apps/add/"))
    press_key(rows, control(rows, "Rename Tablet"))
    expect_heading(rows, "Confirm it's you")
    expect(rows.get_by_label("Password")).to_be_focused()
    assert "/two-factor/confirm/" in rows.url


# A tab that is looked at again


def use_a_backup_code():
    BackupCode.objects.filter(pk=BackupCode.objects.first().pk).update(used_at=timezone.now())


@HTMX
def test_a_change_elsewhere_moves_neither_scroll_position_nor_focus(rows):
    rows.goto(SETTINGS)
    before = reach(rows, control(rows, "Rename Tablet"))
    use_a_backup_code()
    bring_to_front(rows)
    expect(rows.get_by_text("2 of 3 unused")).to_be_attached()
    expect_focus(rows, control(rows, "Rename Tablet"), scrolled_to=before)


@HTMX
def test_a_change_elsewhere_gives_the_focus_to_nothing(rows):
    rows.goto(SETTINGS)
    rows.mouse.wheel(0, 300)
    rows.wait_for_function("scrollY === 300")
    use_a_backup_code()
    bring_to_front(rows)
    expect(rows.get_by_text("2 of 3 unused")).to_be_attached()
    rows.evaluate("new Promise(done => setTimeout(done, 50))")  # app.js looks at the focus after the swap
    assert (scroll_position(rows), rows.evaluate("document.activeElement.localName")) == (300, "body")


@HTMX
def test_a_change_elsewhere_does_not_take_away_what_is_being_typed(rows):
    rows.goto(SETTINGS)
    control(rows, "Rename Tablet").click()
    rows.get_by_label("Name", exact=True).fill("Half a na")
    use_a_backup_code()
    asked = []
    rows.on("request", lambda request: asked.append(request.url))
    bring_to_front(rows)
    rows.evaluate("fetch('/healthz/live').then(answer => answer.status)")
    assert [url for url in asked if "seen" in url] == []
    expect(rows.get_by_label("Name", exact=True)).to_have_value("Half a na")


# With whole pages


@pytest.mark.parametrize("mode", MODES[1:])
@pytest.mark.parametrize(("path", "name"), RENAMED)
def test_a_whole_page_comes_back_at_the_renamed_row(rows, path, name):
    rows.goto(path)
    press_key(rows, control(rows, f"Rename {name}"))
    rows.get_by_label("Name").fill("New name")
    rows.keyboard.press("Enter")
    expect_focus(rows, control(rows, "Rename New name"))
    assert rows.get_by_text("The name was changed.").evaluate(IN_VIEW)
    assert rows.url.endswith(path)


@NO_JS
def test_a_whole_page_comes_back_at_the_row_after_the_one_that_is_gone(rows):
    rows.goto(DEVICES)
    press_key(rows, control(rows, "Stop trusting Firefox on Windows", "button"))
    expect_focus(rows, control(rows, "Rename Safari on iPhone"))
    assert rows.get_by_text("Firefox on Windows is no longer trusted.").evaluate(IN_VIEW)


@pytest.mark.parametrize("mode", MODES[:2])
def test_an_app_that_was_removed_on_its_own_page_leaves_the_focus_to_the_next_one(rows, phone):
    rows.goto(SETTINGS)
    press_key(rows, control(rows, "Remove Tablet"))
    expect_heading(rows, "Remove authenticator app")
    if rows.get_by_label("Password").count():
        rows.get_by_label("Password").fill("correct horse battery")
    rows.get_by_label("Code").fill(phone.code())
    rows.keyboard.press("Enter")
    expect_focus(rows, control(rows, "Rename Work phone"))
    assert rows.get_by_text("Tablet was removed.").last.evaluate(IN_VIEW)
    assert Authenticator.objects.count() == 2
