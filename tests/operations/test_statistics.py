"""The page with the figures about two-factor authentication, and its charts."""

import re
from datetime import date, timedelta

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from accounts.models import User
from tests.operations.admin_and_commands import ADOPTION, browser_of, signs_in_with, step_up
from tests.people import NOW, PRINTED_CODES, enrol, give_password, person, sign_in
from twofactor.factors import backup_codes
from twofactor.operations import adoption

pytestmark = pytest.mark.django_db


def numbers(admin):
    text = admin.get(ADOPTION).text.partition("<caption>Now</caption>")[2]
    rows = re.findall(r'<th scope="row">([^<]+)</th><td>(\d+)</td>', text)
    return [int(value) for name, value in rows[:3]]


# Shares


@pytest.fixture
def clerks(alice, bob):
    clerks = Group.objects.create(name="Clerks <1>")
    alice.groups.add(clerks)
    bob.groups.add(clerks)
    return clerks


def test_the_page_begins_with_the_shares_of_everyone_and_of_staff(admin, alice, bob):
    """Of the three, only the superuser has it."""
    assert '<p class="person">Everyone: 33 % · Staff: 100 %</p>' in admin.get(ADOPTION).text


def test_each_group_has_its_share(admin, alice, phone, clerks):
    found = [(share.name, share.people, share.enrolled, share.percent) for share in adoption.shares()]
    assert found == [("Everyone", 3, 2, 66), ("Staff", 1, 1, 100), ("Clerks <1>", 2, 1, 50)]
    assert "Clerks &lt;1&gt;" in admin.get(ADOPTION).text


def test_a_share_leads_to_a_rule_for_it(admin, superuser_phone, clock, clerks):
    link = re.search(r'href="(/admin/twofactor/rule/add/[^"]*scope=group[^"]+)"', admin.get(ADOPTION).text)[1]
    form = step_up(admin, superuser_phone, clock).get(link.replace("&amp;", "&")).text
    assert f'<option value="{clerks.pk}" selected>' in form
    assert 'name="starts_on" value="2026-03-15"' in form  # in two weeks


def names(admin, **query):
    answer = admin.get(f"{ADOPTION}without.csv", query)
    return answer.status_code, answer.getvalue().decode() if answer.streaming else ""


def test_the_names_of_a_share_are_a_table(admin, alice, phone, clerks):
    assert names(admin, scope="group", group=clerks.pk) == (200, '"bob@example.com"\r\n')


def test_no_name_is_a_formula(admin):
    person("=1+1@example.com")
    assert names(admin, scope="everyone") == (200, '"\'=1+1@example.com"\r\n')


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"scope": "person"},
        {"scope": "group"},
        {"scope": "group", "group": "x"},
        {"scope": "group", "group": "9" * 30},
    ],
)
def test_what_is_no_share_has_no_names(admin, query):
    assert names(admin, **query)[0] == 404


def test_who_may_not_see_people_gets_no_names(clock):
    clerk = person("clerk@example.com", is_staff=True)
    browser = browser_of(clerk, enrol(clerk), clock)
    assert names(browser, scope="everyone")[0] == 403
    assert "without.csv" not in browser.get(ADOPTION).text


def test_who_may_not_see_groups_reads_no_name_of_one(clerks, clock):
    clerk = person("clerk@example.com", is_staff=True)
    browser = browser_of(clerk, enrol(clerk), clock)
    assert "Clerks" not in browser.get(ADOPTION).text


def test_the_numbers_are_right(admin, alice, phone):
    person("bob@example.com")
    person("gone@example.com", is_active=False)
    backup_codes.replace_all(alice, backup_codes.make_rows(alice, [*PRINTED_CODES, "9" * 15]))
    # phones, few codes left (root has none), locked
    assert numbers(admin) == [0, 1, 0]
    assert [adoption.counts(NOW)[name] for name in ("people", "with_two_factor", "staff")] == [3, 2, 1]


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
