"""The administration: behind two factors, for helping people, and without a secret anywhere."""

import io
import re
from datetime import date, timedelta
from html import unescape
from types import ModuleType

import pytest
from django.apps import apps
from django.contrib.admin import AdminSite
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, Permission
from django.core import mail
from django.core.management import call_command
from django.db.models.signals import pre_save
from django.test import Client
from django.urls import path
from django.utils import timezone
from django.utils.formats import localize

from accounts.models import User
from config import urls
from tests import people
from tests.operations.support import HASHED, PEOPLE, SEALED, browser_of, help_page, hidden, step_up
from tests.people import NOW, PASSWORD, enrol, give_password, person, sign_in, signed_in_as
from twofactor import enrolment
from twofactor.admin import TwoFactorUserAdmin
from twofactor.factors import backup_codes
from twofactor.models import Authenticator, BackupCode, Event, GuessBudget, Phone, TrustedBrowser
from twofactor.operations import adoption
from twofactor.outgoing.outbox import send_due

pytestmark = pytest.mark.django_db
ADOPTION = "/admin/two-factor/"
EVENTS = "/admin/twofactor/event/"
BROWSERS = "/admin/twofactor/trustedbrowser/"
GROUPS = "/admin/auth/group/"
PAPER = ["ABCDEFGHJKMNPQR", "0123456789ABCDE"]


def staff(email, *rights):
    user = person(email, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    return user


def text_of(response):
    return response.text


# Getting in


def test_it_opens_with_both_factors(admin):
    assert admin.get("/admin/").status_code == 200


def test_it_is_closed_to_a_session_without_a_second_factor(client, superuser):
    give_password(client, superuser.email)
    assert client.get("/admin/")["Location"].startswith("/admin/login/")


def test_it_is_closed_to_a_session_that_other_code_opened(client, superuser):
    client.force_login(superuser)
    assert client.get("/admin/")["Location"].startswith("/admin/login/")


def test_it_is_closed_to_a_session_opened_before_there_was_a_second_factor(client, superuser):
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


def test_its_own_form_lets_somebody_else_in(alice, phone, superuser, superuser_phone, clock):
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
    phone = people.Phone(setup.context["setup"].key)
    onward = re.search(r'href="(/two-factor/setup/verify/[^"]*)"', text_of(setup))[1]
    codes = client.post(unescape(onward), {"code": phone.code()}).url
    arrived = client.post(codes, {"saved": "on"}, follow=True).redirect_chain[-1]
    assert arrived == ("/admin/accounts/user/", 303)


# The list of people


@pytest.fixture
def enrolled(alice, phone):
    person("bob@example.com")
    return alice


@pytest.mark.parametrize(("value", "listed"), [("on", ["alice"]), ("off", ["bob"])])
def test_people_are_filtered_by_two_factor_sign_in(admin, enrolled, value, listed):
    page = text_of(admin.get(PEOPLE, {"two_factor": value, "is_staff__exact": "0"}))
    assert re.findall(r"(\w+)@example.com</a>", page) == listed


def test_people_who_are_locked_are_listed(admin, enrolled):
    assert "alice@" not in text_of(admin.get(PEOPLE, {"locked": "now"}))
    GuessBudget.objects.filter(user=enrolled).update(failures=100)
    assert "alice@" in text_of(admin.get(PEOPLE, {"locked": "now"}))


def test_the_list_says_when_a_code_was_last_used(admin, alice, phone, clock):
    sign_in(Client(), phone)
    used = Authenticator.objects.get(user=alice).last_used_at
    shown = text_of(admin.get(PEOPLE, {"q": "alice"}))
    assert f'field-factor_last_used nowrap">{localize(used)}<' in shown


def test_the_list_costs_as_many_queries_for_many_people(admin, enrolled, django_assert_max_num_queries):
    for n in range(20):
        enrol(person(f"p{n}@example.com"))
    with django_assert_max_num_queries(8):
        admin.get(PEOPLE)


# Who may help whom


def test_help_needs_both_factors_once_more(admin, alice):
    assert admin.get(help_page(alice))["Location"].startswith("/two-factor/confirm/?next=")


def test_help_is_there_after_giving_them(stepped_up, alice):
    assert stepped_up.get(help_page(alice)).status_code == 200


def test_five_minutes_later_they_are_asked_for_again(stepped_up, alice, clock):
    clock.shift(timedelta(minutes=5))
    assert stepped_up.get(help_page(alice)).status_code == 303


@pytest.mark.parametrize("end", ["reset/", "emergency-code/", "end-sessions/"])
def test_no_help_is_given_without_them(admin, alice, phone, end):
    admin.post(help_page(alice, end), {"reset-reason": "x", "code-reason": "x", "sessions-reason": "x"})
    assert not Event.objects.filter(user=alice).exclude(kind="second_factor_accepted").exists()


def helper_with(clock, *rights):
    user = staff("helper@example.com", *rights)
    phone = enrol(user)
    return step_up(browser_of(user, phone, clock), phone, clock)


def test_staff_who_may_change_people_can_help(alice, clock):
    assert helper_with(clock, "change_user").get(help_page(alice)).status_code == 200


@pytest.mark.parametrize("end", ["", "reset/", "emergency-code/", "end-sessions/"])
def test_staff_who_may_only_look_can_not_help(alice, phone, clock, end):
    assert helper_with(clock, "view_user").post(help_page(alice, end)).status_code == 403


@pytest.mark.parametrize("end", ["", "reset/", "emergency-code/", "end-sessions/"])
def test_only_superusers_help_superusers(superuser, superuser_phone, clock, end):
    assert helper_with(clock, "change_user").post(help_page(superuser, end)).status_code == 403


def test_superusers_help_superusers(stepped_up):
    other = person("other@example.com", is_staff=True, is_superuser=True)
    assert stepped_up.get(help_page(other)).status_code == 200


def test_nobody_is_not_to_be_helped(stepped_up):
    assert stepped_up.get(f"{PEOPLE}999/two-factor/").status_code == 403


def test_the_address_of_a_deed_leads_to_its_page(stepped_up, alice, phone):
    assert stepped_up.get(help_page(alice, "reset/")).url == help_page(alice)


def test_helping_needs_the_token_of_its_page(stepped_up, alice, phone):
    stepped_up.handler.enforce_csrf_checks = True
    assert stepped_up.post(help_page(alice, "reset/"), {"reset-reason": "lost"}).status_code == 403


# The emergency code


def make_code(stepped_up, user, hours=1, reason="phone at home"):
    return stepped_up.post(help_page(user, "emergency-code/"), {"code-reason": reason, "code-hours": hours})


def shown(response):
    return re.search(r"<code[^>]*>([^<]+)</code>", text_of(response))[1]


@pytest.fixture
def code(stepped_up, alice, phone):
    return shown(make_code(stepped_up, alice))


def spend(code, email="alice@example.com"):
    client = Client()
    give_password(client, email)
    client.post("/two-factor/verify/backup/", {"code": code})
    return signed_in_as(client)


def test_an_emergency_code_lets_the_person_in(code, alice):
    assert spend(code) == alice


def test_an_emergency_code_works_once(code):
    spend(code)
    assert spend(code) is None


def test_an_emergency_code_lets_nobody_else_in(code):
    bob = person("bob@example.com")
    enrol(bob)
    assert spend(code, bob.email) is None


@pytest.mark.parametrize(("seconds", "works"), [(3599, True), (3600, False)])
def test_an_emergency_code_expires(code, clock, seconds, works):
    clock.move_to(BackupCode.objects.get().expires_at - timedelta(hours=1) + timedelta(seconds=seconds))
    assert (spend(code) is not None) == works


def test_an_emergency_code_is_shown_once(stepped_up, code, alice):
    assert code not in text_of(stepped_up.get(help_page(alice)))


def test_an_emergency_code_is_not_in_the_log_of_the_administration(stepped_up, code):
    assert code.replace("-", "") not in f"{list(Event.objects.values())}".replace("-", "")


def test_an_emergency_code_is_none_of_the_ten(code, alice):
    assert backup_codes.count_unused(alice) == 0


def test_a_second_emergency_code_takes_the_place_of_the_first(stepped_up, code, alice):
    second = shown(make_code(stepped_up, alice))
    assert (spend(code), spend(second)) == (None, alice)


def test_an_emergency_code_ends_the_wait_after_wrong_codes(stepped_up, alice, phone):
    GuessBudget.objects.update(failures=7, blocked_until=NOW + timedelta(hours=2), day_failures=20)
    assert spend(shown(make_code(stepped_up, alice))) == alice


def test_no_emergency_code_helps_after_the_last_guess(stepped_up, alice, phone):
    GuessBudget.objects.update(failures=100)
    answer = make_code(stepped_up, alice)
    assert (answer.status_code, BackupCode.objects.count()) == (303, 0)
    assert "chosen a new password" in text_of(stepped_up.get(help_page(alice)))


@pytest.mark.parametrize(
    ("guesses", "told"),
    [
        ({"blocked_until": NOW + timedelta(hours=1)}, "No code is looked at before"),
        ({"day_failures": 20, "day_began_at": NOW}, "No code is looked at before"),
        ({"failures": 100}, "before this person has chosen a new password"),
    ],
)
def test_support_sees_that_somebody_is_locked(stepped_up, alice, phone, guesses, told):
    assert told not in text_of(stepped_up.get(help_page(alice)))
    GuessBudget.objects.update(**guesses)
    assert told in text_of(stepped_up.get(help_page(alice)))


def test_an_emergency_code_needs_a_reason(stepped_up, alice, phone):
    assert make_code(stepped_up, alice, reason=" ").status_code == 422
    assert BackupCode.objects.count() == 0


@pytest.mark.parametrize("hours", ["", "0", "25", "-1", "x"])
def test_an_emergency_code_lives_for_an_hour_to_a_day(stepped_up, alice, phone, hours):
    assert make_code(stepped_up, alice, hours=hours).status_code == 422


def test_there_is_no_emergency_code_without_two_factor_sign_in(stepped_up, alice):
    assert (make_code(stepped_up, alice).status_code, BackupCode.objects.count()) == (303, 0)


def test_who_made_an_emergency_code_and_why_is_logged(code, superuser):
    event = Event.objects.get(kind="emergency_code_made")
    assert event.detail == {"reason": "phone at home", "by": f"user {superuser.pk}"}


def letters_to(address):
    send_due()
    return [letter for letter in mail.outbox if letter.to == [address]]


@pytest.mark.parametrize(
    ("end", "prefix", "told"),
    [
        ("emergency-code/", "code", "emergency code"),
        ("reset/", "reset", "reset by support"),
        ("end-sessions/", "sessions", "Support signed you out everywhere"),
    ],
)
def test_the_person_is_told_by_mail(
    stepped_up, alice, phone, end, prefix, told, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        stepped_up.post(help_page(alice, end), {f"{prefix}-reason": "lost", "code-hours": 1})
    assert [told in letter.body for letter in letters_to(alice.email)] == [True]


def test_the_mail_does_not_hold_the_code(stepped_up, alice, phone, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        code = shown(make_code(stepped_up, alice))
    assert code not in letters_to(alice.email)[0].message().as_string()


# The reset


def reset(stepped_up, user, reason="lost everything"):
    return stepped_up.post(help_page(user, "reset/"), {"reset-reason": reason})


def test_a_reset_turns_two_factor_sign_in_off(stepped_up, alice, phone):
    reset(stepped_up, alice)
    assert not enrolment.is_on(alice)


def test_after_a_reset_the_password_opens_the_account(stepped_up, alice, phone, client):
    reset(stepped_up, alice)
    give_password(client)
    assert signed_in_as(client) == alice


def test_a_reset_ends_the_sessions(stepped_up, alice, phone, clock):
    alices = browser_of(alice, phone, clock)
    reset(stepped_up, alice)
    assert alices.get("/accounts/profile/").status_code == 302


def test_a_reset_ends_a_sign_in_that_waits_for_its_code(stepped_up, alice, phone, client):
    give_password(client)
    reset(stepped_up, alice)
    client.post("/two-factor/verify/", {"code": phone.code()})
    assert SESSION_KEY not in client.session


@pytest.mark.proves("6.5.6")
def test_a_reset_forgets_codes_and_phone(stepped_up, alice, phone):
    backup_codes.replace_all(alice, backup_codes.make_rows(alice, PAPER))
    Phone.objects.create(user=alice, number="+491701234567", verified_at=NOW)
    reset(stepped_up, alice)
    assert (BackupCode.objects.count(), Phone.objects.count()) == (0, 0)


@pytest.mark.proves("6.4.4")
def test_a_reset_needs_a_reason(stepped_up, alice, phone):
    assert (reset(stepped_up, alice, reason="").status_code, enrolment.is_on(alice)) == (422, True)


def test_a_refused_reset_keeps_what_was_typed(stepped_up, alice, phone):
    assert "x" * 201 in text_of(reset(stepped_up, alice, reason="x" * 201))


def test_who_reset_it_and_why_is_logged(stepped_up, alice, phone, superuser):
    reset(stepped_up, alice)
    event = Event.objects.get(kind="reset_by_support")
    assert event.detail == {"reason": "lost everything", "by": f"user {superuser.pk}"}


def test_the_second_of_two_resets_does_nothing(stepped_up, alice, phone):
    reset(stepped_up, alice)
    reset(stepped_up, alice)
    assert Event.objects.filter(kind="reset_by_support").count() == 1


# Ending sessions


def end_sessions(stepped_up, user, reason="laptop stolen"):
    return stepped_up.post(help_page(user, "end-sessions/"), {"sessions-reason": reason})


@pytest.mark.proves("7.4.5")
def test_every_session_of_a_person_can_be_ended(stepped_up, alice, phone, clock):
    alices = browser_of(alice, phone, clock)
    end_sessions(stepped_up, alice)
    assert alices.get("/accounts/profile/").status_code == 302


def test_ending_sessions_ends_trusted_browsers_too(stepped_up, alice, phone, client):
    give_password(client)
    client.post("/two-factor/verify/", {"code": phone.code(), "trust_browser": "on"})
    end_sessions(stepped_up, alice)
    assert not TrustedBrowser.objects.exists()
    assert give_password(client).url == "/two-factor/verify/"


def test_ending_sessions_leaves_the_second_factor(stepped_up, alice, phone):
    end_sessions(stepped_up, alice)
    assert enrolment.is_on(alice)


def test_ending_sessions_needs_a_reason(stepped_up, alice):
    assert end_sessions(stepped_up, alice, reason="").status_code == 422


def test_ending_sessions_is_logged_with_its_reason(stepped_up, alice):
    end_sessions(stepped_up, alice)
    assert Event.objects.get(kind="sessions_ended_by_support").detail["reason"] == "laptop stolen"


def test_a_person_does_not_see_where_support_sits(stepped_up, alice, phone, clock):
    end_sessions(stepped_up, alice)
    alices = browser_of(alice, phone, clock)
    Event.objects.exclude(kind="sessions_ended_by_support").delete()
    page = text_of(alices.get("/two-factor/activity/"))
    assert ("Support signed you out everywhere" in page, "127.0.0.1" in page) == (True, False)


def test_a_reason_is_text_and_never_markup(stepped_up, alice):
    end_sessions(stepped_up, alice, reason="<img src=x>")
    assert "<img src=x>" not in text_of(stepped_up.get(help_page(alice))) + text_of(stepped_up.get(EVENTS))


# What is only read


@pytest.fixture
def event(alice):
    return Event.objects.create(
        user=alice, kind="reset_by_support", at=timezone.now(), detail={"reason": "lost"}
    )


@pytest.fixture
def trusted(alice, phone, client):
    give_password(client)
    client.post("/two-factor/verify/", {"code": phone.code(), "trust_browser": "on"})
    return TrustedBrowser.objects.get()


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
    assert ">reason: lost<" in text_of(stepped_up.get(EVENTS))


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"kind__exact": "reset_by_support"}, True),
        ({"kind__exact": "wrong_codes"}, False),
        ({"q": "alice@"}, True),
        ({"q": "nobody@"}, False),
        ({"at__year": 2026, "at__month": 3}, True),
        ({"at__year": 2025}, False),
    ],
)
def test_the_audit_log_is_filtered_and_searched(stepped_up, event, asked, found):
    assert (f"{EVENTS}{event.pk}/change/" in text_of(stepped_up.get(EVENTS, asked))) == found


@pytest.mark.parametrize(("asked", "found"), [("alice@", True), ("nobody@", False)])
def test_trusted_browsers_are_searched_by_person(stepped_up, trusted, asked, found):
    assert (f"{BROWSERS}{trusted.pk}/change/" in text_of(stepped_up.get(BROWSERS, {"q": asked}))) == found


def test_an_event_of_a_person_who_is_gone_is_still_there(stepped_up, event, alice):
    alice.delete()
    assert stepped_up.get(f"{EVENTS}{event.pk}/change/").status_code == 200


# The page with the numbers


def numbers(admin):
    rows = re.findall(r'<th scope="row">([^<]+)</th><td>(\d+)</td>', text_of(admin.get(ADOPTION)))
    return [int(value) for name, value in rows[:7]]


def test_the_numbers_are_right(admin, alice, phone):
    person("bob@example.com")
    person("gone@example.com", is_active=False)
    backup_codes.replace_all(alice, backup_codes.make_rows(alice, [*PAPER, "ZYXWVTSRQPNMKJH", "9" * 15]))
    # people, with two factors, staff, staff with two, phones, few codes left (root has none), locked
    assert numbers(admin) == [3, 2, 1, 1, 0, 1, 0]


def test_somebody_who_is_locked_is_counted(admin, alice, phone, client):
    give_password(client)
    for n in range(5):
        client.post("/two-factor/verify/", {"code": f"{n}" * 6})
    assert numbers(admin)[-1] == 1


def test_there_are_numbers_of_nobody(db):
    assert set(adoption.counts(NOW).values()) == {0}


def test_there_are_charts_of_nothing(db):
    assert set(adoption.events_per_day(NOW, 30, "second_factor_refused").values()) == {0}


def test_growth_counts_everybody_who_was_there_by_then(alice, phone):
    days = list(adoption.growth(NOW + timedelta(days=1), 3).items())
    assert days == [(date(2026, 2, 28), 0), (date(2026, 3, 1), 1), (date(2026, 3, 2), 1)]


def test_growth_begins_with_those_who_were_there_before(alice, phone):
    assert list(adoption.growth(NOW + timedelta(days=9), 3).values()) == [1, 1, 1]


def test_an_event_is_counted_on_its_day(event):
    counted = adoption.events_per_day(NOW, 30, "reset_by_support")
    assert (len(counted), counted[date(2026, 3, 1)], sum(counted.values())) == (30, 1, 1)


def test_codes_are_counted_by_method(alice, phone, client):
    backup_codes.replace_all(alice, backup_codes.make_rows(alice, PAPER))
    sign_in(client, phone)
    give_password(Client())
    spend(PAPER[0])
    spend(PAPER[1])
    assert list(adoption.codes_by_method(NOW, 30).values()) == [1, 2, 0, 0]


def test_the_wrong_code_that_locks_is_in_the_chart_of_wrong_codes(admin, alice, phone, client):
    give_password(client)
    for n in range(5):
        client.post("/two-factor/verify/", {"code": f"{n}" * 6})
    assert "5 on the worst of the last 30 days." in text_of(admin.get(ADOPTION))


def svgs(admin):
    return re.findall(r'<svg[^>]* role="img".*?</details>', text_of(admin.get(ADOPTION)), re.DOTALL)


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
    assert f'href="{ADOPTION}"' in text_of(admin.get("/admin/"))


def test_the_page_with_the_numbers_is_behind_two_factors_too(client, superuser):
    give_password(client, superuser.email)
    assert client.get(ADOPTION).status_code == 302


# Power


@pytest.fixture
def helper(clock):
    return helper_with(clock, "change_user", "add_user", "view_user")


POWER = {"is_staff": "on", "is_superuser": "on", "user_permissions": ["1"]}


def test_staff_give_no_power_away(helper, alice):
    helper.post(f"{PEOPLE}{alice.pk}/change/", {"email": alice.email, "is_active": "on", **POWER})
    alice.refresh_from_db()
    assert (alice.is_staff, alice.is_superuser, alice.user_permissions.count()) == (False, False, 0)


def test_staff_add_nobody_with_power(helper):
    helper.post(f"{PEOPLE}add/", {"email": "eve@example.com", "is_active": "on", **POWER})
    eve = User.objects.get(email="eve@example.com")
    assert (eve.is_staff, eve.is_superuser, eve.user_permissions.count()) == (False, False, 0)


def test_staff_give_themselves_no_power(helper):
    own = User.objects.get(email="helper@example.com")
    helper.post(f"{PEOPLE}{own.pk}/change/", {"email": own.email, "is_active": "on", **POWER})
    own.refresh_from_db()
    assert (own.is_superuser, own.user_permissions.count()) == (False, 3)


def test_changing_a_person_needs_both_factors_once_more(admin, alice):
    page = f"{PEOPLE}{alice.pk}/change/"
    answer = admin.post(page, {"email": "mine@example.com", "is_active": "on"})
    assert answer["Location"].startswith("/two-factor/confirm/?next=")
    alice.refresh_from_db()
    assert alice.email == "alice@example.com"


def test_adding_a_person_needs_both_factors_once_more(admin):
    answer = admin.post(f"{PEOPLE}add/", {"email": "eve@example.com", "is_active": "on", **POWER})
    assert answer["Location"].startswith("/two-factor/confirm/?next=")
    assert not User.objects.filter(email="eve@example.com").exists()


def test_deleting_a_person_needs_both_factors_once_more(admin, alice):
    answer = admin.post(f"{PEOPLE}{alice.pk}/delete/", {"post": "yes"})
    assert answer["Location"].startswith("/two-factor/confirm/?next=")
    assert User.objects.filter(pk=alice.pk).exists()


def test_changing_a_group_needs_both_factors_once_more(admin):
    answer = admin.post(f"{GROUPS}add/", {"name": "chiefs"})
    assert answer["Location"].startswith("/two-factor/confirm/?next=")
    assert not Group.objects.exists()


def test_who_has_all_power_makes_groups(stepped_up):
    stepped_up.post(f"{GROUPS}add/", {"name": "chiefs", "permissions": ["1"]})
    assert Group.objects.get().permissions.count() == 1


def test_nobody_else_changes_what_a_group_may(clock):
    group = Group.objects.create(name="clerks")
    clerk = helper_with(clock, "view_group", "add_group", "change_group", "delete_group")
    answer = clerk.post(f"{GROUPS}{group.pk}/change/", {"name": "clerks", "permissions": ["1"]})
    assert (answer.status_code, group.permissions.count()) == (403, 0)


@pytest.mark.parametrize("end", ["change/", "two-factor/", "two-factor/emergency-code/"])
def test_nobody_lays_hands_on_people_with_more_rights(helper, end):
    chief = staff("chief@example.com", "change_group")
    enrol(chief)
    answer = helper.post(f"{PEOPLE}{chief.pk}/{end}", {"email": "mine@example.com", "code-reason": "x"})
    chief.refresh_from_db()
    assert (answer.status_code, chief.email, BackupCode.objects.count()) == (403, "chief@example.com", 0)


@pytest.fixture(params=["their own", "by a group", "all"])
def former_admin(request, db, clock):
    """Had more rights than a helper, and has been deactivated."""
    former = person("former@example.com", is_active=False, is_superuser=request.param == "all")
    right = Permission.objects.get(codename="change_group")
    if request.param == "their own":
        former.user_permissions.add(right)
    if request.param == "by a group":
        group = Group.objects.create(name="chiefs")
        group.permissions.add(right)
        former.groups.add(group)
    return former


@pytest.mark.parametrize("end", ["change/", "delete/", "two-factor/", "two-factor/reset/"])
def test_nobody_lays_hands_on_people_who_had_more_rights(helper, former_admin, end):
    enrol(former_admin)
    answer = helper.post(
        f"{PEOPLE}{former_admin.pk}/{end}",
        {"email": "mine@example.com", "is_active": "on", "post": "yes", "reset-reason": "x"},
    )
    now = User.objects.get(pk=former_admin.pk)
    unchanged = (now.is_active, now.email, hasattr(now, "authenticator"))
    assert (answer.status_code, *unchanged) == (403, False, "former@example.com", True)


@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize("power", ["staff", "a right"])
def test_only_superusers_let_somebody_with_power_in_or_keep_them_out(helper, active, power):
    other = person("other@example.com", is_active=active, is_staff=power == "staff")
    if power == "a right":
        other.user_permissions.add(Permission.objects.get(codename="change_user"))
    sent = {"email": other.email, "name": "Other", **({} if active else {"is_active": "on"})}
    helper.post(f"{PEOPLE}{other.pk}/change/", sent)
    other.refresh_from_db()
    assert (other.name, other.is_active) == ("Other", active)


def test_a_helper_lets_people_without_power_in_again(helper):
    other = person("other@example.com", is_active=False)
    helper.post(f"{PEOPLE}{other.pk}/change/", {"email": other.email, "is_active": "on"})
    other.refresh_from_db()
    assert other.is_active


class WithPasswords(TwoFactorUserAdmin, UserAdmin):
    """As a site of one's own may have it."""

    ordering = ("email",)


@pytest.fixture
def password_page(settings, alice):
    site = AdminSite(name="own")
    site.register(User, WithPasswords)
    module = ModuleType("own")
    module.__dict__.update(vars(urls), urlpatterns=[*urls.urlpatterns, path("own/", site.urls)])
    settings.ROOT_URLCONF = module
    return f"/own/accounts/user/{alice.pk}/password/"


def set_password(client, page):
    new = "a quiet green harbour"
    return client.post(page, {"password1": new, "password2": new, "usable_password": "true"})


def test_setting_a_password_in_ones_own_administration_needs_both_factors(admin, password_page, alice):
    assert set_password(admin, password_page)["Location"].startswith("/two-factor/confirm/?next=")
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_nobody_sets_the_password_of_people_with_more_rights(helper, password_page, alice):
    User.objects.filter(pk=alice.pk).update(is_superuser=True, is_active=False)
    assert set_password(helper, password_page).status_code == 403


def test_whoever_may_help_sets_a_password(helper, password_page, alice):
    set_password(helper, password_page)
    alice.refresh_from_db()
    assert not alice.check_password(PASSWORD)


@pytest.mark.parametrize("list_page", [GROUPS, PEOPLE])
def test_nothing_is_deleted_in_bulk(stepped_up, admin, alice, list_page):
    group = Group.objects.create(name="clerks")
    chosen = group.pk if list_page == GROUPS else alice.pk
    admin.post(list_page, {"action": "delete_selected", "_selected_action": [chosen], "post": "yes"})
    assert Group.objects.filter(pk=group.pk).exists()
    assert User.objects.filter(pk=alice.pk).exists()


def test_an_administrators_save_leaves_a_password_that_was_changed_meanwhile(stepped_up, alice):
    def meanwhile(sender, instance, **kwargs):
        User.objects.filter(pk=alice.pk).update(password="a newer hash")

    pre_save.connect(meanwhile, sender=User)
    try:
        stepped_up.post(
            f"{PEOPLE}{alice.pk}/change/", {"email": alice.email, "is_active": "on", "name": "Al"}
        )
    finally:
        pre_save.disconnect(meanwhile, sender=User)
    alice.refresh_from_db()
    assert (alice.name, alice.password) == ("Al", "a newer hash")


def test_people_with_the_same_rights_help_each_other(helper):
    other = staff("other@example.com", "change_user")
    assert helper.get(help_page(other)).status_code == 200


def test_a_person_who_trusts_a_browser_can_be_deleted(stepped_up, trusted, alice):
    stepped_up.post(f"{PEOPLE}{alice.pk}/delete/", {"post": "yes"})
    assert not User.objects.filter(email=alice.email).exists()


def test_superusers_give_power_away(stepped_up, alice):
    stepped_up.post(
        f"{PEOPLE}{alice.pk}/change/", {"email": alice.email, "is_active": "on", "is_staff": "on"}
    )
    alice.refresh_from_db()
    assert alice.is_staff


# No secret, and no hash


@pytest.fixture
def secrets_in_database(alice, phone, real_hasher):
    """Stores a secret of every kind; these are the texts that may be found nowhere."""
    alice.set_password(PASSWORD)
    alice.save()
    backup_codes.replace_all(alice, backup_codes.make_rows(alice, PAPER))
    trusting, sending, setting_up = Client(), Client(), Client()
    give_password(trusting)
    trusting.post("/two-factor/verify/", {"code": phone.code(), "trust_browser": "on"})
    give_password(sending)
    sending.post("/two-factor/verify/send/", {"channel": "email"})
    give_password(setting_up, person("bob@example.com").email)
    draft = setting_up.get("/two-factor/setup/").context["setup"]
    return {phone.key, *PAPER, draft.key, *draft.codes, *hidden()}


def pages_of(client, start="/admin/"):
    """Every page of the administration that links lead to, and the lists' pages of each row."""
    seen, waiting = {}, {start, "/admin/password_change/"}
    while waiting:
        path = waiting.pop()
        answer = client.get(path)
        seen[path] = text_of(answer) if "text/html" in answer.get("Content-Type", "") else ""
        found = {link.partition("?")[0] for link in re.findall(r'href="(/admin/[^"#]*)"', seen[path])}
        waiting |= found - seen.keys()
    return seen


@pytest.mark.proves("6.4.6", "K-10")
def test_no_page_of_the_administration_shows_a_secret(stepped_up, secrets_in_database):
    pages = pages_of(stepped_up)
    assert len(pages) > 20
    assert [path for path, page in pages.items() for text in secrets_in_database if text in page] == []


@pytest.mark.parametrize(("model", "column"), [*SEALED, *HASHED], ids=str)
def test_there_was_something_of_everything_to_be_seen(secrets_in_database, model, column):
    assert secrets_in_database & set(model._default_manager.values_list(column, flat=True))


def test_the_pages_that_were_looked_at_are_those_of_everybody(stepped_up, secrets_in_database, alice):
    pages = pages_of(stepped_up).keys()
    assert {help_page(alice), f"{PEOPLE}{alice.pk}/delete/", ADOPTION, EVENTS, BROWSERS} <= pages


@pytest.mark.proves("K-01")
def test_dumpdata_shows_no_secret(secrets_in_database):
    out = io.StringIO()
    call_command("dumpdata", stdout=out)
    assert [text for text in secrets_in_database if text in out.getvalue()] == []


@pytest.mark.proves("K-01")
def test_who_reads_the_table_of_sessions_can_open_none(admin):
    key = admin.cookies["sessionid"].value
    out = io.StringIO()
    call_command("dumpdata", stdout=out)
    assert key not in out.getvalue()
    for row in apps.get_model("sessions", "Session").objects.all():
        thief = Client()
        thief.cookies["sessionid"] = row.pk
        assert thief.get("/accounts/profile/").status_code == 302


@pytest.mark.proves("K-10")
@pytest.mark.parametrize("words", [repr, str])
def test_no_row_tells_a_secret(secrets_in_database, words):
    said = [words(row) for model in apps.get_models() for row in model._default_manager.all()]
    assert [text for text in secrets_in_database for saying in said if text in saying] == []


@pytest.mark.parametrize("email", ["alice@example.com", "bob@example.com"])
def test_the_page_of_a_person_has_no_field_for_what_is_hidden(stepped_up, secrets_in_database, email):
    page = text_of(stepped_up.get(f"{PEOPLE}{User.objects.get(email=email).pk}/change/"))
    names = set(re.findall(r'name="([^"]+)"', page))
    assert names & {"password", "security_epoch", "password_digest", "sealed_key", "digest"} == set()
