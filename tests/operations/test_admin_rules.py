"""Rules about two-factor authentication in the administration: making, changing, removing them."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission
from django.core import mail
from django.test import Client

from tests.operations.admin_and_commands import browser_of, help_page, step_up
from tests.people import NOW, enrol, give_password, person, signed_in_as
from tests.twofactor.setup_steps import set_up
from twofactor.models import Authenticator, BackupCode, Event, Rule
from twofactor.operations import rules
from twofactor.outgoing import outbox

pytestmark = pytest.mark.django_db
RULES = "/admin/twofactor/rule/"
ADD = f"{RULES}add/"
TODAY = NOW.date()
PROFILE = "/accounts/profile/"


def fields(scope="everyone", starts_on=TODAY, grace_days=0, **others):
    return {"scope": scope, "starts_on": starts_on, "grace_days": grace_days, **others}


def save(client, path=ADD, **values):
    return client.post(path, {**fields(**values), "_previewed": "yes"})


def is_led_to_setup(email="alice@example.com"):
    client = Client()
    give_password(client, email)
    answer = client.get(PROFILE)
    return answer.status_code == 303 and answer.url.startswith("/two-factor/setup/")


def numbers(page):
    return dict(zip(re.findall("<dt>(.*?)</dt>", page), re.findall("<dd>(.*?)</dd>", page), strict=True))


# Making one


@pytest.mark.proves("RU-1")
def test_a_rule_is_shown_before_it_is_saved(stepped_up, alice, bob):
    enrol(bob)
    shown = stepped_up.post(ADD, fields())
    assert (shown.status_code, Rule.objects.count()) == (200, 0)
    found = numbers(shown.text)
    assert found["People this rule is for"] == "3"  # and the superuser
    assert found["Without two-factor authentication"] == "1"
    assert found["Led to the setup at their next page"] == "1"
    assert "No administrator would be locked out." in shown.text


def test_what_is_shown_is_sent_on(stepped_up, alice):
    shown = stepped_up.post(ADD, fields("person", user=alice.pk, grace_days=3)).text
    sent = dict(re.findall('<input type="hidden" name="([a-z_]+)" value="([^"]*)">', shown))
    assert {name: sent[name] for name in ("scope", "user", "grace_days")} == {
        "scope": "person",
        "user": str(alice.pk),
        "grace_days": "3",
    }


def test_the_way_back_keeps_what_was_entered(stepped_up, alice):
    shown = stepped_up.post(ADD, fields("person", user=alice.pk, grace_days=3)).text
    back = re.search(r'<a href="(/admin/twofactor/rule/add/\?[^"]+)"', shown)[1].replace("&amp;", "&")
    form = stepped_up.get(back).text
    assert ('value="3"' in form, f'value="{alice.pk}"' in form) == (True, True)


@pytest.mark.proves("RU-1")
def test_a_saved_rule_holds_from_the_next_request(stepped_up, alice):
    before = is_led_to_setup()
    save(stepped_up)
    assert (before, is_led_to_setup()) == (False, True)


@pytest.mark.parametrize(
    ("days", "grace", "at_once"),
    [(0, 0, "1"), (1, 0, "0"), (0, 1, "0"), (-5, 5, "0")],
)
def test_only_people_past_their_grace_are_led_at_once(stepped_up, alice, days, grace, at_once):
    """Alice has joined today, so days of grace begin today."""
    shown = stepped_up.post(ADD, fields(starts_on=TODAY + timedelta(days=days), grace_days=grace))
    assert numbers(shown.text)["Led to the setup at their next page"] == at_once


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (fields("group"), "Choose a group."),
        (fields("person"), "Choose a person."),
        (fields("everyone", user=1), "Leave this empty"),
        (fields(starts_on="9999-12-31"), "not so far from today"),
        (fields(starts_on="2026-02-30"), "Enter a valid date."),
        (fields(grace_days=366), "less than or equal to 365"),
        (fields(grace_days=-1), "greater than or equal to 0"),
        (fields("cats"), "is not one of the available choices"),
    ],
)
@pytest.mark.parametrize("previewed", [{}, {"_previewed": "yes"}])
def test_a_rule_that_makes_no_sense_is_refused(stepped_up, superuser, values, says, previewed):
    values = values | ({"user": superuser.pk} if "user" in values else {})
    answer = stepped_up.post(ADD, values | previewed)
    assert (answer.status_code, says in answer.text, Rule.objects.count()) == (200, True, 0)


@pytest.mark.proves("RU-2")
def test_a_rule_that_locks_out_every_administrator_is_refused(stepped_up, superuser):
    """Their only app does not open any more, and they have no codes."""
    Authenticator.objects.filter(user=superuser).update(sealed_key="broken")
    BackupCode.objects.filter(user=superuser).delete()
    answer = save(stepped_up)
    assert ("lock out every administrator" in answer.text, Rule.objects.count()) == (True, 0)


# Who may


@pytest.fixture
def helper(clock):
    helper = person("helper@example.com", is_staff=True)
    codenames = ["add_rule", "change_rule", "delete_rule", "view_rule", "change_user", "view_user"]
    helper.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    phone = enrol(helper)
    return step_up(browser_of(helper, phone, clock), phone, clock)


@pytest.mark.proves("RU-3")
@pytest.mark.parametrize("scope", ["everyone", "staff"])
@pytest.mark.parametrize("previewed", [{}, {"_previewed": "yes"}])
def test_only_superusers_make_rules_for_many(helper, scope, previewed):
    answer = helper.post(ADD, fields(scope) | previewed)
    assert ("You can only make a rule for one person" in answer.text, Rule.objects.count()) == (True, 0)


@pytest.mark.proves("RU-3")
def test_nobody_makes_a_rule_for_someone_with_more_rights(helper, superuser, alice):
    answers = [save(helper, scope="person", user=user.pk).status_code for user in (superuser, alice)]
    assert (answers, [rule.user for rule in Rule.objects.all()]) == ([200, 302], [alice])


@pytest.mark.proves("RU-3")
@pytest.mark.parametrize("end", ["change/", "delete/"])
def test_nobody_takes_away_a_rule_for_many(helper, end):
    rule = Rule.objects.create(scope="everyone", starts_on=TODAY)
    values = {**fields("everyone", grace_days=300), "_previewed": "yes", "post": "yes"}
    assert helper.post(f"{RULES}{rule.pk}/{end}", values).status_code == 403
    assert Rule.objects.get().grace_days == 0


@pytest.mark.proves("RU-3")
def test_without_the_permission_there_is_no_rule(superuser, alice, clock):
    clerk = person("clerk@example.com", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__in=["change_user", "view_user"]))
    phone = enrol(clerk)
    browser = step_up(browser_of(clerk, phone, clock), phone, clock)
    answers = [
        save(browser).status_code,
        browser.post(ADD, fields()).status_code,
        browser.post(help_page(alice, "require/"), {"require-reason": "asked to"}).status_code,
        browser.post(help_page(alice, "release/"), {"release-reason": "asked to"}).status_code,
    ]
    assert (answers, Rule.objects.count()) == ([403] * 4, 0)


@pytest.mark.proves("RU-3")
@pytest.mark.parametrize("previewed", [{}, {"_previewed": "yes"}])
def test_a_rule_needs_a_step_up(admin, previewed):
    answer = admin.post(ADD, fields() | previewed)
    assert (answer.status_code, answer.url[:20], Rule.objects.count()) == (303, "/two-factor/confirm/", 0)


def test_who_may_only_look_sees_the_rule(clock):
    clerk = person("clerk@example.com", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename="view_rule"))
    phone = enrol(clerk)
    browser = step_up(browser_of(clerk, phone, clock), phone, clock)
    rule = Rule.objects.create(scope="staff", starts_on=TODAY, grace_days=14)
    page = browser.get(f"{RULES}{rule.pk}/change/")
    assert (page.status_code, ">14<" in page.text) == (200, True)


def test_the_form_names_nobody_to_those_who_may_not_see_people(alice, clock):
    clerk = person("clerk@example.com", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename="add_rule"))
    phone = enrol(clerk)
    browser = step_up(browser_of(clerk, phone, clock), phone, clock)
    page = browser.get(ADD, {"scope": "person", "user": alice.pk})
    assert (page.status_code, alice.email in page.text) == (200, False)


# Changing and removing


def test_removing_a_rule_says_whose_it_is(stepped_up, alice):
    save(stepped_up, scope="person", user=alice.pk)
    page = stepped_up.get(f"{RULES}{Rule.objects.get().pk}/delete/").text
    assert alice.email in page


@pytest.mark.proves("RU-4")
def test_a_group_is_not_deleted_with_its_rule(stepped_up):
    clerks = Group.objects.create(name="Clerks")
    save(stepped_up, scope="group", group=clerks.pk)
    stepped_up.post(f"/admin/auth/group/{clerks.pk}/delete/", {"post": "yes"})
    assert (Group.objects.count(), Rule.objects.count()) == (1, 1)


def test_a_rule_can_be_changed(stepped_up, alice):
    save(stepped_up)
    rule = Rule.objects.get()
    save(stepped_up, f"{RULES}{rule.pk}/change/", grace_days=14)
    assert (Rule.objects.get().grace_days, is_led_to_setup()) == (14, False)


def test_a_rule_can_be_removed(stepped_up, alice):
    save(stepped_up)
    stepped_up.post(f"{RULES}{Rule.objects.get().pk}/delete/", {"post": "yes"})
    assert (Rule.objects.count(), is_led_to_setup()) == (0, False)


@pytest.mark.proves("RU-4")
def test_the_audit_log_has_who_did_what(stepped_up, superuser):
    save(stepped_up)
    path = f"{RULES}{Rule.objects.get().pk}/"
    save(stepped_up, f"{path}change/", scope="staff", grace_days=14)
    stepped_up.post(f"{path}delete/", {"post": "yes"})
    found = Event.objects.filter(kind__startswith="rule_").order_by("pk")
    by = f"user {superuser.pk}"
    assert list(found.values_list("kind", "user", "detail")) == [
        ("rule_made", None, {"rule": f"everyone, from {TODAY}, 0 days of grace", "by": by}),
        ("rule_changed", None, {"rule": f"staff, from {TODAY}, 14 days of grace", "by": by}),
        ("rule_removed", None, {"rule": f"staff, from {TODAY}, 14 days of grace", "by": by}),
    ]


# Telling people


def told():
    outbox.send_due()
    return sorted(message.to[0] for message in mail.outbox if "Set up two-factor" in message.subject)


@pytest.mark.proves("RU-5")
def test_people_without_a_factor_are_told_by_mail(stepped_up, alice, bob):
    enrol(bob)
    answer = stepped_up.post(ADD, {**fields(), "_previewed": "yes"}, follow=True)
    assert (told(), "1 person is told by email." in answer.text) == (["alice@example.com"], True)


@pytest.mark.proves("RU-5")
def test_the_mail_says_from_when_and_where(stepped_up, alice):
    save(stepped_up, starts_on=TODAY + timedelta(days=30))
    told()
    message = mail.outbox[-1]
    assert f"from {TODAY + timedelta(days=30):%-d %B %Y}" in message.body
    assert ("/two-factor/setup/" in message.body, "not-me" in message.body) == (True, False)


def test_nobody_is_told_twice_of_one_rule(stepped_up, alice):
    save(stepped_up)
    assert (rules.tell(), told()) == (0, ["alice@example.com"])


def test_people_are_told_again_when_a_rule_changes(stepped_up, alice):
    save(stepped_up)
    save(stepped_up, f"{RULES}{Rule.objects.get().pk}/change/", grace_days=14)
    assert told() == ["alice@example.com"] * 2


def test_many_people_are_told_in_steps(stepped_up, alice, bob, monkeypatch):
    monkeypatch.setattr(rules, "TOLD_AT_ONCE", 1)
    save(stepped_up)
    assert told() == ["alice@example.com", "bob@example.com"]
    assert Rule.objects.get().all_told_at is not None


def test_who_could_not_be_told_in_time_is_told_by_the_timer(stepped_up, alice, monkeypatch):
    monkeypatch.setattr(rules, "SECONDS_TO_TELL", 0)
    save(stepped_up)
    before = told()
    rules.tell()
    assert (before, told()) == ([], ["alice@example.com"])


def test_the_activity_of_the_person_says_so(stepped_up, alice, client):
    save(stepped_up, starts_on=TODAY + timedelta(days=30))
    give_password(client)
    assert "We told you that you need two-factor authentication" in client.get("/two-factor/activity/").text


# One button on the page of a person, as system A has it


def require(client, user, reason="handles money"):
    return client.post(help_page(user, "require/"), {"require-reason": reason}, follow=True)


@pytest.mark.proves("RU-6")
def test_one_button_requires_it_of_a_person(stepped_up, alice, bob):
    assert "needs two-factor authentication from now on" in require(stepped_up, alice).text
    assert (is_led_to_setup(), is_led_to_setup("bob@example.com")) == (True, False)


def test_requiring_needs_a_reason(stepped_up, alice):
    assert (require(stepped_up, alice, "").status_code, Rule.objects.count()) == (422, 0)


def test_the_reason_is_logged(stepped_up, alice, superuser):
    require(stepped_up, alice)
    event = Event.objects.get(kind="rule_made")
    assert (event.user, event.detail["reason"], event.detail["by"]) == (
        alice,
        "handles money",
        f"user {superuser.pk}",
    )


def test_who_is_asked_is_told_once(stepped_up, alice):
    require(stepped_up, alice)
    again = require(stepped_up, alice).text
    assert (told(), "needs two-factor authentication already" in again) == (["alice@example.com"], True)


def test_the_page_of_the_person_says_what_holds(stepped_up, alice):
    before = stepped_up.get(help_page(alice)).text
    require(stepped_up, alice)
    after = stepped_up.get(help_page(alice)).text
    assert "Nothing requires two-factor authentication" in before
    assert f"needs two-factor authentication from {TODAY:%-d %B %Y}" in after


@pytest.mark.proves("RU-6")
def test_a_second_button_takes_it_back(stepped_up, alice):
    require(stepped_up, alice)
    stepped_up.post(help_page(alice, "release/"), {"release-reason": "has left the team"})
    assert (is_led_to_setup(), Rule.objects.count()) == (False, 0)


def test_taking_back_leaves_rules_for_many(stepped_up, alice):
    save(stepped_up)
    answer = stepped_up.post(help_page(alice, "release/"), {"release-reason": "asked to"}, follow=True)
    assert ("no rule for this person alone" in answer.text, Rule.objects.count()) == (True, 1)


def test_a_rule_for_a_group_shows_its_name(stepped_up):
    clerks = Group.objects.create(name="Clerks <1>")
    save(stepped_up, scope="group", group=clerks.pk)
    assert "Clerks &lt;1&gt;" in stepped_up.get(RULES).text


@pytest.mark.proves("RU-6")
def test_system_a(stepped_up, alice, clock):
    """The administrator requires it of Alice, who sets it up at her next sign-in. From then on, it asks."""
    require(stepped_up, alice)
    client = Client()
    give_password(client)
    assert client.get(PROFILE, follow=True).redirect_chain[-1][0].startswith("/two-factor/setup/")
    phone = set_up(client)
    clock.shift(60)
    again = Client()
    asked = give_password(again)
    assert (asked.url[:19], signed_in_as(again)) == ("/two-factor/verify/", None)
    again.post("/two-factor/verify/", {"code": phone.code()})
    assert signed_in_as(again) == alice
