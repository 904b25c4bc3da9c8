"""Waiting: what is told of it, that it ends, and where it leads."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils import timezone
from modes import HTMX, NO_JS
from playwright.sync_api import expect
from steps import step
from walks import ALICE, count_what_is_told, enrol, follow, give_code, give_password, press, see, told

from accounts import lockout
from accounts.models import PasswordTries
from twofactor.models import GuessBudget

LATER = "You can ask for a new code now."


@pytest.fixture
def sent(page, phone):
    give_password(page)
    follow(page, "Try another way")
    press(page, "Send a code by e-mail")
    see(page, "Enter the code from your e-mail")
    return page


def in_a_while(**delta):
    return time_machine.travel(timezone.now() + timedelta(**delta))


def ask_again(page):
    with page.expect_response("**/verify/send/") as answer:
        press(page, "Send a new code")
    return answer.value


def seconds_told(page):
    told = page.get_by_text(re.compile(r"You can ask for a new code in \d+ seconds?\."))
    return int(re.search(r"\d+", told.text_content()).group())


# Codes that are sent


@NO_JS
def test_nothing_is_sent_before_somebody_asks(page, phone):
    give_password(page)
    follow(page, "Try another way")
    see(page, "Try another way")
    assert mail.outbox == []


@NO_JS
def test_from_the_code_to_one_by_mail_takes_two_presses(page, phone):
    give_password(page)
    follow(page, "Try another way")
    press(page, "Send a code by e-mail")
    see(page, "Enter the code from your e-mail")


@NO_JS
def test_the_page_says_where_the_code_went_when_and_for_how_long(sent):
    sentence = re.compile(
        r"^We sent a code to a•••e@example.com at \d\d:\d\d \(UTC\). It works until \d\d:\d\d.$"
    )
    expect(sent.get_by_text(sentence)).to_be_visible()


@NO_JS
def test_without_backup_codes_none_is_offered(page, alice):
    enrol(alice)
    give_password(page)
    follow(page, "Try another way")
    see(page, "Try another way")
    expect(page.get_by_role("link", name="Backup code")).to_have_count(0)


def test_asking_too_soon_says_how_many_seconds_are_left(sent):
    answer = ask_again(sent)
    assert answer.status == 429
    assert abs(seconds_told(sent) - int(answer.headers["retry-after"])) <= 1


@HTMX
def test_when_the_wait_is_over_it_is_told_once(page, phone):
    give_password(page)
    follow(page, "Try another way")
    press(page, "Send a code by e-mail")
    see(page, "Enter the code from your e-mail")
    page.clock.install()
    ask_again(page)
    seconds_told(page)
    region = count_what_is_told(page)
    page.clock.run_for(200_000)
    expect(page.get_by_role("main").get_by_text(LATER)).to_be_visible()
    told(page, LATER)
    expect(region).to_have_attribute("data-told", "1")


@HTMX
def test_nothing_ticks_where_it_would_be_read_out(sent):
    ask_again(sent)
    assert (
        sent.get_by_text("You can ask for a new code in").evaluate(
            "place => place.closest('[role], [aria-live]')"
        )
        is None
    )


@NO_JS
def test_the_button_can_be_pressed_while_it_is_too_soon(sent):
    ask_again(sent)
    expect(sent.get_by_role("button", name="Send a new code")).to_be_enabled()


# Sign-ins that take long


def test_after_ten_minutes_the_person_is_told_and_known(page, phone):
    give_password(page)
    see(page, "Enter the code")
    with in_a_while(minutes=11):
        give_code(page, phone.code())
        expect(
            page.get_by_text("Signing in took more than ten minutes. Give your password again.")
        ).to_be_visible()
        expect(page.get_by_label("E-mail address")).to_have_value(ALICE)


@NO_JS
def test_no_page_reloads_by_itself(sent):
    assert sent.evaluate("document.querySelector('meta[http-equiv=refresh]')") is None


# Locked out


@NO_JS
@pytest.mark.parametrize("email", [ALICE, "nobody@example.com"])
def test_whoever_it_is_the_lock_looks_the_same(page, alice, email):
    for _ in range(5):
        give_password(page, email, password="not the password")
    step(page, "login-locked")


@NO_JS
def test_a_lock_says_in_its_header_too_how_long(page, alice):
    PasswordTries.objects.create(
        name_digest=lockout.digest_of(ALICE), address="127.0.0.1", count=lockout.LIMIT
    )
    with page.expect_response(lambda answer: answer.status == 429) as locked:
        give_password(page)
    assert abs(int(locked.value.headers["retry-after"]) - 15 * 60) <= 5


@NO_JS
def test_trying_while_locked_does_not_make_it_longer(page, alice):
    for _ in range(5):
        give_password(page, password="not the password")
    until = end_told(page)
    with in_a_while(minutes=5):
        give_password(page, password="not the password")
        assert end_told(page) == until


def end_told(page):
    see(page, "You cannot sign in at the moment")
    return re.search(r"at about \d\d:\d\d", page.get_by_role("main").text_content()).group()


@NO_JS
def test_after_the_wait_the_right_password_opens(page, alice):
    for _ in range(5):
        give_password(page, password="not the password")
    with in_a_while(minutes=16):
        give_password(page)
        see(page, "Hello, Alice")


@NO_JS
def test_after_the_wait_the_right_code_opens(page, phone):
    give_password(page)
    GuessBudget.objects.update(failures=5, blocked_until=timezone.now() + timedelta(seconds=30))
    give_code(page, phone.code())
    step(page, "verify-locked")
    with in_a_while(seconds=60):
        page.goto("/two-factor/verify/")
        give_code(page, phone.code())
        see(page, "Hello, Alice")


# Where it leads


@NO_JS
def test_a_page_of_somebody_elses_is_not_where_it_leads(page, phone):
    give_password(page, path="/accounts/login/?next=https://elsewhere.example/")
    give_code(page, phone.code())
    see(page, "Hello, Alice")
