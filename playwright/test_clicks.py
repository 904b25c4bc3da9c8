"""Whoever presses twice, or too long, sends once; and never presses what comes next."""

import pytest
import submits
from modes import BLOCKED, HTMX
from playwright.sync_api import expect

from tests.twofactor.sent_codes import with_pigeons

BUSY = "b => [b.ariaDisabled, b.form.ariaBusy, b.disabled, b === document.activeElement]"


@pytest.fixture(autouse=True)
def carried(settings):
    return with_pigeons(settings)


class Line:
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
        ask(self.page)
        return len(self.posts)


def ask(page):
    page.evaluate("fetch('/healthz/live').then(answer => answer.status)")


def press_wildly(page, button):
    """Enter that is held and hit again, then the mouse twice; the last Enter stays down."""
    button.focus()  # which scrolls to it
    keys, box = page.keyboard, button.bounding_box()
    for move in (keys.down, keys.down, keys.up, keys.down, keys.up):
        move("Enter")
    page.mouse.dblclick(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    keys.down("Enter")


def end_of_double_click(page, button):
    """The second press of it: the first was on what stood there before."""
    button.hover()
    page.mouse.down(click_count=2)
    page.mouse.up(click_count=2)


@HTMX
@pytest.mark.parametrize("lead", submits.WITH_HTMX, ids=lambda lead: lead.__name__)
def test_wild_presses_send_once(page, lead):
    button = lead(page)
    line, pressed = Line(page), button.element_handle()
    with page.expect_request(lambda asked: asked.method == "POST"):
        press_wildly(page, pressed)
    assert pressed.evaluate(BUSY) == ["true", "true", False, True]
    line.let_go()
    for control in page.get_by_role("main").get_by_role("button").all():
        control.focus()
        page.keyboard.down("Enter")
        end_of_double_click(page, control)
    assert line.sent() == 1


@BLOCKED
@pytest.mark.parametrize("lead", submits.PLAIN, ids=lambda lead: lead.__name__)
def test_a_double_click_sends_a_plain_form_once(page, lead):
    button, posts = lead(page), []
    page.on("request", lambda asked: posts.append(asked) if asked.method == "POST" else None)
    with page.expect_navigation():
        button.dblclick()
    ask(page)
    assert len(posts) == 1
