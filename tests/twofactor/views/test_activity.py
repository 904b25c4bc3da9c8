"""Recent activity, in the settings and on its own page."""

import re
from datetime import timedelta

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.test import Client
from django.utils import timezone

from tests.htmx import HTMX
from tests.people import FIREFOX, NOW, PASSWORD, client_after_password, enrol, give_password, person, sign_in
from tests.twofactor.code_forms import enter_wrong_code_elsewhere
from twofactor.clocks import HOUR
from twofactor.event_kinds import GROUPS
from twofactor.models import Event

PANEL = "/two-factor/"
ACTIVITY = "/two-factor/activity/"


def test_the_newest_comes_first(signed_in_client, phone):
    enter_wrong_code_elsewhere()
    assert signed_in_client.get(PANEL).context["events"][0].event.kind == "second_factor_refused"


def test_the_panel_shows_five(signed_in_client, phone, clock):
    for _ in range(5):
        enter_wrong_code_elsewhere()
    assert len(signed_in_client.get(PANEL).context["events"]) == 5


def test_activity_shows_more(signed_in_client, phone):
    for _ in range(4):
        enter_wrong_code_elsewhere()
    assert len(signed_in_client.get(ACTIVITY).context["events"]) > 5


def test_activity_says_what_when_and_from_where(signed_in_client):
    page = signed_in_client.get(ACTIVITY).text
    parts = (
        "You signed in with a code",
        '<time datetime="2026-03-01T12:00:00+00:00">',
        "127.0.0.1",
    )
    assert [part for part in parts if part not in page] == []


@pytest.mark.parametrize(
    ("days", "said"), [(0, ["Just now"]), (1, ["1 day ago"]), (30, ["30 days ago"]), (31, [])]
)
def test_a_row_says_how_long_ago_it_was(signed_in_client, days, said):
    Event.objects.update(at=timezone.now() - timedelta(days=days))
    assert re.findall(r">([^<>]*) ·\s+<time", signed_in_client.get(ACTIVITY).text) == said


@pytest.mark.parametrize("path", [PANEL, ACTIVITY])
def test_each_row_has_the_icon_of_its_group(signed_in_client, path):
    enter_wrong_code_elsewhere()
    icons = re.findall(r'aria-hidden="true"><use href="(.*?)#(.*?)"/>', signed_in_client.get(path).text)
    file = staticfiles_storage.url("twofactor/icons.svg")
    assert icons == [(file, "warnings"), (file, "sign-ins")]


def test_every_group_has_an_icon():
    with staticfiles_storage.open("twofactor/icons.svg", "r") as file:
        assert re.findall('<symbol id="(.*?)"', file.read()) == list(GROUPS)


@pytest.mark.parametrize("path", [PANEL, ACTIVITY])
def test_other_peoples_activity_is_not_shown(signed_in_client, client, clock, path):
    bob = person("bob@example.com")
    sign_in(client, enrol(bob), bob.email)
    assert {row.event.user_id for row in client.get(path).context["events"]} == {bob.pk}


def test_with_nothing_to_show_it_says_so(no_factor_client):
    Event.objects.all().delete()
    assert "No activity yet." in no_factor_client.get(ACTIVITY).text


@pytest.mark.parametrize("path", [PANEL, ACTIVITY])
def test_what_a_browser_calls_itself_is_text(signed_in_client, phone, path):
    stranger = Client(headers={"user-agent": "<script>alert(1)</script>"})
    give_password(stranger)
    stranger.post("/two-factor/verify/", {"code": "000000"})
    assert "<script>alert" not in signed_in_client.get(path).text


@pytest.fixture
def long_history(alice):
    """Alice did 50 things in the years before, the last of them 25 hours ago."""
    Event.objects.bulk_create(
        Event(
            user=alice, kind="code_sent", at=NOW - (n + 25) * HOUR, browser=FIREFOX, ip_address="203.0.113.7"
        )
        for n in range(50)
    )


def shown(answer):
    return [row.event.at for row in answer.context["events"]]


def test_a_long_history_is_shown_page_by_page(no_factor_client, long_history):
    pages = [no_factor_client.get(ACTIVITY)]
    while pages[-1].context["older"]:
        pages.append(no_factor_client.get(pages[-1].context["older"]))
    moments = [moment for page in pages for moment in shown(page)]
    assert [len(shown(page)) for page in pages] == [20, 20, 11]
    assert moments == sorted(set(moments), reverse=True)


def test_a_sign_in_is_one_row(signed_in_client, phone, printed_codes, clock):
    Event.objects.all().delete()
    browser = Client(headers={"user-agent": FIREFOX})
    give_password(browser)
    browser.post("/two-factor/verify/", {"code": printed_codes[0]})
    (row,) = signed_in_client.get(ACTIVITY).context["events"]
    assert (row.title, row.additions) == ("You signed in with a backup code", ["From a new browser"])


def test_the_device_that_asks_is_marked(signed_in_client, phone):
    Event.objects.all().delete()
    sign_in(Client(), phone)
    assert "This device" not in signed_in_client.get(ACTIVITY).text
    signed_in_client.post("/two-factor/confirm/", {"password": PASSWORD, "code": "000000"})
    assert signed_in_client.get(ACTIVITY).text.count("This device") == 1


def test_a_row_of_the_panel_that_grows_changes_what_a_tab_has_seen(no_factor_client, alice):
    seen = no_factor_client.get(PANEL).context["seen"]
    assert no_factor_client.get(PANEL, {"seen": seen}).status_code == 204
    device_id = no_factor_client.session.device_id
    Event.objects.create(user=alice, kind="new_browser", at=timezone.now(), device_id=device_id)
    assert no_factor_client.get(PANEL, {"seen": seen}).status_code == 200


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({"show": "sign-ins"}, 20),
        ({"show": "account"}, 0),
        ({"q": "firefox windows"}, 0),
        ({"q": "firefox linux"}, 20),
        ({"q": "203.0.113", "show": "sign-ins"}, 20),
        ({"q": "203.0.113", "show": "devices"}, 0),
        ({"show": "no such group"}, 20),
        ({"q": "\0"}, 20),
        ({"before": "no cursor"}, 20),
        ({"before": "0-0"}, 0),
        ({"q": "x" * 3000, "show": "x" * 3000, "before": "9" * 3000}, 0),
    ],
)
def test_the_activity_is_narrowed(no_factor_client, long_history, asked, count):
    answer = no_factor_client.get(ACTIVITY, asked)
    assert (answer.status_code, len(shown(answer)), "Nothing found." in answer.text) == (
        200,
        count,
        not count,
    )


def test_the_next_page_is_narrowed_as_well(no_factor_client, long_history):
    first = no_factor_client.get(ACTIVITY, {"q": "firefox linux", "show": "sign-ins"})
    second = no_factor_client.get(first.context["older"])
    assert (len(shown(second)), second.context["search"].initial) == (
        20,
        {"show": "sign-ins", "q": "firefox linux"},
    )


def test_what_was_searched_is_text(no_factor_client):
    page = no_factor_client.get(ACTIVITY, {"q": '"><script>alert(1)</script>'}).text
    assert "<script>alert" not in page


@pytest.mark.parametrize("name", ["before", "q", "show", "user", "event", "user_id"])
def test_no_parameter_leads_to_rows_of_others(no_factor_client, long_history, name):
    bob = person("bob@example.com")
    bobs = client_after_password(bob.email)
    cursor = no_factor_client.get(ACTIVITY).context["older"].partition("before=")[2]
    for value in (cursor, "firefox", "203.0.113", str(Event.objects.first().pk), "alice@example.com"):
        events = bobs.get(ACTIVITY, {name: value}).context["events"]
        assert {row.event.user_id for row in events} <= {bob.pk}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, ""),
        ({"q": "", "show": ""}, "20 entries shown."),
        ({"q": "127.0.0.1"}, "1 entry shown."),
        ({"q": "opera"}, "Nothing found."),
        ({"q": "203", "before": "9" * 17 + "-0"}, "Older activity was added to the list."),
    ],
)
def test_htmx_tells_what_the_list_shows(no_factor_client, long_history, asked, said):
    page = no_factor_client.get(ACTIVITY, asked, headers=HTMX).text
    assert re.search(r'"innerHTML:#tf-status">\s*(.*?)\s*</div>', page)[1] == said


@pytest.mark.parametrize(("headers", "count"), [(HTMX, 1), ({}, 0)])
def test_only_htmx_puts_the_focus_on_the_first_new_row(no_factor_client, long_history, headers, count):
    older = no_factor_client.get(ACTIVITY).context["older"]
    assert no_factor_client.get(older, headers=headers).text.count('<li tabindex="-1" autofocus>') == count


def test_each_row_leads_to_the_page_for_what_was_not_the_person(signed_in_client, alice):
    event = Event.objects.get()
    assert f'href="/two-factor/not-me/?event={event.pk}"' in signed_in_client.get(ACTIVITY).text
    page = signed_in_client.get(f"/two-factor/not-me/?event={event.pk}").text
    assert "“You signed in with a code”, 1 March 2026, 12:00 (UTC)" in page


def test_saying_so_is_no_row_to_say_it_of(signed_in_client, alice):
    Event.objects.update(kind="not_me")
    assert "/not-me/?event=" not in signed_in_client.get(ACTIVITY).text
