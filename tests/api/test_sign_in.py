"""Signing in over the API: the same passwords, codes, limits and policy as on the pages."""

import pytest
from django.http import HttpRequest
from django.utils import timezone

from accounts import password_tries
from accounts.models import PasswordTries
from tests.api.program import Program, status_and_code
from tests.people import PASSWORD, Phone, enrol, give_password, person
from tests.twofactor.sent_codes import different_code
from twofactor.api import tokens
from twofactor.factors import enrolled, methods
from twofactor.limits import guesses
from twofactor.models import Event, GuessBudget, TokenFamily
from twofactor.signin.session import NONE

# The password


@pytest.mark.proves("6.3.8")
@pytest.mark.parametrize("who", ["nobody", "deactivated", "wrong"])
def test_nobody_learns_who_has_an_account(program, alice, who):
    person("deactivated@example.com", is_active=False)
    names = {"nobody": "no@example.com", "deactivated": "deactivated@example.com", "wrong": alice.email}
    program.email = names[who]
    answer = program.give_password("wrong horse battery" if who == "wrong" else PASSWORD)
    assert (answer.status_code, answer.json()) == (
        401,
        {"detail": "The email address or password is not correct.", "code": "credentials_refused"},
    )


@pytest.mark.proves("6.3.1", "L-1", "V-02")
def test_the_fifth_wrong_password_locks(program, alice):
    answers = [program.give_password("wrong horse battery") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [401] * 4 + [429]
    assert (*status_and_code(answers[4]), answers[4].headers["Retry-After"]) == (429, "locked", "900")
    assert program.give_password().status_code == 429


@pytest.mark.proves("V-24", "L-1")
def test_with_a_stolen_token_the_password_has_five_guesses_too(signed_in, phone, clock):
    clock.shift(300)
    body = {"otp_code": phone.code(), "password": "wrong horse battery"}
    assert [signed_in.post("totp/disable/", body).status_code for _ in range(5)] == [400] * 4 + [429]


@pytest.mark.proves("V-21-API", "L-1")
def test_wrong_passwords_here_lock_the_page_too(program, alice, client):
    for _ in range(5):
        program.give_password("wrong horse battery")
    assert give_password(client).status_code == 429


def test_strangers_hold_a_program_up_until_a_sign_in_on_a_page(program, alice, client):
    give_password(client)
    client.post("/accounts/logout/")
    program.give_password("wrong horse battery")
    strangers = PasswordTries.objects.filter(address=password_tries.ANYWHERE)
    strangers.update(count=password_tries.STRANGERS_LIMIT)
    assert status_and_code(program.give_password()) == (429, "locked")
    give_password(client)
    assert program.give_password().status_code == 200


@pytest.mark.proves("X-09")
def test_a_whole_sign_in_clears_the_count(program, alice):
    for _ in range(4):
        program.give_password("wrong horse battery")
    assert program.give_password().status_code == 200
    assert program.give_password("wrong horse battery").status_code == 401


@pytest.mark.proves("X-09", "V-21")
def test_the_password_alone_clears_nothing(program, alice, phone):
    for _ in range(4):
        program.give_password("wrong horse battery")
    program.give_password()
    assert program.give_password("wrong horse battery").status_code == 429


@pytest.mark.proves("V-01", "V-33", "6.3.4")
def test_with_a_second_factor_the_password_buys_no_token(program, phone):
    answer = program.give_password()
    assert not {"access", "refresh"} & answer.json().keys()
    assert not TokenFamily.objects.exists()


# The second factor


@pytest.mark.proves("V-21-API", "L-4", "R-07")
def test_pages_and_api_share_five_guesses(password_given, phone, client):
    give_password(client)
    wrong = different_code(phone.code())
    for _ in range(3):
        client.post("/two-factor/verify/", {"code": wrong})
    assert [password_given.give(otp_code=wrong).status_code for _ in range(3)] == [400, 400, 429]
    assert GuessBudget.objects.get().failures == 5


@pytest.mark.proves("V-21-API", "C-09")
def test_a_wait_that_began_on_a_page_is_told_here(clock, password_given, phone):
    GuessBudget.objects.update(failures=4)
    password_given.give(otp_code=different_code(phone.code()))
    answer = password_given.give(otp_code=phone.code())
    assert (*status_and_code(answer), answer.headers["Retry-After"]) == (429, "locked", "30")


def test_after_a_hundred_only_a_new_password_helps(password_given, phone):
    GuessBudget.objects.update(failures=guesses.LAST_GUESS)
    answer = password_given.give(otp_code=phone.code())
    assert (*status_and_code(answer), answer.headers["Retry-After"]) == (429, "locked", "86400")


@pytest.mark.parametrize(
    ("lifted", "advice"), [(False, "Reset your password"), (True, "Ask the people who run this site")]
)
def test_after_a_hundred_the_answer_says_what_helps(password_given, phone, lifted, advice):
    lifted_at = timezone.now() if lifted else None
    GuessBudget.objects.update(failures=guesses.LAST_GUESS, lifted_at=lifted_at)
    assert advice in password_given.give(otp_code=phone.code()).json()["detail"]


@pytest.mark.proves("V-17")
def test_the_challenge_says_whose_code_it_takes(password_given, phone):
    bob = enrol(person("bob@example.com"))
    assert status_and_code(password_given.give(otp_code=bob.code())) == (400, "code_refused")


@pytest.mark.proves("8.2.1-8.2.3")
def test_a_person_changes_their_own_things_only(signed_in, alice, phone):
    bob = person("bob@example.com")
    enrol(bob)
    signed_in.post("totp/disable/", {"otp_code": phone.code(), "user": bob.pk, "username": bob.email})
    assert (enrolled.is_on(bob), enrolled.is_on(alice)) == (True, False)


@pytest.mark.proves("V-18")
def test_a_code_that_signed_in_disables_nothing(password_given, phone):
    code = phone.code()
    password_given.give(otp_code=code)
    assert status_and_code(password_given.post("totp/disable/", {"otp_code": code})) == (400, "code_refused")


# People who must use two-factor authentication


@pytest.fixture
def must_set_up(bobs_program, settings):
    settings.TWOFACTOR_REQUIRED_FOR = "everyone"
    return bobs_program


@pytest.mark.proves("6.3.3", "8.3.2", "S-05")
@pytest.mark.parametrize("path", ["totp/disable/", "totp/rotate_backup_codes/"])
def test_who_must_set_up_reaches_nothing_else(must_set_up, path):
    assert status_and_code(must_set_up.post(path, {"otp_code": "123456"})) == (403, "set_up_first")


@pytest.mark.proves("6.3.3")
def test_who_must_set_up_can(must_set_up):

    assert must_set_up.get("totp/status/").json()["is_required"] is True
    key = must_set_up.post("totp/create/").json()["key"]
    assert must_set_up.post("totp/confirm/", {"input_code": Phone(key).code()}).status_code == 200
    assert status_and_code(must_set_up.post("totp/disable/", {"otp_code": "000000"})) == (409, "required")


# Request limits


@pytest.mark.proves("2.4.1", "F-04")
def test_the_eleventh_sign_in_of_a_minute_waits(program, alice, clock):
    answers = [program.give_password() for _ in range(11)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert (*status_and_code(answers[10]), answers[10].headers["Retry-After"]) == (429, "throttled", "60")
    clock.shift(60)
    assert program.give_password().status_code == 200


@pytest.mark.proves("2.4.1")
def test_a_whole_network_is_one_stranger(alice):
    answers = [Program(REMOTE_ADDR=f"2001:db8::{n:x}").give_password() for n in range(1, 12)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]


def test_the_rate_is_a_setting(program, alice, settings):
    settings.TOTP_THROTTLE_RATE = "2/hour"
    assert [program.give_password().status_code for _ in range(3)] == [200, 200, 429]


def test_one_person_does_not_slow_down_another(bobs_program, phone):
    for _ in range(11):
        bobs_program.post("totp/create/")
    signed_in = Program().sign_in(phone)
    assert status_and_code(signed_in.post("totp/create/")) == (400, "already_on")


def test_wrong_codes_are_in_the_audit_log_of_pages_and_api(password_given, phone):
    password_given.give(otp_code=different_code(phone.code()))
    assert Event.objects.get().kind == "second_factor_refused"


@pytest.mark.proves("16.5.1", "16.5.2")
@pytest.mark.parametrize(
    ("status", "code", "retry"), [(404, "not_found", None), (500, "error", None), (503, "unavailable", "30")]
)
def test_what_breaks_outside_the_api_views_is_told_in_json(program, db, status, code, retry):
    answer = program.get(f"broken/{status}/")
    assert (*status_and_code(answer), answer.headers.get("Retry-After")) == (status, code, retry)
    assert answer.json().keys() == {"detail", "code"}


# With ATOMIC_REQUESTS


@pytest.fixture
def atomic_requests(transactional_db, settings, monkeypatch):
    monkeypatch.setitem(settings.DATABASES["default"], "ATOMIC_REQUESTS", True)


@pytest.mark.proves("C-06")
def test_a_guess_over_the_api_is_counted_where_requests_are_atomic(atomic_requests, password_given):
    assert password_given.give(otp_code="000000").status_code == 400
    assert GuessBudget.objects.get().failures == 1


# People without a password, for whom a site makes tokens itself


@pytest.fixture
def without_password(program, phone, alice, clock):
    alice.set_unusable_password()
    alice.save()
    program.access = tokens.issue(alice, methods.TOTP, HttpRequest(), timezone.now())["access"]
    clock.shift(301)
    return program


def test_who_has_no_password_turns_it_off_with_a_code(without_password, phone):
    assert without_password.post("totp/disable/", {"otp_code": phone.code()}).status_code == 204


def test_their_token_alone_turns_nothing_off(without_password, alice):
    assert without_password.post("totp/disable/", {"otp_code": "000000"}).status_code == 400
    assert enrolled.is_on(alice)


def test_a_sign_in_of_theirs_is_too_old_for_a_first_set_up(program, alice, clock):
    alice.set_unusable_password()
    alice.save()
    program.access = tokens.issue(alice, NONE, HttpRequest(), timezone.now())["access"]
    clock.shift(601)
    assert status_and_code(program.post("totp/create/")) == (403, "password_needed")
