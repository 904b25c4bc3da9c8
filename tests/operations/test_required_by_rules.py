"""Rules in the database: whom each requires a second factor of, from when, and beside the setting."""

from datetime import date, timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.test import Client

from tests.people import NOW, give_password, person, sign_in
from tests.twofactor.code_forms import enter_password_and_code
from twofactor import factor_changes, policy
from twofactor.factors import enrolled
from twofactor.models import Rule
from twofactor.operations import support

pytestmark = pytest.mark.django_db
TODAY = NOW.date()
PROFILE = "/accounts/profile/"


def rule(scope="everyone", starts_on=TODAY, **fields):
    return Rule.objects.create(scope=scope, starts_on=starts_on, **fields)


def is_led_to_setup(user):
    client = Client()
    give_password(client, user.email)
    answer = client.get(PROFILE)
    return answer.status_code == 303 and answer.url.startswith("/two-factor/setup/")


def test_without_a_rule_nobody_is_held(alice):
    assert (is_led_to_setup(alice), policy.deadline(alice)) == (False, None)


def test_a_rule_for_everyone_holds_everyone(alice, bob):
    rule()
    assert (is_led_to_setup(alice), is_led_to_setup(bob)) == (True, True)


def test_a_rule_for_staff_holds_staff_alone(alice):
    rule("staff")
    chief = person("chief@example.com", is_staff=True)
    assert (is_led_to_setup(alice), is_led_to_setup(chief)) == (False, True)


def test_a_rule_for_a_person_holds_that_person_alone(alice, bob):
    rule("person", user=bob)
    assert (is_led_to_setup(alice), is_led_to_setup(bob)) == (False, True)


def test_a_rule_for_a_group_holds_its_members_alone(alice, bob):
    clerks = Group.objects.create(name="clerks")
    bob.groups.add(clerks)
    rule("group", group=clerks)
    assert (is_led_to_setup(alice), is_led_to_setup(bob)) == (False, True)


# Turning it off

DISABLE = "/two-factor/disable/"


@pytest.fixture
def clerks(alice):
    clerks = Group.objects.create(name="Clerks <1>")
    alice.groups.add(clerks)
    return clerks


@pytest.mark.proves("MF-7")
@pytest.mark.parametrize(
    ("scope", "says"),
    [
        ("everyone", "This site requires two-factor authentication for everyone."),
        ("group", "This site requires two-factor authentication for the group “Clerks &lt;1&gt;”."),
        ("person", "An administrator requires two-factor authentication for your account."),
    ],
)
def test_who_must_have_it_keeps_it_and_is_told_why(client, alice, phone, clock, clerks, scope, says):
    sign_in(client, phone)
    rule(scope, **{"group": {"group": clerks}, "person": {"user": alice}}.get(scope, {}))
    clock.shift(60)
    asked, sent = client.get(DISABLE), enter_password_and_code(client, DISABLE, phone.code())
    assert (asked.status_code, says in asked.text, says in sent.text) == (200, True, True)
    assert (sent.status_code, enrolled.is_on(alice)) == (409, True)


@pytest.mark.proves("MF-7")
@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("staff", "This site requires two-factor authentication for staff."),
        (f"{__name__}.everyone", "This site requires two-factor authentication for your account."),
    ],
)
def test_the_setting_keeps_it_on_too(client, alice, phone, settings, setting, says):
    settings.TWOFACTOR_REQUIRED_FOR = setting
    type(alice).objects.update(is_staff=True)
    sign_in(client, phone)
    assert says in client.get(DISABLE).text


def everyone(user):
    return True


def test_the_widest_of_several_rules_is_named(client, alice, phone):
    rule("person", user=alice)
    rule("everyone")
    sign_in(client, phone)
    assert "for everyone." in client.get(DISABLE).text


@pytest.mark.proves("MF-7")
def test_a_rule_that_comes_while_it_is_turned_off_wins(client, alice, phone, clock, rf):
    rule()
    with pytest.raises(factor_changes.Required):
        factor_changes.turn_off(alice, rf.post("/"))
    assert enrolled.is_on(alice)


@pytest.mark.parametrize("later", [{"starts_on": date(2026, 3, 2)}, {"grace_days": 1}])
def test_before_the_deadline_it_can_be_turned_off(client, alice, phone, clock, later):
    rule(**later)
    sign_in(client, phone)
    clock.shift(60)
    enter_password_and_code(client, DISABLE, phone.code())
    assert not enrolled.is_on(alice)


def test_support_still_resets_it(alice, phone, rf):
    rule()
    support.reset(alice, "lost", "an administrator", rf.post("/"))
    assert not enrolled.is_on(alice)


@pytest.mark.parametrize(("first_day", "held"), [(date(2026, 3, 1), True), (date(2026, 3, 2), False)])
def test_a_rule_holds_from_its_first_day(alice, first_day, held):
    rule(starts_on=first_day)
    assert is_led_to_setup(alice) is held


@pytest.mark.parametrize(("days", "held"), [(6, False), (8, True)])
def test_days_of_grace_count_from_the_first_day(alice, clock, days, held):
    rule(grace_days=7)
    clock.shift(timedelta(days=days))
    assert is_led_to_setup(alice) is held


@pytest.mark.parametrize(("days", "held"), [(6, False), (8, True)])
def test_for_someone_new_they_count_from_their_first_day(clock, days, held):
    rule(starts_on=TODAY - timedelta(days=100), grace_days=7)
    newcomer = person("new@example.com")
    clock.shift(timedelta(days=days))
    assert is_led_to_setup(newcomer) is held


def test_of_two_rules_the_earlier_one_counts(alice):
    rule(grace_days=30)
    rule("person", user=alice)
    assert is_led_to_setup(alice)


def test_a_rule_does_not_put_off_what_the_setting_requires(alice, settings):
    settings.TWOFACTOR_REQUIRED_FOR = "everyone"
    rule(starts_on=TODAY + timedelta(days=30))
    assert is_led_to_setup(alice)


@pytest.mark.proves("S-05")
def test_a_rule_holds_from_the_next_request(alice):
    client = Client()
    give_password(client)
    statuses = [client.get(PROFILE).status_code]
    made = rule()
    statuses.append(client.get(PROFILE).status_code)
    made.delete()
    statuses.append(client.get(PROFILE).status_code)
    assert statuses == [200, 303, 200]


def test_someone_who_has_a_factor_is_not_held(client, alice, phone):
    rule()
    sign_in(client, phone)
    assert client.get(PROFILE).status_code == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"scope": "group"},
        {"scope": "person"},
        {"scope": "everyone", "user": True},
        {"scope": "staff", "group": True},
        {"scope": "nobody"},
    ],
)
def test_a_rule_says_whom_it_is_for(alice, fields):
    named = {"user": alice} if "user" in fields else {}
    named |= {"group": Group.objects.create(name="clerks")} if "group" in fields else {}
    with pytest.raises(IntegrityError), transaction.atomic():
        rule(fields["scope"], **named)
