"""Whoever presses twice, or too long, sends once; and never presses what comes next."""

import filled_forms
import pytest
from modes import BLOCKED, HTMX
from playwright.sync_api import expect

BUSY_STATE = "b => [b.ariaDisabled, b.form.ariaBusy, b.disabled, b === document.activeElement]"


class HeldConnection:
    """The connection: keeps what is posted until it is let go."""

    def __init__(self, page):
        self.page, self.posts = page, []
        page.get_by_role("heading", level=1).evaluate("heading => heading.ariaLabel = 'the old one'")
        page.route("**", self.keep)

    def keep(self, route):
        if route.request.method == "POST":
            self.posts.append(route)
        else:
            route.fallback()

    def let_go(self):
        """And wait until something else is on the screen."""
        self.posts[0].continue_()
        expect(self.page.get_by_role("heading", name="the old one")).to_have_count(0)
        self.page.wait_for_load_state()

    def sent(self):
        """How often; whatever the page asks for now comes after it."""
        send_request(self.page)
        return len(self.posts)


def send_request(page):
    page.evaluate("fetch('/healthz/live').then(answer => answer.status)")


def press_repeatedly(page, button):
    """Enter that is held and hit again, then the mouse twice; the last Enter stays down."""
    button.focus()  # which scrolls to it
    keys, box = page.keyboard, button.bounding_box()
    for move in (keys.down, keys.down, keys.up, keys.down, keys.up):
        move("Enter")
    page.mouse.dblclick(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    keys.down("Enter")


def second_click(page, button):
    """The second press of it: the first was on what stood there before."""
    button.hover()
    page.mouse.down(click_count=2)
    page.mouse.up(click_count=2)


@HTMX
@pytest.mark.parametrize("fill_form", filled_forms.WITH_HTMX, ids=lambda function: function.__name__)
def test_wild_presses_send_once(page, fill_form):
    button = fill_form(page)
    connection, pressed = HeldConnection(page), button.element_handle()
    with page.expect_request(lambda asked: asked.method == "POST"):
        press_repeatedly(page, pressed)
    assert pressed.evaluate(BUSY_STATE) == ["true", "true", False, True]
    connection.let_go()
    for control in page.get_by_role("main").get_by_role("button").all():
        control.focus()
        page.keyboard.down("Enter")
        second_click(page, control)
    assert connection.sent() == 1


@BLOCKED
@pytest.mark.parametrize("fill_form", filled_forms.WITHOUT_SCRIPT, ids=lambda function: function.__name__)
def test_a_double_click_sends_a_plain_form_once(page, fill_form):
    button, posts = fill_form(page), []
    page.on("request", lambda asked: posts.append(asked) if asked.method == "POST" else None)
    with page.expect_navigation():
        button.dblclick()
    send_request(page)
    assert len(posts) == 1
