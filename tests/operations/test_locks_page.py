"""The page of the administration with who is locked now, and where wrong passwords and codes come from."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import strip_tags

from accounts import mail_limits, password_locks
from accounts.models import PasswordTries
from accounts.password_tries import ANYWHERE, STRANGERS, STRANGERS_LIMIT, digest_of
from tests.operations.admin_and_commands import ADOPTION, browser_of
from tests.people import enrol, give_password, person
from twofactor.limits import allowances
from twofactor.models import Event, GuessBudget
from twofactor.operations import locks

pytestmark = pytest.mark.django_db

LOCKS = f"{ADOPTION}locks/"


def rows(browser, heading):
    """Of the table below this heading, each as a list of texts."""
    part = browser.get(LOCKS).text.partition(f"<h2>{heading}</h2>")[2].partition("</div>")[0]
    found = re.findall(r"<tr>(.*?)</tr>", part.partition("</thead>")[2] or part, re.DOTALL)
    return [
        [" ".join(strip_tags(cell).split()) for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)]
        for row in found
    ]


def test_without_attacks_it_is_empty(admin):
    page = admin.get(LOCKS).text
    assert ("Nobody is locked." in page, page.count("<p>None.</p>")) == (True, 3)


@pytest.mark.proves("DK-3")
def test_it_lists_who_is_locked_and_links_to_help(admin, alice, phone, bob):
    GuessBudget.objects.update_or_create(
        user=alice, defaults={"failures": 7, "locked_until": timezone.now() + timedelta(minutes=20)}
    )
    assert rows(admin, "Locked now") == [
        ["alice@example.com", "Wrong codes: locked until 1 March 2026, 12:26 (UTC)", "Help with signing in"]
    ]


def test_a_lock_by_real_wrong_passwords_is_listed(admin, alice):
    for _ in range(6):
        Client().post("/accounts/login/", {"username": "ALICE@example.com", "password": "wrong"})
    (row,) = rows(admin, "Locked now")
    assert row[0] == "alice@example.com"
    assert row[1].startswith("Wrong passwords, from one address (127.0.0.1): locked until ")


def test_what_lasts_longest_comes_first(admin, alice, phone, bob):
    GuessBudget.objects.update_or_create(
        user=alice, defaults={"failures": 7, "locked_until": timezone.now() + timedelta(minutes=20)}
    )
    PasswordTries.objects.create(
        name_digest=digest_of(bob.email, STRANGERS), address=ANYWHERE, count=STRANGERS_LIMIT
    )
    assert [row[0] for row in rows(admin, "Locked now")] == ["bob@example.com", "alice@example.com"]


@pytest.mark.proves("DK-3")
def test_a_name_that_nobody_has_is_not_shown(admin, alice):
    """It may be a password that someone has typed into the wrong field; only a digest is there."""
    for _ in range(6):
        Client().post("/accounts/login/", {"username": "hunter22@example.com", "password": "wrong"})
    assert [row[0] for row in rows(admin, "Locked now")] == ["A name that isn't known"]
    assert "hunter22" not in admin.get(LOCKS).text


def test_with_too_many_people_names_are_not_looked_up(admin, alice, bob, monkeypatch):
    monkeypatch.setattr(password_locks, "MOST_PEOPLE", 2)
    for _ in range(6):
        Client().post("/accounts/login/", {"username": alice.email, "password": "wrong"})
    assert [row[0] for row in rows(admin, "Locked now")] == ["A name that isn't known"]


def test_tries_are_added_up_by_address(admin, alice, phone, bob, client):
    for name in ("alice@example.com", "alice@example.com", "bob@example.com"):
        Client().post("/accounts/login/", {"username": name, "password": "wrong"})
    give_password(client)
    client.post("/two-factor/verify/", {"code": "000000"})
    assert rows(admin, "Wrong passwords and codes in the last hour, by address")[0][0] == "127.0.0.1"
    (row,) = locks.tries_by_address(timezone.now())
    assert (row.names, row.codes) == (2, 1)


def test_after_an_hour_they_are_gone(admin, alice, clock):
    Client().post("/accounts/login/", {"username": "alice@example.com", "password": "wrong"})
    assert locks.tries_by_address(timezone.now() + timedelta(minutes=59))
    assert not locks.tries_by_address(timezone.now() + timedelta(minutes=61))


def test_warnings_are_counted_by_kind(admin, alice):
    for kind in ("second_factor_refused", "second_factor_refused", "token_reused", "password_changed"):
        Event.objects.create(user=alice, kind=kind, at=timezone.now())
    assert rows(admin, "Warnings in the last hour") == [
        ["A wrong code was entered", "2"],
        ["A program was signed out because an old token was used again", "1"],
    ]


@pytest.mark.proves("DK-3")
def test_a_limit_is_listed_once_it_is_reached(admin):
    limit = allowances.CODES_TO_PERSON[0]
    for _ in range(limit.count):
        assert rows(admin, "Limits reached: no more messages for now") == []
        limit.charge(7, timezone.now())
    assert rows(admin, "Limits reached: no more messages for now") == [
        ["Codes to one person: 5 in 1 hour", "1"]
    ]


def test_the_limits_of_mails_to_strangers_are_listed_too(admin):
    for _ in range(mail_limits.TO_ADDRESS.count):
        mail_limits.TO_ADDRESS.charge("x", timezone.now())
    (row,) = locks.reached_limits(timezone.now())
    assert str(row.name) == "Mails that strangers ask for to one address"


def test_a_limit_of_a_window_that_is_over_is_not_listed():
    limit = allowances.CODES_TO_PERSON[0]
    for _ in range(limit.count):
        limit.charge(7, timezone.now())
    assert locks.reached_limits(timezone.now() + limit.window) == []


def test_it_costs_as_many_queries_for_many_locks(admin, alice, django_assert_max_num_queries):
    for n in range(30):
        user = person(f"p{n}@example.com")
        GuessBudget.objects.create(user=user, failures=7, locked_until=timezone.now() + timedelta(hours=1))
    with django_assert_max_num_queries(20):
        admin.get(LOCKS)


def test_no_more_than_so_many_locks_are_listed(admin, monkeypatch):
    monkeypatch.setattr(locks, "MOST_LOCKS", 3)
    for n in range(5):
        user = person(f"p{n}@example.com")
        GuessBudget.objects.create(user=user, failures=7, locked_until=timezone.now() + timedelta(hours=1))
    assert len(rows(admin, "Locked now")) == 3


def test_who_may_not_see_people_sees_no_locks(clock):
    clerk = person("clerk@example.com", is_staff=True)
    browser = browser_of(clerk, enrol(clerk), clock)
    assert browser.get(LOCKS).status_code == 403
    assert LOCKS not in browser.get(ADOPTION).text + browser.get("/admin/").text
