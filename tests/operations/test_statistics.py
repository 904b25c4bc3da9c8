"""The page with the figures about two-factor authentication, and its charts."""

import re
from datetime import date, timedelta

import pytest
from django.test import Client

from accounts.models import User
from tests.operations.admin_and_commands import (
    ADOPTION,
    signs_in_with,
)
from tests.people import NOW, PRINTED_CODES, give_password, person, sign_in
from twofactor.factors import backup_codes
from twofactor.operations import adoption

pytestmark = pytest.mark.django_db


def numbers(admin):
    rows = re.findall(r'<th scope="row">([^<]+)</th><td>(\d+)</td>', admin.get(ADOPTION).text)
    return [int(value) for name, value in rows[:7]]


def test_the_numbers_are_right(admin, alice, phone):
    person("bob@example.com")
    person("gone@example.com", is_active=False)
    backup_codes.replace_all(alice, backup_codes.make_rows(alice, [*PRINTED_CODES, "9" * 15]))
    # people, with two factors, staff, staff with two, phones, few codes left (root has none), locked
    assert numbers(admin) == [3, 2, 1, 1, 0, 1, 0]


def test_someone_who_is_locked_is_counted(admin, alice, phone, client):
    give_password(client)
    for n in range(5):
        client.post("/two-factor/verify/", {"code": f"{n}" * 6})
    assert numbers(admin)[-1] == 1


def test_without_people_every_number_is_0(db):
    assert set(adoption.counts(NOW).values()) == {0}


def test_without_events_every_day_of_a_chart_is_0(db):
    assert set(adoption.events_per_day(NOW, 30, "second_factor_refused").values()) == {0}


def test_growth_counts_everyone_who_was_there_by_then(alice, phone):
    days = list(adoption.growth(NOW + timedelta(days=1), 3).items())
    assert days == [(date(2026, 2, 28), 0), (date(2026, 3, 1), 1), (date(2026, 3, 2), 1)]


def test_growth_begins_with_those_who_were_there_before(alice, phone):
    assert list(adoption.growth(NOW + timedelta(days=9), 3).values()) == [1, 1, 1]


def test_an_event_is_counted_on_its_day(event):
    counted = adoption.events_per_day(NOW, 30, "reset_by_support")
    assert (len(counted), counted[date(2026, 3, 1)], sum(counted.values())) == (30, 1, 1)


def test_codes_are_counted_by_method(alice, phone, client):
    backup_codes.replace_all(alice, backup_codes.make_rows(alice, PRINTED_CODES))
    sign_in(client, phone)
    give_password(Client())
    signs_in_with(PRINTED_CODES[0])
    signs_in_with(PRINTED_CODES[1])
    assert list(adoption.codes_by_method(NOW, 30).values()) == [1, 2, 0, 0]


def test_the_wrong_code_that_locks_is_in_the_chart_of_wrong_codes(admin, alice, phone, client):
    give_password(client)
    for n in range(5):
        client.post("/two-factor/verify/", {"code": f"{n}" * 6})
    assert "5 on the worst of the last 30 days." in admin.get(ADOPTION).text


def svgs(admin):
    return re.findall(r'<svg[^>]* role="img".*?</details>', admin.get(ADOPTION).text, re.DOTALL)


def test_each_chart_is_a_picture_with_a_name(admin):
    names = [re.search(r'role="img" aria-label="([^"]+)"', chart) for chart in svgs(admin)]
    assert [bool(name) for name in names] == [True, True, True]


def test_each_chart_has_a_table_with_the_same_numbers(admin, alice, phone):
    for chart in svgs(admin):
        bars = re.findall(r"<title>[^<]+: (\d+)</title>", chart)
        assert bars == re.findall(r'<th scope="row">[^<]+</th><td>(\d+)</td>', chart)
        assert len(bars) == 30


def test_a_chart_needs_no_colour(admin):
    assert {
        colour for chart in svgs(admin) for colour in re.findall(r'(?:fill|stroke)="([^"]+)"', chart)
    } == {
        "currentColor",
        "none",
    }


@pytest.mark.parametrize("language", ["de", "fr", "ar"])
def test_a_chart_is_drawn_with_points_in_every_language(admin, alice, phone, language):
    User.objects.update(language=language)
    drawn = re.findall(r' (?:x|y|width|height)="([^"]+)"', "".join(svgs(admin)))
    assert [number for number in drawn if not re.fullmatch(r"\d+(\.\d+)?", number)] == []


def test_the_page_with_the_numbers_is_linked_from_the_first(admin):
    assert f'href="{ADOPTION}"' in admin.get("/admin/").text


def test_the_page_with_the_numbers_is_behind_two_factors_too(client, superuser):
    give_password(client, superuser.email)
    assert client.get(ADOPTION).status_code == 302
