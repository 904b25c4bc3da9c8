"""Recent activity, in the settings and on its own page."""

import pytest
from django.test import Client

from tests.people import enrol, give_password, person, sign_in
from tests.twofactor.code_forms import enter_wrong_code_elsewhere
from twofactor.models import Event

PANEL = "/two-factor/"
ACTIVITY = "/two-factor/activity/"


def test_the_newest_comes_first(signed_in_client, phone):
    enter_wrong_code_elsewhere()
    assert signed_in_client.get(PANEL).context["events"][0].kind == "second_factor_refused"


def test_the_panel_shows_five(signed_in_client, phone, clock):
    for _ in range(4):
        enter_wrong_code_elsewhere()
    assert len(signed_in_client.get(PANEL).context["events"]) == 5


def test_activity_shows_more(signed_in_client, phone):
    for _ in range(4):
        enter_wrong_code_elsewhere()
    assert len(signed_in_client.get(ACTIVITY).context["events"]) > 5


def test_activity_says_what_when_and_from_where(signed_in_client):
    page = signed_in_client.get(ACTIVITY).text
    parts = (
        "You confirmed it was you with a code",
        '<time datetime="2026-03-01T12:00:00+00:00">',
        "127.0.0.1",
    )
    assert [part for part in parts if part not in page] == []


@pytest.mark.parametrize("path", [PANEL, ACTIVITY])
def test_other_peoples_activity_is_not_shown(signed_in_client, client, clock, path):
    bob = person("bob@example.com")
    sign_in(client, enrol(bob), bob.email)
    assert {event.user_id for event in client.get(path).context["events"]} == {bob.pk}


def test_with_nothing_to_show_it_says_so(no_factor_client):
    Event.objects.all().delete()
    assert "No activity yet." in no_factor_client.get(ACTIVITY).text


@pytest.mark.parametrize("path", [PANEL, ACTIVITY])
def test_what_a_browser_calls_itself_is_text(signed_in_client, phone, path):
    stranger = Client(headers={"user-agent": "<script>alert(1)</script>"})
    give_password(stranger)
    stranger.post("/two-factor/verify/", {"code": "000000"})
    assert "<script>alert" not in signed_in_client.get(path).text


def test_a_long_history_is_shown_to_the_fiftieth(signed_in_client, alice):
    Event.objects.bulk_create(Event(user=alice, kind="code_sent", at=alice.date_joined) for _ in range(60))
    assert len(signed_in_client.get(ACTIVITY).context["events"]) == 50
