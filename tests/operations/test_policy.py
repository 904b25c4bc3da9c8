"""Who must have two-factor authentication, from when, and what they reach without it."""

import subprocess
import sys
from datetime import date, timedelta
from io import StringIO

import pytest
from django.core.management import load_command_class
from django.test import Client

from accounts.models import User
from tests.operations.admin_and_commands import ROOT, browser_of, environment, run
from tests.people import NOW, PASSWORD, enrol, give_password, person
from tests.urls_of_site import URLS
from twofactor import policy
from twofactor.factors import enrolled
from twofactor.models import Reminder

pytestmark = pytest.mark.django_db
PROFILE = "/accounts/profile/"
SETUP = "/two-factor/setup/?next=%2Faccounts%2Fprofile%2F"


def no_gmail(user):
    """A policy function of a site."""
    return not user.email.endswith("@gmail.example")


def broken(user):
    raise LookupError("a rule that fails")


@pytest.fixture
def set_policy(settings):
    def set_policy_to(name, since=None, grace=0):
        settings.TWOFACTOR_REQUIRED_FOR = name
        settings.TWOFACTOR_REQUIRED_FROM = since
        settings.TWOFACTOR_GRACE_DAYS = grace

    return set_policy_to


# Whom a policy applies to


@pytest.mark.parametrize(
    ("name", "is_staff", "email", "must_set_up"),
    [
        ("nobody", True, "alice@example.com", False),
        ("staff", False, "alice@example.com", False),
        ("staff", True, "alice@example.com", True),
        ("everyone", False, "alice@example.com", True),
        ("tests.operations.test_policy.no_gmail", False, "alice@example.com", True),
        ("tests.operations.test_policy.no_gmail", True, "alice@gmail.example", False),
    ],
)
def test_a_rule_holds_for_whom_it_names(client, set_policy, clock, name, is_staff, email, must_set_up):
    person(email, is_staff=is_staff)
    give_password(client, email)
    set_policy(name)
    assert (client.get(PROFILE).status_code == 303) == must_set_up


def test_without_a_setting_nobody_must_set_up(settings, as_alice):
    del settings.TWOFACTOR_REQUIRED_FOR
    assert as_alice.get(PROFILE).status_code == 200


@pytest.mark.proves("8.3.2")
def test_a_rule_holds_from_the_next_request(set_policy, as_alice):
    before = as_alice.get(PROFILE).status_code
    set_policy("everyone")
    assert (before, as_alice.get(PROFILE).status_code) == (200, 303)


def test_a_rule_that_was_taken_back_holds_no_longer(set_policy, as_alice):
    set_policy("everyone")
    as_alice.get(PROFILE)
    set_policy("nobody")
    assert as_alice.get(PROFILE).status_code == 200


@pytest.mark.proves("S-05")
def test_who_becomes_staff_must_set_up_from_the_next_request(set_policy, as_alice):
    set_policy("staff")
    User.objects.update(is_staff=True)
    assert as_alice.get(PROFILE).status_code == 303


def test_who_has_two_factor_authentication_notices_nothing(set_policy, alice, phone, clock):
    set_policy("everyone")
    assert browser_of(alice, phone, clock).get(PROFILE).status_code == 200


def test_strangers_notice_nothing(set_policy, client, db):
    set_policy("everyone")
    assert client.get("/").status_code == 200


def test_a_rule_that_fails_lets_nobody_through(set_policy, as_alice):
    set_policy("tests.operations.test_policy.broken")
    as_alice.raise_request_exception = False
    assert as_alice.get(PROFILE).status_code == 500


def test_in_a_session_that_other_code_opened_people_must_set_up_too(set_policy, client, alice):
    client.force_login(alice)
    set_policy("everyone")
    assert client.get(PROFILE).status_code == 303


# What people reach who must still set up


OPEN = {
    "/accounts/email/verify/1/",
    "/accounts/email/verify/send/",
    "/accounts/language/",
    "/accounts/logout/",
    "/admin/logout/",
    "/help/",
    "/two-factor/confirm/",
    "/two-factor/confirm/passkey/",
    "/two-factor/setup/",
    "/two-factor/not-me/1/",
    "/two-factor/recovery/stop/1/",
    "/accounts/delete/keep/",
    "/accounts/delete/stop/1/",
    "/accounts/delete/stopped/",
    "/two-factor/setup/verify/",
    "/two-factor/setup/codes/",
    "/two-factor/setup/passkey/",
    "/two-factor/setup/cancel/",
}


def test_the_crawl_knows_the_site():
    assert {*OPEN, "/", PROFILE, "/admin/", "/admin/accounts/user/1/change/", "/two-factor/"} <= {*URLS}


@pytest.mark.proves("6.3.3", "8.2.1-8.2.3")
@pytest.mark.parametrize("send", [Client.get, Client.post], ids=["get", "post"])
@pytest.mark.parametrize("path", [path for path in URLS if path not in OPEN])
def test_what_is_not_needed_to_set_up_leads_to_it(set_policy, as_alice, path, send):
    set_policy("everyone")
    answer = send(as_alice, path)
    assert (answer.status_code, answer.get("Location", "").partition("?")[0]) == (303, "/two-factor/setup/")


@pytest.mark.parametrize("path", sorted(OPEN))
def test_what_is_needed_to_set_up_is_open(set_policy, as_alice, path):
    set_policy("everyone")
    assert "?next=" not in as_alice.get(path).get("Location", "")


def test_someone_who_must_set_up_is_led_to_set_up_with_the_way_on(set_policy, as_alice):
    set_policy("everyone")
    assert as_alice.get(PROFILE, follow=True).redirect_chain == [(SETUP, 303)]


def test_someone_who_must_set_up_is_told_why(set_policy, as_alice):
    set_policy("everyone")
    page = as_alice.get(PROFILE, follow=True).text
    sentence = "This site requires two-factor authentication for everyone. Set it up to continue."
    assert page.count(sentence) == 1


def test_someone_who_must_set_up_can_give_the_password_again(set_policy, as_alice):
    set_policy("everyone")
    answer = as_alice.post("/two-factor/confirm/", {"password": PASSWORD, "next": "/two-factor/setup/"})
    assert answer.url == "/two-factor/setup/"


@pytest.mark.parametrize("path", ["/accounts/logout/", "/admin/logout/"])
def test_someone_who_must_set_up_can_sign_out(set_policy, as_alice, path):
    set_policy("everyone")
    as_alice.post(path)
    assert "_auth_user_id" not in as_alice.session


def test_someone_who_must_set_up_can_sign_out_where_the_link_for_it_leads(set_policy, as_alice, settings):
    set_policy("everyone")
    settings.TWOFACTOR_LINKS = {"sign_out": "profile"}
    assert as_alice.get(PROFILE).status_code == 200


def test_someone_who_must_set_up_can_choose_the_language(set_policy, as_alice, alice):
    set_policy("everyone")
    as_alice.post("/accounts/language/", {"language": "de"})
    alice.refresh_from_db()
    assert alice.language == "de"


def test_after_setup_every_page_opens_at_once(set_policy, as_alice, alice, clock):
    set_policy("everyone")
    phone = enrol(alice)
    assert browser_of(alice, phone, clock).get(PROFILE).status_code == 200


# From when


@pytest.mark.parametrize(("day", "must_set_up"), [(date(2026, 3, 1), True), (date(2026, 3, 2), False)])
def test_a_rule_holds_from_its_day_on(set_policy, as_alice, day, must_set_up):
    set_policy("everyone", since=day)
    assert (as_alice.get(PROFILE).status_code == 303) == must_set_up


def test_a_rule_begins_at_midnight(set_policy, client, alice, clock):
    set_policy("everyone", since=date(2026, 3, 2))
    clock.move_to(NOW.replace(hour=23, minute=59, second=59))
    give_password(client)
    before = client.get(PROFILE).status_code
    clock.shift(1)
    assert (before, client.get(PROFILE).status_code) == (200, 303)


@pytest.mark.parametrize(("days", "must_set_up"), [(2, False), (3, True)])
def test_who_is_new_has_days_of_grace(set_policy, as_alice, clock, days, must_set_up):
    set_policy("everyone", grace=3)
    clock.shift(timedelta(days=days))
    give_password(as_alice)
    assert (as_alice.get(PROFILE).status_code == 303) == must_set_up


def test_of_day_and_grace_the_later_counts(set_policy, alice):
    set_policy("everyone", since=date(2026, 3, 2), grace=3)
    assert policy.deadline(alice) == NOW + timedelta(days=3)


def test_there_is_no_day_for_whom_the_rule_leaves_out(set_policy, alice):
    set_policy("staff", since=date(2026, 3, 2))
    assert policy.deadline(alice) is None


# The reminder


def test_the_reminder_tells_the_day(set_policy, as_alice):
    set_policy("everyone", since=date(2026, 4, 1))
    assert "Your account needs two-factor authentication from 1 April 2026." in as_alice.get("/").text


def test_the_reminder_of_a_day_has_no_button_to_dismiss_it(set_policy, as_alice):
    set_policy("everyone", since=date(2026, 4, 1))
    assert "/two-factor/nudge/dismiss/" not in as_alice.get("/").text


def test_a_dismissed_reminder_is_back_when_there_is_a_day(set_policy, as_alice, alice):
    Reminder.objects.create(user=alice, dismissed_at=NOW)
    set_policy("everyone", since=date(2026, 4, 1))
    assert "from 1 April 2026" in as_alice.get("/").text


def test_without_a_day_it_can_be_dismissed(as_alice):
    as_alice.post("/two-factor/nudge/dismiss/")
    assert "reminder-title" not in as_alice.get("/").text


# Settings that are refused


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TWOFACTOR_REQUIRED_FOR", "all"),
        ("TWOFACTOR_REQUIRED_FOR", "Staff"),
        ("TWOFACTOR_REQUIRED_FOR", "a rule.of ours"),
        ("TWOFACTOR_REQUIRED_FROM", "tomorrow"),
        ("TWOFACTOR_REQUIRED_FROM", "2027-02-30"),
        ("TWOFACTOR_GRACE_DAYS", "-1"),
        ("TWOFACTOR_GRACE_DAYS", "1.5"),
        ("TWOFACTOR_GRACE_DAYS", "366"),
        ("TWOFACTOR_REQIURED_FOR", "staff"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_in_one_line(name, value):
    command = [sys.executable, "manage.py", "twofactor", "status"]
    ran = subprocess.run(command, cwd=ROOT, env=environment() | {name: value}, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr.count("\n"), name in ran.stderr) == (1, 1, True)


# When a policy locks everyone out


def test_the_rule_is_told_at_the_command_line(set_policy, db):
    set_policy("everyone")
    assert "required for: everyone\n" in run("status").out


def test_the_day_of_a_person_is_told_at_the_command_line(set_policy, alice):
    set_policy("everyone", since=date(2026, 4, 1))
    assert "required from: 2026-04-01 00:00:00+00:00\n" in run("status", alice.email).out


def test_the_command_line_works_where_a_check_would_refuse_to_start(settings, alice, phone):
    settings.TWOFACTOR_WINDOW = 5  # twofactor.E007
    options = {"force_color": False, "no_color": True, "skip_checks": False, "stdout": StringIO()}
    command = load_command_class("twofactor", "twofactor")
    command.execute(action="reset", person=alice.email, reason="locked out", **options)
    assert not enrolled.is_on(alice)
