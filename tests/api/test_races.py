"""Programs that send the same request at the same time."""

from functools import partial

import pytest

from tests.api.program import Program
from tests.machinery.races import at_once
from tests.people import Phone
from twofactor.factors import backup_codes, enrolled
from twofactor.models import TokenFamily

CROWD = 30

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("no_throttle", "no_template_copies"),
]


def like(program):
    """A copy of the program with the same tokens."""
    twin = Program(program.email)
    twin.access, twin.refresh, twin.challenge = program.access, program.refresh, program.challenge
    return twin


def crowd(program, action):
    """The responses to many copies that send the same request at the same time."""
    return at_once(*[partial(action, like(program)) for _ in range(CROWD)])


def won(answers):
    assert max(answer.status_code for answer in answers) < 500
    return [answer for answer in answers if answer.status_code < 300]


@pytest.mark.proves("S-15", "C-01", "2.3.4", "15.4.2")
def test_one_challenge_and_one_code_give_tokens_once(password_given, phone):
    code = phone.code()
    answers = crowd(password_given, lambda program: program.give(otp_code=code))
    assert (len(won(answers)), TokenFamily.objects.count()) == (1, 1)


@pytest.mark.proves("S-15")
def test_one_challenge_and_many_right_codes_give_tokens_once(password_given, alice, phone):
    codes = backup_codes.generate()
    backup_codes.replace_all(alice, backup_codes.make_rows(alice, codes))
    answers = at_once(*[partial(like(password_given).give, backup_code=code) for code in codes])
    assert (len(won(answers)), backup_codes.count_unused(alice)) == (1, 9)


@pytest.mark.proves("S-15")
def test_one_refresh_token_gives_new_ones_once_and_ends_the_sign_in(signed_in):
    answers = crowd(signed_in, lambda program: program.renew())
    assert (len(won(answers)), TokenFamily.objects.count()) == (1, 0)


@pytest.mark.proves("C-04")
def test_confirming_many_times_turns_it_on_once(bobs_program):
    code = Phone(bobs_program.post("totp/create/").json()["key"]).code()
    answers = crowd(bobs_program, lambda program: program.post("totp/confirm/", {"input_code": code}))
    assert len(won(answers)) == 1


@pytest.mark.proves("C-04")
def test_of_two_who_confirm_nobody_is_told_of_wrong_codes(bobs_program):
    code = Phone(bobs_program.post("totp/create/").json()["key"]).code()
    confirm = [partial(like(bobs_program).post, "totp/confirm/", {"input_code": code}) for _ in range(2)]
    lost = [answer.json()["code"] for answer in at_once(*confirm) if answer.status_code >= 400]
    assert lost == [] or lost[0] in {"changed", "no_setup", "already_on", "token_not_valid"}


@pytest.mark.proves("C-04", "V-04")
def test_confirming_one_more_app_many_times_adds_it_once(phone, alice):
    program = Program().sign_in(phone)
    code = Phone(program.post("totp/apps/create/").json()["key"]).code()
    answers = crowd(program, lambda program: program.post("totp/apps/confirm/", {"input_code": code}))
    lost = {answer.json()["code"] for answer in answers if answer.status_code >= 400}
    assert (len(won(answers)), enrolled.apps_of(alice).count()) == (1, 2)
    assert lost <= {"changed", "no_setup", "code_refused"}  # each is charged before it is looked at


@pytest.mark.proves("C-04", "V-18")
def test_one_code_disables_or_rotates_once(signed_in, phone, alice):
    code = phone.code()
    answers = at_once(
        *[partial(like(signed_in).post, "totp/disable/", {"otp_code": code}) for _ in range(10)],
        *[partial(like(signed_in).post, "totp/rotate_backup_codes/", {"otp_code": code}) for _ in range(10)],
    )
    assert len(won(answers)) == 1
    assert enrolled.is_on(alice) == (won(answers)[0].status_code == 200)
