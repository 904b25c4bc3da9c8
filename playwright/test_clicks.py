"""A double click or a held key sends a form once, and never presses a button of the next screen."""

import filled_forms
import pytest
from actions import enter_password, expect_heading, press
from javascript_modes import BLOCKED, HTMX
from playwright.sync_api import expect

BUSY_STATE = "b => [b.ariaDisabled, b.form.ariaBusy, b.disabled, b === document.activeElement]"


class HeldConnection:
    """Holds each POST request back until release() is called."""

    def __init__(self, page, button):
        self.page, self.posts = page, []
        button.evaluate("button => button.ariaLabel = 'the old one'")
        page.route("**", self.hold)

    def hold(self, route):
        if route.request.method == "POST":
            self.posts.append(route)
        else:
            route.fallback()

    def release(self):
        """Waits until the button is gone, with its screen or its row."""
        self.posts[0].continue_()
        expect(self.page.get_by_role("button", name="the old one")).to_have_count(0)
        self.page.wait_for_load_state()

    def count_posts(self):
        """Sends another request first, so that earlier ones have been seen."""
        send_request(self.page)
        return len(self.posts)


def send_request(page):
    page.evaluate("fetch('/healthz/live').then(answer => answer.status)")


def press_repeatedly(page, button):
    """Enter, held and pressed again; a double click; Enter again, which stays down."""
    button.focus()  # scrolls to the button
    keys, box = page.keyboard, button.bounding_box()
    for move in (keys.down, keys.down, keys.up, keys.down, keys.up):
        move("Enter")
    page.mouse.dblclick(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    keys.down("Enter")


def second_click(page, button):
    """The second click of a double click, whose first click was on the screen before."""
    button.hover()
    page.mouse.down(click_count=2)
    page.mouse.up(click_count=2)


@HTMX
@pytest.mark.parametrize("fill_form", filled_forms.WITH_HTMX, ids=lambda function: function.__name__)
def test_repeated_presses_send_once(page, fill_form):
    button = fill_form(page)
    pressed = button.element_handle()
    connection = HeldConnection(page, pressed)
    with page.expect_request(lambda asked: asked.method == "POST"):
        press_repeatedly(page, pressed)
    assert pressed.evaluate(BUSY_STATE) == ["true", "true", False, True]
    connection.release()
    for control in page.get_by_role("main").get_by_role("button").all():
        control.focus()
        page.keyboard.down("Enter")
        second_click(page, control)
    assert connection.count_posts() == 1


@HTMX
def test_a_form_is_busy_until_the_answer_comes(page, phone):
    enter_password(page)
    expect_heading(page, "Check your authenticator app")
    held = []
    page.route("**/two-factor/verify/", lambda route: held.append(route))
    page.get_by_label("6-digit code").fill("1")
    press(page, "Sign in")
    button = page.get_by_role("main").get_by_role("button", name="Sign in")
    expect(button).to_have_attribute("aria-disabled", "true")
    held[0].continue_()
    expect(page.get_by_text("too few digits").first).to_be_visible()
    expect(button).not_to_have_attribute("aria-disabled", "true")


@BLOCKED
@pytest.mark.parametrize("fill_form", filled_forms.PLAIN_FORMS, ids=lambda function: function.__name__)
def test_a_double_click_sends_a_plain_form_once(page, fill_form):
    button, posts = fill_form(page), []
    page.on("request", lambda asked: posts.append(asked) if asked.method == "POST" else None)
    with page.expect_navigation():
        button.dblclick()
    send_request(page)
    assert len(posts) == 1
