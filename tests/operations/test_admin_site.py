"""Who gets into the admin, what its lists show, and that the audit log can only be read."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from django.utils.formats import date_format

from accounts.models import User
from tests import people
from tests.operations.admin_and_commands import BROWSERS, EVENTS, PEOPLE, browser_of
from tests.people import PASSWORD, enrol, give_password, person, sign_in, signed_in_as
from twofactor.models import Authenticator, GuessBudget

pytestmark = pytest.mark.django_db


# Getting in


def test_the_administration_opens_with_both_factors(admin):
    assert admin.get("/admin/").status_code == 200


def test_the_administration_is_closed_to_a_session_without_a_second_factor(client, superuser):
    give_password(client, superuser.email)
    assert client.get("/admin/")["Location"].startswith("/admin/login/")


def test_the_administration_is_closed_to_a_session_that_other_code_opened(client, superuser):
    client.force_login(superuser)
    assert client.get("/admin/")["Location"].startswith("/admin/login/")


def test_the_administration_is_closed_to_a_session_opened_before_there_was_a_second_factor(client, superuser):
    client.force_login(superuser)
    enrol(superuser)
    assert client.get("/admin/").status_code == 302


def test_its_own_form_does_not_stand_in_for_the_code(client, superuser, superuser_phone):
    client.post("/admin/login/", {"username": superuser.email, "password": PASSWORD, "next": "/admin/"})
    assert signed_in_as(client) is None


def test_its_own_form_leads_to_the_code_and_back(client, superuser, superuser_phone):
    client.post("/admin/login/?next=/admin/two-factor/", {"username": superuser.email, "password": PASSWORD})
    assert (
        client.post("/two-factor/verify/", {"code": superuser_phone.code()})["Location"]
        == "/admin/two-factor/"
    )


def test_its_own_form_lets_someone_else_in(alice, phone, superuser, superuser_phone, clock):
    browser = browser_of(alice, phone, clock)
    browser.post("/admin/login/?next=/admin/", {"username": superuser.email, "password": PASSWORD})
    browser.post("/two-factor/verify/", {"code": superuser_phone.code()})
    assert (signed_in_as(browser), browser.get("/admin/").status_code) == (superuser, 200)


def test_its_own_form_ends_no_sign_in_that_is_going_on(client, superuser, superuser_phone):
    give_password(client, superuser.email)
    Client().post("/admin/login/", {"username": superuser.email, "password": PASSWORD})
    client.post("/two-factor/verify/", {"code": superuser_phone.code()})
    assert signed_in_as(client) == superuser


def test_a_verified_session_without_the_right_is_kept_out(alice, phone, clock):
    assert browser_of(alice, phone, clock).get("/admin/").status_code == 302


def test_a_trusted_browser_does_not_open_it(client, alice, phone, clock):
    give_password(client)
    client.post("/two-factor/verify/", {"code": phone.code(), "trust_browser": "on"})
    client.post("/accounts/logout/")
    User.objects.update(is_staff=True, is_superuser=True)
    assert give_password(client).url == "/two-factor/verify/"


def test_staff_without_a_second_factor_are_led_to_set_up(client, superuser):
    give_password(client, superuser.email)
    pages = [url.partition("?")[0] for url, status in client.get("/admin/", follow=True).redirect_chain]
    assert pages == ["/admin/login/", "/two-factor/setup/"]


def test_set_up_tells_staff_why_they_are_there(client, superuser):
    give_password(client, superuser.email)
    page = client.get("/admin/", follow=True).text
    assert page.count("That page needs two-factor authentication. Set it up to continue.") == 1


def test_set_up_leads_staff_back_to_the_administration(client, superuser):
    give_password(client, superuser.email)
    setup = client.get("/admin/", follow=True).redirect_chain[-1][0]
    assert "next=/admin/" in setup.replace("%2F", "/")


def test_signing_out_closes_it(admin):
    assert admin.post("/admin/logout/").cookies["twofactor_pending"].value == ""
    assert admin.get("/admin/").status_code == 302


def test_after_set_up_staff_arrive_where_they_wanted_to(client, superuser, clock):
    give_password(client, superuser.email)
    setup = client.get("/admin/accounts/user/", follow=True)
    phone = people.Phone(setup.context["draft"].key)
    onward = re.search(r'href="(/two-factor/setup/verify/[^"]*)"', setup.text)[1]
    codes = client.post(unescape(onward), {"code": phone.code()}).url
    arrived = client.post(codes, {"saved": "on"}, follow=True).redirect_chain[-1]
    assert arrived == ("/admin/accounts/user/", 303)


# The list of people


@pytest.fixture
def enrolled(alice, phone):
    person("bob@example.com")
    return alice


@pytest.mark.parametrize(("value", "listed"), [("on", ["alice"]), ("off", ["bob"])])
def test_people_are_filtered_by_two_factor_authentication(admin, enrolled, value, listed):
    page = admin.get(PEOPLE, {"two_factor": value, "is_staff__exact": "0"}).text
    assert re.findall(r"(\w+)@example.com</a>", page) == listed


def test_people_who_are_locked_are_listed(admin, enrolled):
    assert "alice@" not in admin.get(PEOPLE, {"locked": "now"}).text
    GuessBudget.objects.filter(user=enrolled).update(failures=100)
    assert "alice@" in admin.get(PEOPLE, {"locked": "now"}).text


def test_the_list_says_when_a_code_was_last_used(admin, alice, phone, clock):
    sign_in(Client(), phone)
    used = Authenticator.objects.get(user=alice).last_used_at
    page = admin.get(PEOPLE, {"q": "alice"}).text
    assert f'field-factor_last_used">{date_format(used, "DATE_FORMAT")}<' in page


def test_the_list_costs_as_many_queries_for_many_people(admin, enrolled, django_assert_max_num_queries):
    for n in range(20):
        enrol(person(f"p{n}@example.com"))
    with django_assert_max_num_queries(8):
        admin.get(PEOPLE)


# What is only read


def test_the_list_of_trusted_browsers_shows_the_earlier_end(stepped_up, trusted, settings):
    trusted.expires_at = trusted.began_at + timedelta(days=30)
    settings.TWOFACTOR_TRUSTED_DAYS = 5
    page = stepped_up.get(BROWSERS).text
    shown = [date_format(trusted.began_at + timedelta(days=days), "DATE_FORMAT") in page for days in (5, 30)]
    assert shown == [True, False]


READ_ONLY = pytest.mark.parametrize(("pages", "name"), [(EVENTS, "event"), (BROWSERS, "trusted")])


@READ_ONLY
@pytest.mark.parametrize("end", ["add/", "{}/change/", "{}/delete/"])
def test_what_is_only_read_is_not_written(stepped_up, request, pages, name, end):
    row = request.getfixturevalue(name)
    answer = stepped_up.post(pages + end.format(row.pk), {"kind": "wrong_codes", "label": "x", "post": "yes"})
    assert (answer.status_code, type(row).objects.filter(pk=row.pk).values().get()) == (403, _values(row))


def _values(row):
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


@READ_ONLY
def test_what_is_only_read_has_no_action_that_removes_it(stepped_up, request, pages, name):
    row = request.getfixturevalue(name)
    stepped_up.post(pages, {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"})
    assert type(row).objects.filter(pk=row.pk).exists()


@READ_ONLY
@pytest.mark.parametrize("end", ["", "{}/change/", "{}/history/"])
def test_what_is_only_read_can_be_read(stepped_up, request, pages, name, end):
    row = request.getfixturevalue(name)
    assert stepped_up.get(pages + end.format(row.pk)).status_code == 200


def test_the_audit_log_shows_the_reason(stepped_up, event):
    assert ">reason: lost<" in stepped_up.get(EVENTS).text


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"group": "two-factor"}, True),
        ({"group": "warnings"}, False),
        ({"q": "alice@"}, True),
        ({"q": "nobody@"}, False),
        ({"at__year": 2026, "at__month": 3}, True),
        ({"at__year": 2025}, False),
    ],
)
def test_the_audit_log_is_filtered_and_searched(stepped_up, event, asked, found):
    assert (f"{EVENTS}{event.pk}/change/" in stepped_up.get(EVENTS, asked).text) == found


@pytest.mark.parametrize(("asked", "found"), [("alice@", True), ("nobody@", False)])
def test_trusted_browsers_are_searched_by_person(stepped_up, trusted, asked, found):
    assert (f"{BROWSERS}{trusted.pk}/change/" in stepped_up.get(BROWSERS, {"q": asked}).text) == found


def test_an_event_of_a_person_who_is_gone_is_still_there(stepped_up, event, alice):
    alice.delete()
    assert stepped_up.get(f"{EVENTS}{event.pk}/change/").status_code == 200
