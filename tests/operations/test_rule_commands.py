"""manage.py twofactor require, rules and release."""

import json

import pytest
from django.contrib.auth.models import Group
from django.core import mail

from tests.operations.admin_and_commands import run
from tests.people import NOW, enrol
from twofactor.models import Event, Rule
from twofactor.outgoing import outbox

pytestmark = pytest.mark.django_db
WHY = ("--reason", "audit of 2026")


@pytest.fixture(autouse=True)
def at_noon(clock):
    """All tests run on the day of NOW."""


@pytest.mark.proves("RU-7")
@pytest.mark.parametrize("whom", ["everyone", "staff", "group:Clerks", "alice@example.com"])
def test_a_rule_is_made_for(alice, whom):
    Group.objects.create(name="Clerks")
    ran = run("require", whom, *WHY)
    rule = Rule.objects.get()
    assert (ran.code, rule.scope in whom or rule.user == alice, rule.starts_on) == (0, True, NOW.date())
    assert Event.objects.get(kind="rule_made").detail["by"] == "command line"


def test_people_are_told(alice, bob):
    enrol(bob)
    ran = run("require", "everyone", "--from", "2030-01-31", "--grace-days", "7", *WHY)
    assert "1 told by email." in ran.out
    outbox.send_due()
    assert [message.to for message in mail.outbox] == [["alice@example.com"]]


def test_a_dry_run_changes_nothing(alice):
    ran = run("require", "everyone", "--dry-run", *WHY)
    assert ("people: 1" in ran.out, Rule.objects.count(), Event.objects.count()) == (True, 0, 0)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nobody@example.com"], "There is no user nobody@example.com."),
        (["group:cats"], "There is no group:cats."),
        (["everyone", "--from", "tomorrow"], "Enter a valid date."),
        (["everyone", "--from", "9999-12-31"], "not so far from today"),
        (["everyone", "--grace-days", "-1"], "greater than or equal to 0"),
    ],
)
def test_what_makes_no_sense_is_refused(db, words, says):
    ran = run("require", *words, *WHY)
    assert (ran.code, says in ran.err, Rule.objects.count()) == (1, True, 0)


def test_rules_are_listed(alice):
    run("require", "alice@example.com", *WHY)
    found = json.loads(run("rules", "--json").out)
    assert (found["for"], found["people"], found["at_once"]) == ("alice@example.com", 1, 1)


@pytest.mark.proves("RU-7")
def test_a_rule_is_removed(alice):
    run("require", "everyone", *WHY)
    ran = run("release", str(Rule.objects.get().pk), *WHY)
    assert (ran.code, Rule.objects.count()) == (0, 0)
    assert Event.objects.get(kind="rule_removed").detail["reason"] == "audit of 2026"


def test_a_rule_that_is_not_there_is_not_removed(db):
    assert run("release", "7", *WHY).err == "There is no rule 7."


def test_the_timer_tells_who_was_not_told(alice, monkeypatch):
    Rule.objects.create(scope="everyone", starts_on=NOW.date())
    assert run("send").out == "1 sent, 0 waiting.\n"
