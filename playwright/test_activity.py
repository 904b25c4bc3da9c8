"""Recent activity: more of it, one group of it, and a search."""

from datetime import timedelta

import pytest
from actions import create_alice, expect_heading, follow, history_length, open_session, press
from django.utils import timezone
from javascript_modes import HTMX
from playwright.sync_api import expect
from screen_checks import accessibility_problems, fits_in_width

from tests.people import FIREFOX
from twofactor.models import Event

ACTIVITY = "/two-factor/activity/"
FIRST_OLDER = "Your password was changed"  # the first row of the second page
LABEL = "Search activity"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "CriOS/142.0.7444.77 Mobile/15E148 Safari/604.1"
)


@pytest.fixture
def activity(page, site):
    """Alice has just signed in, and did thirty things in the days before. The page shows the first twenty."""
    user = create_alice()
    now = timezone.now() - timedelta(hours=1)
    kinds = ["code_sent"] * 19 + ["password_changed"] + ["code_sent"] * 9 + ["signed_in_trusted"]
    for days, kind in enumerate(kinds):
        browser = IPHONE if kind == "signed_in_trusted" else FIREFOX
        at = now - timedelta(days=days)
        Event.objects.create(user=user, kind=kind, at=at, browser=browser, ip_address="203.0.113.7")
    open_session(page.context, user)
    page.goto(ACTIVITY)
    expect(rows(page)).to_have_count(20)
    return page


def rows(page):
    return page.get_by_role("main").get_by_role("listitem").filter(has=page.get_by_role("time"))


def status(page):
    return page.get_by_role("status")


def tab_to(page, control):
    for _ in range(60):
        if control.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not lead to {control}")


@HTMX
def test_more_is_added_with_the_keyboard_and_the_focus_goes_to_it(activity):
    history = history_length(activity)
    tab_to(activity, activity.get_by_role("link", name="Show more"))
    activity.keyboard.press("Enter")
    expect(rows(activity)).to_have_count(31)
    expect(rows(activity).nth(20)).to_be_focused()
    expect(rows(activity).nth(20)).to_contain_text(FIRST_OLDER)
    expect(status(activity)).to_have_text("Older activity was added to the list.")
    expect(activity.get_by_role("link", name="Show more")).to_have_count(0)
    assert (history_length(activity), fits_in_width(activity)) == (history, True)
    assert accessibility_problems(activity) == []


@HTMX
def test_each_row_draws_its_icon(activity):
    activity.wait_for_load_state("networkidle")
    widths = activity.evaluate("[...document.querySelectorAll('use')].map(use => use.getBBox().width)")
    assert (len(widths), min(widths) > 10) == (20, True)


@HTMX
@pytest.mark.parametrize(("locale", "scale"), [("en-GB", "none"), ("ar", "-1 1")])
def test_the_arrow_of_a_sign_in_points_the_way_people_read(activity, scale):
    shown = activity.evaluate("getComputedStyle(document.querySelector('.icon.sign-ins')).scale")
    assert shown == scale


@HTMX
def test_the_list_follows_what_is_typed(activity):
    field = activity.get_by_label(LABEL)
    tab_to(activity, field)
    with activity.expect_response("**/activity/?*") as answer:
        activity.keyboard.type("iphone", delay=20)
    assert "q=iphone" in answer.value.url  # asked once, for the whole word
    expect(rows(activity)).to_have_count(1)
    expect(rows(activity)).to_contain_text("You signed in from a trusted browser")
    expect(status(activity)).to_have_text("1 entry shown.")
    expect(field).to_be_focused()
    activity.keyboard.type("x")
    expect(activity.get_by_role("main").get_by_text("Nothing found.")).to_be_visible()
    expect(status(activity)).to_have_text("Nothing found.")
    assert accessibility_problems(activity) == []


@HTMX
def test_a_group_is_chosen_with_the_keyboard(activity):
    choice = activity.get_by_label("Show", exact=True)
    tab_to(activity, choice)
    for _ in range(4):
        activity.keyboard.press("ArrowDown")
    expect(rows(activity)).to_have_count(1)
    expect(rows(activity)).to_contain_text(FIRST_OLDER)
    expect(choice).to_be_focused()
    activity.reload()
    expect(choice).to_have_value("account")
    expect(rows(activity)).to_have_count(1)


@HTMX
def test_more_of_what_was_searched_is_added(activity):
    activity.get_by_label(LABEL).fill("firefox")
    expect(status(activity)).to_have_text("20 entries shown.")
    follow(activity, "Show more")
    expect(rows(activity)).to_have_count(29)


@HTMX
def test_back_leads_to_where_one_came_from_and_forward_to_what_was_found(activity):
    activity.goto("/two-factor/")
    follow(activity, "Show more activity")
    expect_heading(activity, "Recent activity")
    activity.get_by_label(LABEL).fill("iphone")
    expect(rows(activity)).to_have_count(1)
    activity.go_back()
    expect_heading(activity, "Security")
    activity.go_forward()
    expect(activity.get_by_label(LABEL)).to_have_value("iphone")
    expect(rows(activity)).to_have_count(1)


@pytest.mark.parametrize("mode", ["no-js", "htmx-blocked"])
def test_without_script_each_step_is_a_page(activity):
    activity.get_by_role("link", name="Show more").press("Enter")
    expect(rows(activity)).to_have_count(11)
    expect(rows(activity).first).to_contain_text(FIRST_OLDER)
    activity.go_back()
    expect(rows(activity)).to_have_count(20)
    activity.get_by_label("Show", exact=True).select_option("Sign-ins")
    activity.get_by_label(LABEL).fill("iphone")
    press(activity, "Search")
    expect(rows(activity)).to_have_count(1)
    activity.get_by_label(LABEL).fill("opera")
    activity.keyboard.press("Enter")
    expect(activity.get_by_text("Nothing found.")).to_be_visible()
    follow(activity, "Show all activity")
    expect(rows(activity)).to_have_count(20)
