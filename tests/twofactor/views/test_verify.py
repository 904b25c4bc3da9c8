"""The second step of signing in, from the right password to the open session."""

import re
from datetime import timedelta

import pyotp
import pytest
from django.conf import settings as site
from django.contrib.auth import SESSION_KEY, get_user_model
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.core import mail
from django.db.models.signals import post_save
from django.test import Client
from django.utils import timezone

from config.environment import admins
from tests.accounts.letters import error_mails
from tests.mailers import send_mail_with
from tests.people import PASSWORD, enrol, give_password, open_sessions, person, sign_in, signed_in_as
from twofactor import middleware, sealing
from twofactor.factors import authenticator_app, totp
from twofactor.limits import guesses
from twofactor.models import Authenticator, Event, GuessBudget
from twofactor.signin.pending import PURPOSE

VERIFY = "/two-factor/verify/"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def asked(client, phone):
    """Alice's browser, after the password."""
    give_password(client)
    return client


def failures():
    return GuessBudget.objects.get().failures


def enter(client, code, path=VERIFY, **data):
    return client.post(path, {"code": code, **data})


# While the second step is missing


def test_the_right_password_leads_to_the_code(client, phone):
    response = give_password(client)
    assert (response.status_code, response.url) == (303, VERIFY)


def test_with_the_password_alone_nobody_is_signed_in(asked):
    assert signed_in_as(asked) is None


@pytest.mark.proves("S-04")
def test_with_the_password_alone_a_page_is_anonymous(asked):
    assert not asked.get(VERIFY).context["user"].is_authenticated


def test_with_the_password_alone_there_is_no_session(asked):
    asked.get(VERIFY)
    assert (site.SESSION_COOKIE_NAME in asked.cookies, Session.objects.count()) == (False, 0)


def test_a_wrong_code_makes_no_session(asked):
    enter(asked, "000000")
    assert Session.objects.count() == 0


def test_the_pending_sign_in_is_out_of_reach_for_scripts(asked):
    assert asked.cookies["twofactor_pending"]["httponly"]


def test_the_pending_sign_in_ends_with_the_browser(asked):
    assert asked.cookies["twofactor_pending"]["max-age"] == ""


def test_the_pending_cookie_says_nothing_to_who_has_no_key(asked, alice, phone):
    value = asked.cookies["twofactor_pending"].value
    assert not any(word in value for word in (alice.email, PASSWORD, alice.password, phone.key))


@pytest.mark.proves("V-03")
def test_the_pending_sign_in_holds_no_password_and_no_code(asked, alice, phone, clock):
    held = str(sealing.unseal(PURPOSE, "", asked.cookies["twofactor_pending"].value, timezone.now()))
    assert not any(secret in held for secret in (PASSWORD, alice.password, phone.key, phone.code()))


def test_the_page_says_who_signs_in(asked, alice):
    assert alice.email in asked.get(VERIFY).text


def test_without_a_password_there_is_no_second_step(client, phone):
    response = client.get(VERIFY)
    assert (response.status_code, response.url) == (303, "/accounts/login/")


PENDING_PAGES = [VERIFY, "/two-factor/verify/other/", "/two-factor/verify/backup/"]


@pytest.mark.parametrize("path", PENDING_PAGES)
def test_every_page_of_the_second_step_needs_the_first(client, phone, path):
    assert client.get(path).url == "/accounts/login/"


@pytest.mark.parametrize("path", PENDING_PAGES)
def test_every_page_of_the_second_step_opens_after_the_first(asked, path):
    assert asked.get(path).status_code == 200


# Planted by somebody else (V-26)


@pytest.fixture
def planted(phone):
    """Alice's browser with Mallory's pending sign-in in it, and Mallory's phone."""
    mallory, browser = enrol(person("mallory@example.com")), Client(enforce_csrf_checks=True)
    attacker = Client()
    give_password(attacker, "mallory@example.com")
    browser.cookies["twofactor_pending"] = attacker.cookies["twofactor_pending"].value
    return browser, mallory


@pytest.mark.proves("V-26-fixed")
def test_a_planted_sign_in_is_not_completed_by_a_form_from_elsewhere(planted):
    browser, mallory = planted
    assert (enter(browser, mallory.code()).status_code, signed_in_as(browser)) == (403, None)


@pytest.mark.proves("V-26-fixed")
def test_a_planted_sign_in_is_not_completed_with_ones_own_code(planted, phone):
    browser, _mallory = planted
    token = browser.get(VERIFY).context["csrf_token"]
    answer = enter(browser, phone.code(), csrfmiddlewaretoken=str(token))
    assert (answer.status_code, signed_in_as(browser)) == (422, None)


# A right code


def test_a_right_code_signs_in(asked, alice, phone):
    enter(asked, phone.code())
    assert signed_in_as(asked) == alice


def test_a_right_code_leads_on(asked, phone):
    response = enter(asked, phone.code())
    assert (response.status_code, response.url) == (303, "/")


def test_the_session_remembers_that_it_was_the_authenticator(asked, phone):
    enter(asked, phone.code())
    assert asked.session["twofactor_amr"] == "totp"


@pytest.mark.proves("V-03")
def test_the_session_holds_no_password_and_no_code(asked, alice, phone):
    enter(asked, phone.code())
    held = str(dict(asked.session))
    assert not any(secret in held for secret in (PASSWORD, alice.password, phone.key, phone.code()))


def test_the_session_holds_what_the_model_of_assurance_allows(asked, phone):
    enter(asked, phone.code())
    allowed = {
        "_auth_user_id",
        "_auth_user_backend",
        "_auth_user_hash",
        "twofactor_amr",
        "twofactor_auth_at",
        "twofactor_password_at",
        "twofactor_seen_at",
    }
    assert set(asked.session.keys()) <= allowed


def test_a_right_code_ends_the_pending_sign_in(asked, phone):
    assert enter(asked, phone.code()).cookies["twofactor_pending"]["max-age"] == 0


@pytest.mark.proves("V-27", "S-02")
def test_a_session_that_was_there_before_gets_another_key(asked, phone):
    session = asked.session
    session["language"] = "de"
    session.save()
    enter(asked, phone.code())
    assert asked.session.session_key != session.session_key


@pytest.mark.proves("7.2.4")
def test_an_old_session_key_is_dead_after_signing_in(asked, phone):
    session = asked.session
    session.save()
    enter(asked, phone.code())
    assert not session.exists(session.session_key)


@pytest.mark.proves("7.2.4")
def test_every_password_begins_another_pending_sign_in(asked):
    first = asked.cookies["twofactor_pending"].value
    give_password(asked)
    assert asked.cookies["twofactor_pending"].value != first


@pytest.mark.parametrize("off", [-1, 0, 1])
def test_a_code_one_step_off_is_accepted(asked, alice, phone, off):
    enter(asked, phone.code(off=off))
    assert signed_in_as(asked) == alice


@pytest.mark.proves("V-08")
@pytest.mark.parametrize("off", [-2, 2])
def test_a_code_two_steps_off_is_refused(asked, phone, off):
    enter(asked, phone.code(off=off))
    assert signed_in_as(asked) is None


@pytest.mark.parametrize("off", [-10, -2, 2, 4, 10])
def test_no_answer_tells_that_a_code_belongs_to_another_moment(asked, phone, off):
    """Or a guess of now could be used in two minutes."""
    wrong = next(code for code in ("000000", "111111") if code not in all_codes(phone))
    pages = [without_tokens(enter(asked, code)) for code in (phone.code(off=off), wrong)]
    assert pages[0] == pages[1]


def all_codes(phone):
    return {phone.code(off=off) for off in range(-10, 11)}


def without_tokens(page):
    return re.sub(r'value="\w{64}"', "", page.text)


def test_an_authenticator_of_eight_digits_and_a_minute_still_works(asked, alice, phone, clock):
    Authenticator.objects.update(digits=8, period=60, last_step=0)
    enter(asked, pyotp.TOTP(phone.key, digits=8, interval=60).at(timezone.now()))
    assert signed_in_as(asked) == alice


def test_an_authenticator_of_eight_digits_is_asked_for_eight(asked, phone):
    Authenticator.objects.update(digits=8)
    assert b"The code must be 8 numbers" in enter(asked, "123456").content


@pytest.mark.proves("11.2.5")
def test_an_authenticator_whose_key_does_not_open_lets_nobody_in(asked, phone):
    Authenticator.objects.update(sealed_key="damaged")
    enter(asked, phone.code())
    assert signed_in_as(asked) is None


def test_an_authenticator_whose_key_does_not_open_is_still_asked_for(client, phone):
    Authenticator.objects.update(sealed_key="damaged")
    assert give_password(client).url == VERIFY


def test_a_backup_code_helps_when_the_key_does_not_open(asked, alice, paper):
    Authenticator.objects.update(sealed_key="damaged")
    enter(asked, paper[0], "/two-factor/verify/backup/")
    assert signed_in_as(asked) == alice


# A code is good for one time


def later(clock, client, seconds=1):
    clock.shift(seconds)
    give_password(client)


@pytest.mark.proves("6.5.1", "N-06")
def test_a_code_signs_in_once(client, phone, clock):
    sign_in(Client(), phone)
    later(clock, client)
    enter(client, phone.code())
    assert signed_in_as(client) is None


def test_a_used_code_says_that_it_was_used(client, phone, clock):
    sign_in(Client(), phone)
    later(clock, client)
    assert b"You have already used that code. Wait for a new one" in enter(client, phone.code()).content


@pytest.mark.proves("V-05")
def test_a_used_code_is_dead_while_its_window_is_open(client, phone, clock):
    code = phone.code()
    sign_in(Client(), phone)
    later(clock, client, 31)
    enter(client, code)
    assert signed_in_as(client) is None


@pytest.mark.proves("C-08")
def test_a_replayed_code_costs_no_guess(client, phone, clock):
    sign_in(Client(), phone)
    later(clock, client)
    enter(client, phone.code())
    assert failures() == 0


@pytest.mark.proves("N-06")
def test_a_replay_is_remembered(client, phone, clock):
    sign_in(Client(), phone)
    later(clock, client)
    enter(client, phone.code())
    assert Event.objects.filter(kind="code_replayed").count() == 1


WIDE = str.maketrans("0123456789", "０１２３４５６７８９")


@pytest.mark.proves("V-06")
def test_a_used_code_is_used_however_it_is_written(client, phone, clock):
    sign_in(Client(), phone)
    later(clock, client)
    enter(client, phone.code().translate(WIDE))
    assert signed_in_as(client) is None


@pytest.mark.proves("R-06", "V-06")
def test_an_older_code_is_dead_once_a_newer_one_was_used(client, phone, clock):
    older = phone.code()
    enterer = Client()
    give_password(enterer)
    enter(enterer, phone.code(off=1))
    later(clock, client)
    enter(client, older)
    assert signed_in_as(client) is None


def test_a_step_of_time_is_spent_once(phone, clock):
    authenticator, now = Authenticator.objects.get(), timezone.now()
    assert [authenticator_app.spend(authenticator, totp.step_at(now), now) for _ in range(2)] == [True, False]


def test_the_next_code_works(client, alice, phone, clock):
    sign_in(Client(), phone)
    later(clock, client, 30)
    enter(client, phone.code())
    assert signed_in_as(client) == alice


@pytest.mark.proves("F-08")
def test_a_clock_set_back_does_not_bring_a_code_back(client, phone, clock):
    sign_in(Client(), phone)
    later(clock, client, -3600)
    enter(client, phone.code())
    assert signed_in_as(client) is None


def many_wrong(client, clock):
    """Wrong codes until the wait is an hour."""
    for _ in range(12):
        give_password(client)
        answer = enter(client, "000000")
        if answer.status_code == 422:
            GuessBudget.objects.update(day_failures=0)
            waits = GuessBudget.objects.get().blocked_until or timezone.now()
            clock.move_to(waits)
    clock.shift(-3600)  # the last wait has just begun


@pytest.mark.proves("F-09")
def test_a_wait_from_a_clock_that_was_ahead_is_over(client, alice, phone, clock):
    clock.shift(3600)
    many_wrong(Client(), clock)
    clock.shift(-3600)
    sign_in(client, phone)
    assert signed_in_as(client) == alice


@pytest.mark.proves("F-09")
def test_a_day_of_guesses_that_has_yet_to_come_is_over(client, alice, phone, clock):
    give_password(client)
    GuessBudget.objects.update(day_failures=20, day_began_at=timezone.now() + timedelta(hours=1))
    enter(client, phone.code())
    assert signed_in_as(client) == alice


def test_the_clocks_of_two_servers_do_not_end_a_wait(client, phone, clock):
    many_wrong(Client(), clock)
    clock.shift(-20)
    give_password(client)
    assert enter(client, phone.code()).status_code == 429


def test_the_code_set_up_with_does_not_sign_in(client, alice, phone):
    now = totp.step_at(alice.date_joined)
    Authenticator.objects.update(last_step=now)
    give_password(client)
    enter(client, phone.code())
    assert signed_in_as(client) is None


# A wrong code


def test_a_wrong_code_is_refused_with_422(asked):
    assert enter(asked, "000000").status_code == 422


def test_a_wrong_code_is_refused_with_422_under_htmx(asked):
    assert asked.post(VERIFY, {"code": "000000"}, headers=HTMX).status_code == 422


def test_a_wrong_code_says_what_to_do(asked):
    sentence = b"The code is not correct. Wait for your app to show a new code, then try again"
    assert sentence in enter(asked, "000000").content


def test_every_wrong_code_brings_advice_about_the_clock(asked):
    pages = [enter(asked, "000000").content for _ in range(3)]
    assert all(b"Check that your phone sets its time" in page for page in pages)


def test_the_last_free_guess_is_announced(asked):
    pages = [enter(asked, "000000").content for _ in range(4)]
    assert [b"After 1 more wrong code" in page for page in pages] == [False, False, False, True]


def test_a_wrong_code_is_not_shown_again(asked):
    assert b"000000" not in enter(asked, "000000").content


def test_a_wrong_code_is_counted(asked):
    enter(asked, "000000")
    assert failures() == 1


def test_a_right_code_forgives_the_wrong_ones(asked, phone):
    enter(asked, "000000")
    enter(asked, phone.code())
    assert failures() == 0


def test_a_wrong_code_leaves_the_sign_in_pending(asked, alice, phone):
    enter(asked, "000000")
    enter(asked, phone.code())
    assert signed_in_as(asked) == alice


BADLY_FORMED = {
    "": "Enter the code",
    "   ": "Enter the code",
    "12345": "You have entered too few numbers. The code must be 6 numbers",
    "1234567": "You have entered too many numbers. The code must be 6 numbers",
    "12345x": "The code must be 6 numbers",
    "²23456": "The code must be 6 numbers",
    "1" * 70: "You have entered too many numbers. The code must be 6 numbers",
}


@pytest.mark.parametrize(("typed", "said"), list(BADLY_FORMED.items()))
def test_a_badly_formed_code_says_what_is_wrong_with_it(asked, typed, said):
    assert said in enter(asked, typed).text


RUBBISH = [*BADLY_FORMED, "x" * 1_000_000, "nul\0", "[]", "true", "null", "-1", "1e5"]


@pytest.mark.parametrize("typed", RUBBISH, ids=range(len(RUBBISH)))
def test_a_badly_formed_code_costs_no_guess(asked, typed):
    enter(asked, typed)
    assert failures() == 0


@pytest.mark.proves("2.2.1", "2.2.2", "V-16")
@pytest.mark.parametrize("typed", RUBBISH, ids=range(len(RUBBISH)))
def test_a_badly_formed_code_is_refused_with_422(asked, typed):
    assert enter(asked, typed).status_code == 422


@pytest.mark.parametrize("typed", ["12345", "1234567", "12345x"])
def test_a_badly_formed_code_is_kept_in_its_field(asked, typed):
    assert f'value="{typed}"' in enter(asked, typed).text


def test_a_code_in_two_halves_is_read_as_it_was_meant(asked, alice, phone):
    enter(asked, f" {phone.code()[:3]}-{phone.code()[3:]}\n")
    assert signed_in_as(asked) == alice


def test_a_code_in_wide_digits_is_read_as_it_was_meant(asked, alice, phone):
    enter(asked, phone.code().translate(WIDE))
    assert signed_in_as(asked) == alice


def test_a_missing_field_is_an_empty_one(asked):
    assert b"Enter the code" in asked.post(VERIFY).content


@pytest.mark.proves("15.3.7")
def test_of_several_codes_in_one_form_none_is_looked_at(asked, phone):
    answer = asked.post(VERIFY, {"code": ["000000", "111111", phone.code()]})
    assert (answer.status_code, failures()) == (400, 0)


# Too many wrong codes


@pytest.fixture
def locked(asked):
    [enter(asked, "000000") for _ in range(5)]
    return asked


@pytest.mark.proves("6.3.1")
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
def test_after_five_wrong_codes_the_answer_is_429(locked, headers):
    assert locked.post(VERIFY, {"code": "000000"}, headers=headers).status_code == 429


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
def test_a_locked_page_says_how_long_in_its_header(locked, clock, headers):
    clock.shift(10)
    wait = int(locked.post(VERIFY, {"code": "000000"}, headers=headers).headers["Retry-After"])
    assert wait in {20, 21}


def test_a_locked_page_says_how_long_in_words(locked):
    assert b"at about 12:00" in enter(locked, "000000").content


def test_a_locked_page_has_its_own_heading(locked):
    assert b"You cannot sign in at the moment" in enter(locked, "000000").content


def test_a_locked_page_is_a_whole_page_under_htmx_too(locked):
    page = locked.post(VERIFY, {"code": "000000"}, headers=HTMX).content
    assert page.lower().startswith(b"<!doctype html>")


@pytest.mark.parametrize("path", ["/accounts/password_reset/", "/help/"])
def test_a_locked_page_says_what_else_can_be_done(locked, path):
    assert f'href="{path}"' in enter(locked, "000000").text


RESET, ASK = "Reset your password to try again", "Ask the people who run this site to help you"
RESET_LINK, WAIT = 'href="/accounts/password_reset/"', "Wait, then try again"


@pytest.fixture
def stopped(asked):
    """A hundred wrong codes in a row."""
    enter(asked, "000000")
    GuessBudget.objects.update(failures=guesses.LAST_GUESS)
    return asked


def test_after_the_last_wrong_code_a_new_password_is_advised_and_no_wait(stopped):
    page = enter(stopped, "000000").text
    assert [advice in page for advice in (RESET, RESET_LINK, ASK, WAIT)] == [True, True, False, False]


def test_where_a_new_password_has_just_helped_support_is_advised(stopped, clock):
    GuessBudget.objects.update(lifted_at=timezone.now())
    page = enter(stopped, "000000").text
    assert [advice in page for advice in (RESET, RESET_LINK, ASK, WAIT)] == [False, False, True, False]
    assert "a new password does not help again before 31 March 2026" in page


def test_where_a_new_password_has_just_helped_the_code_page_says_so_too(stopped):
    GuessBudget.objects.update(lifted_at=timezone.now())
    page = stopped.get(VERIFY).text
    assert (RESET in page, ASK in page) == (False, True)


@pytest.mark.parametrize(("stopped", "told"), [(True, False), (False, True)])
def test_a_site_with_no_page_to_advise_has_no_heading_for_it(rf, settings, clock, stopped, told):
    settings.ROOT_URLCONF = "tests.operations.urls_without_accounts"
    request = rf.get("/")
    request.user = AnonymousUser()
    page = middleware.locked_page(request, guesses.Locked(None if stopped else timezone.now())).text
    assert ("What you can do" in page) is told


def test_the_code_page_opens_while_it_is_locked(locked):
    assert locked.get(VERIFY).status_code == 200


def test_the_code_page_says_how_long_it_is_locked(locked):
    assert b"You entered the wrong code too many times" in locked.get(VERIFY).content


@pytest.mark.proves("C-09")
def test_while_locked_a_right_code_is_refused(locked, phone):
    enter(locked, phone.code())
    assert signed_in_as(locked) is None


@pytest.mark.proves("C-09")
def test_while_locked_a_right_code_is_not_spent(locked, alice, phone, clock):
    code = phone.code()
    enter(locked, code)
    clock.shift(31)
    enter(locked, code)
    assert signed_in_as(locked) == alice


def test_while_locked_a_backup_code_is_refused(locked, paper):
    assert enter(locked, paper[0], "/two-factor/verify/backup/").status_code == 429


def test_trying_while_locked_does_not_push_the_end_back(locked, alice, phone, clock):
    for _ in range(3):
        clock.shift(9)
        enter(locked, "000000")
    clock.shift(4)
    enter(locked, phone.code())
    assert signed_in_as(locked) == alice


def test_another_browser_does_not_bring_more_guesses(locked):
    other = Client(REMOTE_ADDR="203.0.113.9")
    give_password(other)
    assert enter(other, "000000").status_code == 429


@pytest.mark.proves("R-07", "F-14")
def test_guesses_on_different_pages_are_counted_together(asked):
    for _ in range(5):
        browser = Client()
        give_password(browser)
        enter(browser, "000000")
    assert enter(asked, "000000").status_code == 429


@pytest.mark.proves("X-02")
def test_refused_codes_do_not_lock_the_password(locked):
    assert give_password(Client()).url == VERIFY


@pytest.mark.proves("C-06", "F-14")
def test_a_code_is_counted_even_when_the_answer_breaks(asked, db):
    def breaks(sender, instance, **kwargs):
        raise RuntimeError

    post_save.connect(breaks, Event)
    asked.raise_request_exception = False
    answer = enter(asked, "000000").status_code
    post_save.disconnect(breaks, Event)
    assert (answer, failures()) == (500, 1)


@pytest.mark.proves("V-12")
def test_an_error_while_signing_in_signs_nobody_in(asked, phone):
    def breaks(sender, **kwargs):
        raise RuntimeError

    user_logged_in.connect(breaks)
    asked.raise_request_exception = False
    enter(asked, phone.code())
    user_logged_in.disconnect(breaks)
    assert signed_in_as(asked) is None


@pytest.mark.parametrize("opted_in", [True, False])
def test_signing_in_leaves_what_the_site_keeps_in_the_browser(asked, phone, settings, opted_in):
    settings.TWOFACTOR_CLEAR_SITE_DATA = opted_in
    assert "Clear-Site-Data" not in enter(asked, phone.code()).headers


# A pending sign-in dies


@pytest.mark.proves("S-01")
@pytest.mark.parametrize(("seconds", "lives"), [(599, True), (601, False)])
def test_a_pending_sign_in_lives_for_ten_minutes(asked, alice, phone, clock, seconds, lives):
    clock.shift(seconds)
    enter(asked, phone.code())
    assert signed_in_as(asked) == (alice if lives else None)


def test_a_wrong_code_does_not_make_it_live_longer(asked, phone, clock):
    clock.shift(400)
    enter(asked, "000000")
    clock.shift(201)
    enter(asked, phone.code())
    assert signed_in_as(asked) is None


def test_whoever_was_too_slow_is_told(asked, clock):
    clock.shift(601)
    page = asked.get(VERIFY, follow=True).content
    assert b"Signing in took more than ten minutes. Give your password again." in page


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
def test_whoever_was_too_slow_still_gets_where_they_wanted(client, phone, clock, headers):
    give_password(client, next="/accounts/profile/")
    clock.shift(601)
    answer = client.post(VERIFY, {"code": phone.code()}, headers=headers)
    again = answer.headers.get("Location") or answer.headers["HX-Redirect"]
    assert again == "/accounts/login/?next=%2Faccounts%2Fprofile%2F"


def test_whoever_was_too_slow_does_not_type_their_name_again(asked, alice, clock):
    clock.shift(601)
    assert f'value="{alice.email}"' in asked.get(VERIFY, follow=True).text


@pytest.mark.parametrize("minutes", [0, 5, 16])
def test_a_sign_in_that_was_abandoned_names_nobody_to_who_comes_next(asked, alice, clock, minutes):
    clock.shift(minutes * 60)
    assert alice.email not in asked.get("/accounts/login/").text


# Where it has got lost, with a cookie that was deleted

LOST = "No sign-in is waiting for a code in this browser. Enter your password again."
TO_PROFILE = "/accounts/login/?next=%2Faccounts%2Fprofile%2F"


@pytest.fixture
def lost(client, phone):
    """The address that Alice's browser shows, whose pending sign-in has got lost."""
    address = give_password(client, next="/accounts/profile/").url
    del client.cookies["twofactor_pending"]
    return address


def test_whoever_lost_the_cookie_is_told_why(client, lost):
    assert LOST in client.get(lost, follow=True).text


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
def test_whoever_lost_the_cookie_still_gets_where_they_wanted(client, phone, lost, headers):
    answer = client.post(lost, {"code": phone.code()}, headers=headers)
    assert (answer.headers.get("Location") or answer.headers["HX-Redirect"]) == TO_PROFILE


@pytest.mark.parametrize("path", ["verify/other/", "verify/backup/", "verify/sent/", "verify/send/"])
def test_from_every_page_of_the_second_step(client, lost, path):
    assert client.post(lost.replace("verify/", path), follow=False).url == TO_PROFILE


@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example", "javascript:alert(1)", VERIFY])
def test_a_made_up_address_leads_nowhere_else(client, phone, to):
    answer = client.get(VERIFY, {"next": to})
    assert answer.url == "/accounts/login/"


def test_a_live_sign_in_goes_where_it_was_asked_to(client, phone):
    """What stands in the address is for a browser that lost the cookie, which nobody can have written."""
    give_password(client, next="/accounts/profile/")
    answer = client.post(f"{VERIFY}?next=/help/", {"code": phone.code()})
    assert answer.url == "/accounts/profile/"


def test_every_link_of_the_second_step_names_where_to_go_on_to(client, phone, paper):
    address = give_password(client, next="/accounts/profile/").url
    pages = [
        client.get(address.replace("verify/", f"verify/{path}")).text for path in ("", "other/", "backup/")
    ]
    links = re.findall(r'(?:href|action)="(/two-factor/verify/[^"]*)"', "".join(pages))
    assert [link for link in links if "?next=%2Faccounts%2Fprofile%2F" not in link] == []


def test_a_second_press_after_signing_in_leads_where_it_was_asked_to(client, phone):
    address = give_password(client, next="/accounts/profile/").url
    client.post(address, {"code": phone.code()})
    assert client.post(address, {"code": phone.code()}).url == "/accounts/profile/"


def changed_password(alice):
    alice.set_password("a new one altogether")
    alice.save()


def deactivated(alice):
    alice.is_active = False
    alice.save()


def turned_off(alice):
    Authenticator.objects.all().delete()
    alice.end_sessions()


def ended_everywhere(alice):
    alice.end_sessions()


def deleted(alice):
    alice.delete()


CHANGES = [changed_password, deactivated, turned_off, ended_everywhere, deleted]


@pytest.mark.proves("7.4.2", "V-23")
@pytest.mark.parametrize("change", CHANGES)
def test_a_pending_sign_in_dies_with_a_change_of_the_account(asked, alice, phone, change):
    change(alice)
    enter(asked, phone.code())
    assert signed_in_as(asked) is None


@pytest.mark.parametrize("change", CHANGES)
def test_after_a_change_of_the_account_the_password_is_asked_for_again(asked, alice, phone, change):
    change(alice)
    assert enter(asked, phone.code()).url == "/accounts/login/"


@pytest.mark.parametrize("change", CHANGES)
def test_after_a_change_of_the_account_people_still_get_where_they_wanted(client, alice, phone, change):
    give_password(client, next="/accounts/profile/")
    change(alice)
    assert enter(client, "000000").url == TO_PROFILE


@pytest.mark.proves("X-14")
def test_a_pending_sign_in_dies_when_its_backend_is_gone(asked, phone):
    note = sealing.unseal(PURPOSE, "", asked.cookies["twofactor_pending"].value, timezone.now())
    asked.cookies["twofactor_pending"] = sealing.seal(
        PURPOSE, "", note | {"backend": "gone.Backend"}, timezone.now()
    )
    enter(asked, phone.code())
    assert signed_in_as(asked) is None


def test_a_pending_sign_in_is_good_for_one_session(asked, phone, clock):
    token = asked.cookies["twofactor_pending"].value
    enter(asked, phone.code())
    clock.shift(30)
    thief = Client()
    thief.cookies["twofactor_pending"] = token
    enter(thief, phone.code())
    assert signed_in_as(thief) is None


@pytest.mark.parametrize("cookie", ["", "x", "é", ".", "aaaaaaaa.bbbb"])
def test_a_made_up_cookie_leads_to_the_password(client, phone, cookie):
    client.cookies["twofactor_pending"] = cookie
    assert client.get(VERIFY).url == "/accounts/login/"


def test_a_cookie_sealed_for_another_purpose_leads_to_the_password(asked):
    note = sealing.unseal(PURPOSE, "", asked.cookies["twofactor_pending"].value, timezone.now())
    asked.cookies["twofactor_pending"] = sealing.seal("known browser", "", note, timezone.now())
    assert asked.get(VERIFY).url == "/accounts/login/"


# Whose sign-in it is


@pytest.fixture
def bobs_phone(alice):
    return enrol(person("bob@example.com"))


@pytest.mark.proves("S-03")
def test_a_second_name_replaces_the_first(asked, bobs_phone):
    give_password(asked, "bob@example.com")
    enter(asked, bobs_phone.code())
    assert signed_in_as(asked).email == "bob@example.com"


@pytest.mark.proves("S-03")
def test_after_a_second_name_the_first_ones_code_is_wrong(asked, phone, bobs_phone):
    give_password(asked, "bob@example.com")
    enter(asked, phone.code())
    assert signed_in_as(asked) is None


@pytest.mark.proves("V-17")
def test_somebody_elses_code_is_wrong(asked, bobs_phone):
    enter(asked, bobs_phone.code())
    assert signed_in_as(asked) is None


def test_a_form_shown_to_somebody_else_costs_nobody_a_guess(asked, alice, phone, bobs_phone):
    """Two people in one browser: the first one's tab is older than the second one's password."""
    give_password(asked, "bob@example.com")
    page = asked.post(VERIFY, {"code": phone.code(), "signing_in_as": alice.email}, follow=True).text
    assert "Someone else started to sign in in another tab." in page
    assert GuessBudget.objects.filter(failures__gt=0).count() == 0


NAMES = ["user", "user_id", "username", "uid", "pk", "id", "account", "method", "kinds", "backend", "nonce"]


@pytest.mark.proves("V-17")
@pytest.mark.parametrize("place", ["body", "query", "cookie"])
def test_a_person_named_by_the_browser_is_not_looked_at(asked, alice, phone, bobs_phone, place):
    bob = str(person("carol@example.com").pk)
    named = dict.fromkeys(NAMES, bob)
    for name in NAMES if place == "cookie" else []:
        asked.cookies[name] = bob
    query = f"?user={bob}&user_id={bob}" if place == "query" else ""
    asked.post(VERIFY + query, {"code": phone.code(), **(named if place == "body" else {})})
    assert signed_in_as(asked) == alice


@pytest.mark.proves("V-16")
@pytest.mark.parametrize("place", ["body", "query"])
def test_naming_oneself_does_not_make_ones_code_right(asked, bobs_phone, place):
    bob = str(get_user_model().objects.get(email="bob@example.com").pk)
    query = f"?user={bob}&user_id={bob}" if place == "query" else ""
    asked.post(VERIFY + query, {"code": bobs_phone.code(), **dict.fromkeys(NAMES, bob)})
    assert signed_in_as(asked) is None


# Doing it twice


def test_the_second_of_two_clicks_leads_on_too(asked, phone):
    token, code = asked.cookies["twofactor_pending"].value, phone.code()
    enter(asked, code)
    twin = Client()
    twin.cookies["twofactor_pending"] = token
    response = enter(twin, code)
    assert (response.status_code, response.url) == (303, "/")


def test_the_second_of_two_clicks_costs_nothing(asked, phone):
    token, code = asked.cookies["twofactor_pending"].value, phone.code()
    enter(asked, code)
    twin = Client()
    twin.cookies["twofactor_pending"] = token
    enter(twin, code)
    assert failures() == 0


@pytest.mark.parametrize("path", [*PENDING_PAGES, "/accounts/login/"])
def test_whoever_is_signed_in_is_led_on(asked, phone, path):
    enter(asked, phone.code())
    assert (asked.get(path).status_code // 100, asked.get(path).url) == (3, "/")


def test_a_code_entered_by_somebody_signed_in_is_not_spent(alices, phone):
    enter(alices, phone.code())
    assert Authenticator.objects.get().last_step < totp.step_at(timezone.now())


# Where it leads

FOREIGN = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https:evil.example",
    "https://evil.example",
    "http://testserver@evil.example",
    "http://testserver:81/",
    "http://testserver.evil.example/",
    "javascript:alert(1)",
    "data:text/html,x",
    " //evil.example",
    "\t//evil.example",
    "http:///evil.example",
    "//evil.example%0d%0aHX-Redirect:x",
]


@pytest.mark.proves("3.7.2", "V-25")
@pytest.mark.parametrize("to", FOREIGN)
def test_nobody_is_sent_to_another_site(client, phone, to):
    give_password(client, next=to)
    assert enter(client, phone.code()).url == "/"


@pytest.mark.proves("V-25")
@pytest.mark.parametrize("to", FOREIGN)
def test_nobody_is_sent_to_another_site_under_htmx(client, phone, to):
    give_password(client, next=to)
    assert client.post(VERIFY, {"code": phone.code()}, headers=HTMX).headers["HX-Redirect"] == "/"


@pytest.mark.parametrize("to", FOREIGN)
def test_nobody_without_a_second_factor_is_sent_to_another_site(client, alice, to):
    assert give_password(client, next=to).url == "/"


@pytest.mark.parametrize("to", FOREIGN)
def test_a_next_beside_the_code_is_not_looked_at(asked, phone, to):
    assert enter(asked, phone.code(), f"{VERIFY}?next={to}", next=to).url == "/"


@pytest.mark.parametrize("to", ["/accounts/profile/", "/two-factor/?x=1&y=2", "/help/#codes"])
def test_whoever_wanted_a_page_gets_there(client, phone, to):
    give_password(client, next=to)
    assert enter(client, phone.code()).url == to


def test_under_htmx_signing_in_is_a_full_navigation(asked, phone):
    response = asked.post(VERIFY, {"code": phone.code()}, headers=HTMX)
    assert (response.status_code, response.headers["HX-Redirect"], response.content) == (200, "/", b"")


def test_under_htmx_the_session_is_opened_all_the_same(asked, alice, phone):
    asked.post(VERIFY, {"code": phone.code()}, headers=HTMX)
    assert signed_in_as(asked) == alice


def test_from_the_password_to_the_code_is_a_step_in_place_under_htmx(client, phone):
    response = client.post(
        "/accounts/login/", {"username": "alice@example.com", "password": PASSWORD}, headers=HTMX
    )
    assert (response.status_code, response.url) == (303, VERIFY)


@pytest.mark.parametrize("path", PENDING_PAGES)
def test_under_htmx_a_page_is_the_part_of_the_whole_page(asked, path):
    part = asked.get(path, headers=HTMX).content
    assert b"<html" not in part


@pytest.mark.parametrize("path", PENDING_PAGES)
def test_a_page_is_never_stored(asked, path):
    assert "no-store" in asked.get(path).headers["Cache-Control"]


@pytest.mark.parametrize("path", PENDING_PAGES)
def test_a_page_varies_with_htmx(asked, path):
    assert "HX-Request" in asked.get(path).headers["Vary"]


@pytest.mark.proves("3.5.3")
@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_at_the_page_changes_nothing(asked, method):
    before = list(Authenticator.objects.values()), list(GuessBudget.objects.values()), Event.objects.count()
    getattr(asked, method)(f"{VERIFY}?code=000000")
    after = list(Authenticator.objects.values()), list(GuessBudget.objects.values()), Event.objects.count()
    assert after == before


@pytest.mark.parametrize("path", PENDING_PAGES[::2])
def test_a_form_without_its_token_is_refused(phone, path):
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(path, {"code": phone.code()}).status_code == 403


@pytest.mark.proves("3.3.4")
def test_the_session_key_is_not_in_a_page(asked, phone):
    enter(asked, phone.code())
    assert asked.cookies[site.SESSION_COOKIE_NAME].value not in asked.get("/").text


def test_signing_in_makes_one_session(asked, phone):
    enter(asked, phone.code())
    assert [SESSION_KEY in session for session in open_sessions()] == [True]


# Ways out, errors, and what else once went wrong


@pytest.mark.proves("V-12")
def test_signing_out_ends_a_pending_sign_in(client, phone):
    give_password(client)
    client.post("/accounts/logout/")
    client.post("/two-factor/verify/", {"code": phone.code()})
    assert signed_in_as(client) is None


@pytest.mark.parametrize("to", ["nowhere", "x", "twofactor", "?"])
def test_a_next_that_is_no_path_is_not_followed(client, phone, to):
    give_password(client, next=to)
    assert client.post("/two-factor/verify/", {"code": phone.code()}).status_code == 303


@pytest.mark.parametrize("to", ["nowhere", "login"])
def test_a_next_that_is_a_name_is_not_followed(client, alice, to):
    assert give_password(client, next=to).url in {"/", to}


@pytest.mark.parametrize("to", ["nowhere"])
def test_after_confirming_a_next_that_is_a_name_is_not_followed(alices, phone, to):
    form = {"password": PASSWORD, "code": phone.code(), "next": to}
    assert alices.post("/two-factor/confirm/", form).url in {"/", to}


@pytest.mark.parametrize("path", ["/two-factor/verify/", "/two-factor/verify/backup/"])
def test_a_history_restore_gets_the_whole_page(client, phone, path):
    give_password(client)
    headers = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
    assert client.get(path, headers=headers).content.lower().startswith(b"<!doctype html>")


@pytest.fixture
def broken(client, phone, settings):
    """The mail to the administrators after an error in the second step, with everything that was secret."""
    settings.ADMINS = admins(["admin@example.com"])
    send_mail_with(settings, "locmem")

    def breaks(**kwargs):
        raise RuntimeError

    give_password(client)
    code, token = phone.code(), client.cookies["twofactor_pending"].value
    user_logged_in.connect(breaks)
    client.raise_request_exception = False
    client.post("/two-factor/verify/", {"code": code})
    user_logged_in.disconnect(breaks)
    error_mails()
    return mail.outbox[-1].body, code, token


@pytest.mark.proves("V-30")
def test_a_mail_about_an_error_does_not_hold_the_code(broken):
    text, code, _ = broken
    assert code not in text


def test_a_mail_about_an_error_does_not_hold_the_pending_sign_in(broken):
    text, _, token = broken
    assert token not in text


def test_a_spoiled_cookie_leads_to_the_password(client, phone, settings):
    client.cookies["twofactor_pending"] = f"{sealing.key_id(settings.TWOFACTOR_KEYS[0])}.é"
    assert client.get("/two-factor/verify/").status_code == 303
