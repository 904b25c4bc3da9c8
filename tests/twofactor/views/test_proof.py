"""Pages that ask for password and code together: the same rules on each of them."""

import re
from html import unescape

import pytest
from django.test import Client

from tests.people import (
    PASSWORD,
    client_after_password,
    give_password,
    open_sessions,
    sign_in,
    signed_in_as,
)
from tests.twofactor.code_forms import counted_failures, enter_password_and_code
from twofactor import factor_changes
from twofactor.models import Authenticator, BackupCode, Draft

DISABLE = "/two-factor/disable/"
CODES = "/two-factor/backup-codes/"
CONFIRM = "/two-factor/confirm/"
WRONG_PASSWORD = "wrong"


PROOFS = [DISABLE, CODES, CONFIRM]


@pytest.fixture(params=PROOFS)
def path(request):
    return request.param


def test_password_and_code_are_enough(signed_in_client, phone, path):
    assert enter_password_and_code(signed_in_client, path, phone.code()).status_code == 303


def test_a_wrong_password_is_refused(signed_in_client, phone, path):
    assert enter_password_and_code(signed_in_client, path, phone.code(), WRONG_PASSWORD).status_code == 422


@pytest.mark.proves("7.5.1")
def test_a_missing_password_is_refused(signed_in_client, phone, path):
    assert signed_in_client.post(path, {"code": phone.code()}).status_code == 422


@pytest.mark.parametrize(("path", "takes_them"), [(DISABLE, True), (CODES, False), (CONFIRM, True)])
def test_the_field_says_whether_it_takes_a_backup_code(older_client, path, takes_them):
    """A phone offers no letters for a numeric field."""
    page = older_client.get(path).text
    field = re.search(r'<input[^>]* name="code"[^>]*>', page)[0]
    told = "6-digit code from your app, or a backup code." in page
    assert (told, 'inputmode="numeric"' in field, 'autocomplete="one-time-code"' in field) == (
        takes_them,
        not takes_them,
        True,
    )


def test_a_wrong_code_is_refused(signed_in_client, path):
    assert enter_password_and_code(signed_in_client, path, "000000").status_code == 422


@pytest.mark.proves("7.5.1")
def test_a_missing_code_is_refused(signed_in_client, path):
    assert signed_in_client.post(path, {"password": PASSWORD}).status_code == 422


def test_after_a_wrong_password_the_code_is_not_looked_at(signed_in_client, path):
    enter_password_and_code(signed_in_client, path, "000000", WRONG_PASSWORD)
    assert counted_failures() == 0


def test_after_a_wrong_password_the_code_is_not_spent(signed_in_client, phone, path):
    enter_password_and_code(signed_in_client, path, phone.code(), WRONG_PASSWORD)
    assert enter_password_and_code(signed_in_client, path, phone.code()).status_code == 303


def test_a_wrong_code_is_counted_with_all_others(signed_in_client, path):
    enter_password_and_code(signed_in_client, path, "000000")
    assert counted_failures() == 1


@pytest.mark.parametrize("typed", ["", "12345", "abc"])
def test_a_badly_formed_code_costs_no_guess(signed_in_client, path, typed):
    enter_password_and_code(signed_in_client, path, typed)
    assert counted_failures() == 0


def test_wrong_codes_lock(signed_in_client, path):
    [enter_password_and_code(signed_in_client, path, "000000") for _ in range(5)]
    assert enter_password_and_code(signed_in_client, path, "000000").status_code == 429


def test_wrong_codes_lock_the_sign_in_as_well(signed_in_client, phone, path):
    [enter_password_and_code(signed_in_client, path, "000000") for _ in range(5)]
    other = Client()
    assert sign_in(other, phone).status_code == 429


def test_wrong_passwords_lock_as_at_the_login_page(signed_in_client, phone, path):
    answers = [
        enter_password_and_code(signed_in_client, path, phone.code(), WRONG_PASSWORD) for _ in range(5)
    ]
    assert [answer.status_code for answer in answers] == [422, 422, 422, 422, 429]


def test_the_code_that_signed_in_is_not_accepted_again(client, phone, path):
    sign_in(client, phone)
    assert enter_password_and_code(client, path, phone.code()).status_code == 422


def test_the_code_that_signed_in_is_called_used(client, phone, path):
    sign_in(client, phone)
    assert (
        b"You&#x27;ve already used that code" in enter_password_and_code(client, path, phone.code()).content
    )


def test_a_code_spent_here_does_not_sign_in(signed_in_client, phone, clock):
    enter_password_and_code(signed_in_client, CONFIRM, phone.code())
    other = Client()
    sign_in(other, phone)
    assert signed_in_as(other) is None


@pytest.mark.proves("V-18")
@pytest.mark.parametrize("second", PROOFS)
def test_a_code_spent_for_one_thing_buys_no_other(signed_in_client, phone, second):
    enter_password_and_code(signed_in_client, CONFIRM, phone.code())
    assert enter_password_and_code(signed_in_client, second, phone.code()).status_code == 422


def test_looking_changes_nothing(signed_in_client, alice, path):
    before = list(Authenticator.objects.values()), list(BackupCode.objects.values()), Draft.objects.count()
    signed_in_client.get(path, {"password": PASSWORD, "code": "000000"})
    assert before == (
        list(Authenticator.objects.values()),
        list(BackupCode.objects.values()),
        Draft.objects.count(),
    )


def test_strangers_are_led_to_sign_in(client, phone, path):
    assert client.get(path).url.startswith("/accounts/login/")


def test_with_the_password_alone_it_is_out_of_reach(client, phone, path):
    give_password(client)
    assert enter_password_and_code(client, path, phone.code()).url.startswith("/accounts/login/")


# The password stays in its field, if only the code was wrong


def password_in(page):
    field = re.search(r'<input[^>]*type="password"[^>]*>', page.text)[0]
    return field.partition('value="')[2].partition('"')[0]


@pytest.mark.parametrize("code", ["000000", "", "12345"])
def test_after_a_wrong_code_the_password_is_in_its_field(signed_in_client, path, code):
    page = enter_password_and_code(signed_in_client, path, code)
    assert (page.status_code, password_in(page)) == (422, PASSWORD)


def test_after_a_used_code_the_password_is_in_its_field(client, phone, path):
    sign_in(client, phone)
    assert password_in(enter_password_and_code(client, path, phone.code())) == PASSWORD


def test_after_a_wrong_password_the_field_is_empty(signed_in_client, phone, path):
    page = enter_password_and_code(signed_in_client, path, phone.code(), WRONG_PASSWORD)
    assert password_in(page) == ""


def test_a_page_that_is_only_looked_at_has_no_password(older_client, path):
    enter_password_and_code(older_client, path, "000000")
    assert password_in(older_client.get(path, {"password": PASSWORD, "code": "000000"})) == ""


@pytest.mark.proves("14.3.2")
def test_nothing_stores_the_page_with_the_password(signed_in_client, path):
    page = enter_password_and_code(signed_in_client, path, "000000")
    assert (page.headers["Cache-Control"], 'hx-history="false"' in page.text) == ("no-store, private", True)


def test_the_password_is_in_no_cookie_and_no_session(signed_in_client, path):
    page = enter_password_and_code(signed_in_client, path, "000000")
    assert PASSWORD not in str([page.cookies, signed_in_client.cookies, open_sessions()])


# The confirm page


@pytest.mark.parametrize(
    ("password", "code", "focused"),
    [(WRONG_PASSWORD, "000000", "password"), (PASSWORD, "000000", "code"), ("", "", "password")],
)
def test_the_field_that_is_wrong_has_the_focus(signed_in_client, password, code, focused):
    page = enter_password_and_code(signed_in_client, CONFIRM, code, password).text
    assert re.findall(r'<input[^>]*name="(\w+)"[^>]*autofocus', page) == [focused]
    assert page.count("autofocus") == 1


def test_the_summary_leads_to_the_field(signed_in_client):
    page = enter_password_and_code(signed_in_client, CONFIRM, "000000").text
    assert ("There is a problem" in page, '<a href="#id_code">The code is not correct.' in page) == (
        True,
        True,
    )


TO_SET_UP = "To set up two-factor authentication, confirm it's you."
TO_ADMINISTRATION = "To continue to the administration, confirm it's you."
TO_CONTINUE = "To protect your account, we need to check again before you continue."
FOR = {
    "/two-factor/apps/add/": "To add an authenticator app, confirm it's you.",
    "/two-factor/phone/": "To change your phone number, confirm it's you.",
    "/two-factor/phone/verify/": "To change your phone number, confirm it's you.",
    "/two-factor/phone/remove/": "To remove your phone number, confirm it's you.",
    "/accounts/email/change/": "To change your email address, confirm it's you.",
    "/two-factor/backup-codes/": "To make new backup codes, confirm it's you.",
    "/two-factor/setup/": TO_SET_UP,
    "/two-factor/setup/codes/?next=%2F": TO_SET_UP,
    "/admin/": TO_ADMINISTRATION,
    "/admin/accounts/user/add/": TO_ADMINISTRATION,
    "/admin/accounts/user/1/change/": TO_ADMINISTRATION,
    "/admin/accounts/user/1/two-factor/": TO_ADMINISTRATION,
    "/accounts/profile/": TO_CONTINUE,
    "/nowhere/": TO_CONTINUE,
    "/": TO_CONTINUE,
}


@pytest.mark.parametrize("to", FOR)
def test_the_page_says_what_it_is_for(signed_in_client, to):
    page = unescape(signed_in_client.get(CONFIRM, {"next": to}).text)
    assert [sentence for sentence in set(FOR.values()) if sentence in page] == [FOR[to]]


# A code that was just used


@pytest.mark.parametrize("door", [*PROOFS, "/two-factor/verify/", "/accounts/password_change/"])
def test_a_used_code_is_told_with_the_seconds_until_the_next(client, phone, clock, door):
    """At 12:00:00 the app shows a new one for 30 seconds."""
    sign_in(client, phone)
    clock.shift(12)
    browser = client_after_password() if "verify" in door else client
    new = {"old_password": PASSWORD, "new_password1": "a quiet harbour", "new_password2": "a quiet harbour"}
    page = enter_password_and_code(browser, door, phone.code(), **new)
    assert "already used that code. Your app will show a new one in 18 seconds." in page.text


def test_a_used_code_that_the_app_no_longer_shows_takes_no_waiting(client, phone, clock):
    used = phone.code()
    sign_in(client, phone)
    clock.shift(31)
    page = enter_password_and_code(client, CONFIRM, used)
    assert "already used that code. Enter the one your app shows now." in page.text


def test_after_a_code_of_a_phone_that_is_ahead_it_takes_half_a_minute(client, phone, clock):
    ahead = phone.code(off=1)
    give_password(client)
    client.post("/two-factor/verify/", {"code": ahead})
    page = enter_password_and_code(client, CONFIRM, ahead)
    assert "Your app will show a new one in 30 seconds." in page.text


@pytest.mark.proves("3.5.1")
def test_a_form_without_its_token_is_refused(signed_in_client, phone, path):
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = signed_in_client.cookies
    assert enter_password_and_code(strict, path, phone.code()).status_code == 403


def test_an_authenticator_that_was_removed_meanwhile_is_no_error(signed_in_client, alice, phone):
    factor_changes.forget_factors(alice)
    signed_in_client.raise_request_exception = False
    form = {"password": PASSWORD, "code": phone.code()}
    assert signed_in_client.post(CONFIRM, form).status_code < 500
