"""An administrator reminds people without two-factor authentication by mail, each at most once a week."""

from datetime import date, timedelta

import pytest
from django.contrib.auth.models import Group, Permission
from django.core import mail
from django.utils import timezone

from tests.operations.admin_and_commands import ADOPTION, browser_of, step_up
from tests.people import enrol, person
from twofactor.activity import list_rows
from twofactor.limits.allowances import REMINDERS
from twofactor.models import Allowance, Event, Rule, actor
from twofactor.operations import prune, reminders, rules
from twofactor.outgoing import outbox

pytestmark = pytest.mark.django_db

REMIND = f"{ADOPTION}remind/"
EVERYONE = f"{REMIND}?scope=everyone&group="


def addresses():
    outbox.send_due()
    return sorted(letter.to[0] for letter in mail.outbox if "Set up two-factor" in letter.subject)


def test_the_preview_counts_whom_it_would_remind(stepped_up, alice, phone, bob):
    page = stepped_up.get(EVERYONE).text
    assert "Remind 1 person" in page


@pytest.mark.proves("DK-4")
def test_the_preview_shows_the_mail_and_sends_none(stepped_up, bob):
    page = stepped_up.get(EVERYONE).text
    assert "The people who run Countersign ask you to set up two-factor authentication" in page
    assert (addresses(), Event.objects.filter(kind="two_factor_reminded").count()) == ([], 0)


def test_those_without_it_are_reminded(stepped_up, alice, phone, bob):
    stepped_up.post(EVERYONE)
    assert addresses() == ["bob@example.com"]
    assert "ask you to set up two-factor authentication for your account" in mail.outbox[-1].body
    assert mail.outbox[-1].subject == "Set up two-factor authentication – Countersign"


def test_the_page_says_how_many_were_reminded(stepped_up, bob):
    person("carol@example.com")
    assert "2 people are reminded by email." in stepped_up.post(EVERYONE, follow=True).text


def test_of_a_group_only_its_people_are_reminded(stepped_up, bob):
    clerks = Group.objects.create(name="Clerks")
    person("carol@example.com").groups.add(clerks)
    stepped_up.post(f"{REMIND}?scope=group&group={clerks.pk}")
    assert addresses() == ["carol@example.com"]


def test_the_audit_log_has_it_with_who_did_it(stepped_up, superuser, bob):
    stepped_up.post(EVERYONE)
    event = Event.objects.get(user=bob)
    assert (event.kind, event.detail, event.get_kind_display(), event.title) == (
        "two_factor_reminded",
        {"by": actor(superuser.pk)},
        "Reminded to set up two-factor authentication",
        "We reminded you to set up two-factor authentication",
    )


def test_the_activity_is_found_by_its_own_words_only(stepped_up, bob):
    stepped_up.post(EVERYONE)
    found = [len(list_rows(bob.pk, 5, search=word).rows) for word in ("reminded", "told")]
    assert found == [1, 0]


@pytest.mark.proves("DK-4")
def test_nobody_is_reminded_twice_in_a_week(stepped_up, bob):
    stepped_up.post(EVERYONE)
    assert "There's nobody to remind now." in stepped_up.get(EVERYONE).text
    stepped_up.post(EVERYONE)
    assert addresses() == ["bob@example.com"]


def test_of_two_who_remind_at_once_one_does(stepped_up, bob):
    """The second has read the list before the first wrote the event."""
    assert REMINDERS.charge(bob.pk, timezone.now())
    stepped_up.post(EVERYONE)
    assert addresses() == []


def test_whom_a_rule_has_told_is_not_reminded_in_the_same_week(stepped_up, bob):
    rules.write(Rule(scope="person", user=bob, starts_on=date(2026, 4, 1)), "command line", None)
    rules.tell()
    stepped_up.post(EVERYONE)
    assert addresses() == ["bob@example.com"]  # once


def test_after_a_week_people_can_be_reminded_again(stepped_up, bob, rf, superuser, clock):
    stepped_up.post(EVERYONE)
    clock.shift(REMINDERS.window.total_seconds() - 1)
    assert remind(superuser) == 0
    clock.shift(2)
    assert remind(superuser) == 1


def remind(by):
    return reminders.remind(Rule(scope="everyone"), actor(by.pk), None, timezone.now())


def test_pruning_keeps_the_count_for_the_week(superuser, bob, clock):
    remind(superuser)
    prune.prune(timezone.now() + timedelta(days=6))
    assert Allowance.objects.filter(key__startswith=REMINDERS.key("")).count() == 2
    prune.prune(timezone.now() + timedelta(days=9))
    assert not Allowance.objects.filter(key__startswith=REMINDERS.key("")).exists()


def test_more_people_than_one_transaction_takes(superuser, bob, monkeypatch):
    monkeypatch.setattr(reminders, "AT_ONCE", 2)
    for n in range(4):
        person(f"p{n}@example.com")
    Event.objects.all().delete()
    assert remind(superuser) == 5 + 1  # the superuser has none either


def test_who_is_not_active_is_not_reminded(stepped_up):
    person("gone@example.com", is_active=False)
    stepped_up.post(EVERYONE)
    assert addresses() == []


def test_it_needs_password_and_code_again(admin, bob):
    assert admin.post(EVERYONE).status_code in (302, 303)
    assert not Event.objects.filter(user=bob).exists()


@pytest.mark.parametrize("query", ["", "?scope=person", "?scope=group", "?scope=group&group=x"])
def test_what_is_no_share_reminds_nobody(stepped_up, bob, query):
    assert stepped_up.post(REMIND + query).status_code == 404
    assert not Event.objects.filter(user=bob).exists()


@pytest.fixture
def clerk_browser(clock):
    clerk = person("clerk@example.com", is_staff=True)
    phone = enrol(clerk)
    return clerk, step_up(browser_of(clerk, phone, clock), phone, clock)


def test_who_may_not_change_people_reminds_nobody(clerk_browser, bob):
    clerk, browser = clerk_browser
    clerk.user_permissions.add(Permission.objects.get(codename="view_user"))
    assert browser.post(EVERYONE).status_code == 403
    assert "remind/" not in browser.get(ADOPTION).text
    assert not Event.objects.filter(user=bob).exists()


def test_who_may_not_see_groups_reminds_none(clerk_browser, bob):
    clerk, browser = clerk_browser
    clerk.user_permissions.add(Permission.objects.get(codename="change_user"))
    group = Group.objects.create(name="Clerks")
    bob.groups.add(group)
    assert browser.post(f"{REMIND}?scope=group&group={group.pk}").status_code == 403
    assert browser.post(EVERYONE).status_code == 303
