"""What the administration says of a person, on their own page and in the lists, and in which words."""

import re
from datetime import date, timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone
from django.utils.html import strip_tags

from accounts.models import KnownBrowser, PasswordTries
from accounts.password_tries import (
    ANYWHERE,
    COOL_OFF,
    STRANGERS,
    STRANGERS_LIMIT,
    TRIES_PER_BROWSER,
    digest_of,
)
from tests.operations.admin_and_commands import EVENTS, PEOPLE, browser_of, help_page, step_up
from tests.people import NOW, add_passkey, enrol, person
from twofactor.models import Event, GuessBudget, Rule, rule_as_actor
from twofactor.operations import rules

pytestmark = pytest.mark.django_db


def page_of(browser, user):
    return browser.get(f"{PEOPLE}{user.pk}/change/").text


def state(browser, user):
    """The words of the state, which is on top of the page."""
    found = re.search(r'<ul class="state">.*?</ul>', page_of(browser, user), re.DOTALL)
    return " ".join(strip_tags(found[0]).split())


# The page of a person


@pytest.mark.proves("DK-1")
def test_it_begins_with_the_state(stepped_up, alice, phone):
    page = page_of(stepped_up, alice)
    assert page.index('class="state"') < page.index('name="email"')


def test_the_state_names_the_factors_and_since_when(stepped_up, alice, phone):
    add_passkey(alice, name="Laptop <1>")
    said = state(stepped_up, alice)
    assert said.startswith(
        "On since 1 March 2026 (UTC) Authenticator app · Laptop &lt;1&gt; Backup codes left: "
    )


def test_the_state_of_someone_without_it(stepped_up, bob):
    assert state(stepped_up, bob) == "Off Nothing requires two-factor authentication of this person."


def test_the_state_names_the_rules(stepped_up, bob):
    for scope, user in [("everyone", None), ("person", bob)]:
        rules.write(Rule(scope=scope, user=user, starts_on=date(2026, 4, 1)), "command line", None)
    said = "This person needs two-factor authentication from 1 April 2026. Rules for: Everyone, One person"
    assert state(stepped_up, bob) == f"Off {said}"


def test_the_state_names_the_setting(stepped_up, bob, settings):
    settings.TWOFACTOR_REQUIRED_FOR = "everyone"
    assert state(stepped_up, bob).endswith("Rules for: Setting of this site")


def tries_for(name, count, *, address="203.0.113.9", tried_by="", at=NOW):
    PasswordTries.objects.create(
        name_digest=digest_of(name, tried_by), address=address, count=count, last_at=at
    )


def lock_codes(user):
    GuessBudget.objects.update_or_create(
        user=user, defaults={"failures": 7, "locked_until": timezone.now() + timedelta(minutes=20)}
    )


def lock_at_address(user):
    tries_for(user.email, TRIES_PER_BROWSER, at=timezone.now())


def lock_strangers(user):
    tries_for(user.email, STRANGERS_LIMIT, address=ANYWHERE, tried_by=STRANGERS)


def lock_known_browser(user):
    KnownBrowser.objects.create(
        user=user,
        digest="0" * 64,
        tries=TRIES_PER_BROWSER,
        last_try_at=timezone.now(),
        expires_at=timezone.now() + timedelta(days=1),
    )


@pytest.mark.proves("DK-1")
@pytest.mark.parametrize(
    ("lock", "said"),
    [
        (lock_codes, "Wrong codes: locked until "),
        (lock_at_address, "Wrong passwords, from one address (203.0.113.9): locked until "),
        (lock_strangers, "Wrong passwords, in new browsers: locked until there's a new password"),
        (lock_known_browser, "Wrong passwords, in a browser of theirs: locked until "),
    ],
)
def test_the_state_names_each_lock(stepped_up, alice, phone, bob, lock, said):
    lock(alice)
    assert said in state(stepped_up, alice)
    assert "locked until" not in state(stepped_up, bob)


def test_a_lock_that_is_over_is_not_named(stepped_up, alice, phone, clock):
    lock_at_address(alice)
    lock_known_browser(alice)
    over = timezone.now() - COOL_OFF
    PasswordTries.objects.update(last_at=over)
    KnownBrowser.objects.filter(digest="0" * 64).update(last_try_at=over)
    assert "locked until" not in state(stepped_up, alice)


def test_the_page_to_help_says_that_passwords_are_blocked(stepped_up, bob):
    lock_strangers(bob)
    assert "Passwords are blocked until this person chooses a new one" in stepped_up.get(help_page(bob)).text


def test_the_links_lead_to_parts_of_the_page_to_help(stepped_up, alice, phone):
    links = re.findall(rf'href="{help_page(alice)}#(\w+)"', page_of(stepped_up, alice))
    text = stepped_up.get(help_page(alice)).text
    assert links == ["requirement", "devices", "activity"]
    assert all(f'id="{part}"' in text for part in links)


def test_who_may_only_look_sees_the_state_and_no_link(alice, phone, clock):
    clerk = person("clerk@example.com", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_user"))
    phone_of_clerk = enrol(clerk)
    browser = step_up(browser_of(clerk, phone_of_clerk, clock), phone_of_clerk, clock)
    assert state(browser, alice).startswith("On since")
    assert "two-factor/" not in re.sub(r"<head>.*?</head>", "", page_of(browser, alice), flags=re.DOTALL)


def test_an_anonymous_person_to_add_has_no_state(stepped_up):
    assert 'class="state"' not in stepped_up.get(f"{PEOPLE}add/").text


@pytest.mark.parametrize("enrolled", [True, False])
def test_who_has_it_already_is_not_told_by_email_of_a_rule(stepped_up, alice, enrolled):
    if enrolled:
        enrol(alice)
    page = stepped_up.get(help_page(alice)).text
    assert ("They have it already" in page, "tell them by email" in page.partition("One-time")[0]) == (
        enrolled,
        not enrolled,
    )


# The lists


@pytest.mark.proves("DK-2")
def test_the_list_of_people_says_in_words_who_has_it(admin, alice, phone, bob):
    page = admin.get(PEOPLE).text
    shown = dict(
        re.findall(r'>(\w+)@example.com</a></th><td class="field-two_factor_in_words">(\w+)</td>', page)
    )
    assert shown == {"alice": "On", "bob": "Off", "root": "On"}


def test_the_list_of_people_has_no_picture_of_a_cross(admin, alice):
    assert "icon-no" not in admin.get(PEOPLE).text


@pytest.mark.parametrize(
    ("fields", "role"),
    [
        ({}, ""),
        ({"is_staff": True}, "Staff"),
        ({"is_staff": True, "is_superuser": True}, "Superuser"),
        ({"is_staff": True, "is_active": False}, "Inactive"),
    ],
)
def test_the_list_of_people_says_in_a_word_what_someone_is(admin, fields, role):
    person("carol@example.com", **fields)
    page = admin.get(PEOPLE, {"q": "carol"}).text
    assert re.search(r'field-role">([^<]*)<', page)[1].strip("-") == role


def details(browser, detail, user=None):
    Event.objects.create(user=user, kind="two_factor_required", at=NOW, detail=detail)
    return re.search(r'field-details">([^<]*)<', browser.get(EVENTS).text)[1]


@pytest.mark.proves("DK-2")
def test_the_audit_log_names_the_rule(admin, alice):
    Event.objects.all().delete()
    rule = Rule.objects.create(scope="staff", starts_on=date(2026, 4, 1))
    assert details(admin, {"by": rule_as_actor(rule.pk)}) == "by: Staff"


def test_a_rule_that_is_gone_keeps_its_number(admin):
    Event.objects.all().delete()
    assert details(admin, {"by": rule_as_actor(7)}) == "by: rule 7"


@pytest.mark.parametrize(("method", "words"), [("totp", "Authenticator app"), ("of-a-site", "of-a-site")])
def test_the_audit_log_has_methods_in_words(admin, method, words):
    Event.objects.all().delete()
    assert details(admin, {"method": method}) == f"method: {words}"


# Signing in


@pytest.mark.proves("DK-5")
def test_its_own_form_is_the_one_of_the_site(db):
    answer = Client().get("/admin/login/?next=/admin/two-factor/")
    assert (answer.status_code, answer["Location"]) == (303, "/accounts/login/?next=%2Fadmin%2Ftwo-factor%2F")


def test_without_a_next_page_it_leads_to_the_index(db):
    assert Client().get("/admin/login/")["Location"] == "/accounts/login/?next=%2Fadmin%2F"


def test_it_leads_to_no_other_host(db):
    assert "evil" not in Client().get("/admin/login/?next=https://evil.example/")["Location"]


@pytest.mark.parametrize("login_url", ["/admin/login/", "/no/such/page/"])
def test_where_the_site_has_no_other_form_it_shows_its_own(db, settings, login_url):
    settings.LOGIN_URL = login_url
    answer = Client().get("/admin/login/")
    assert (answer.status_code, 'name="password"' in answer.text) == (200, True)


def test_a_sign_in_page_on_another_host_gets_the_whole_address(db, settings):
    settings.LOGIN_URL = "https://id.example.com/in"
    location = Client().get("/admin/login/?next=/admin/")["Location"]
    assert location.startswith("https://id.example.com/in?next=http")


def test_the_administration_has_the_colours_of_the_site(admin):
    assert re.search(r"/accounts/admin[.\w]*\.css", admin.get("/admin/").text)
