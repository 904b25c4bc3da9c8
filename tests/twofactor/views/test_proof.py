"""Pages that ask for password and code together: the same rules on each of them."""

import pytest
from django.test import Client

from tests.people import PASSWORD, give_password, sign_in, signed_in_as
from tests.twofactor.code_forms import counted_failures, enter_password_and_code
from twofactor import enrolment
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


def test_the_password_is_never_shown_again(signed_in_client, path):
    assert PASSWORD.encode() not in enter_password_and_code(signed_in_client, path, "000000").content


@pytest.mark.proves("3.5.1")
def test_a_form_without_its_token_is_refused(signed_in_client, phone, path):
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = signed_in_client.cookies
    assert enter_password_and_code(strict, path, phone.code()).status_code == 403


def test_an_authenticator_that_was_removed_meanwhile_is_no_error(signed_in_client, alice, phone):
    enrolment.forget_factors(alice)
    signed_in_client.raise_request_exception = False
    form = {"password": PASSWORD, "code": phone.code()}
    assert signed_in_client.post(CONFIRM, form).status_code < 500
