"""A sign-in from a program that is not known yet is told to the person."""

from datetime import timedelta

import pytest

from tests.accounts.letters import sent_subjects
from tests.api.program import Program
from tests.people import person
from twofactor import factor_changes

NEW = ["You signed in from a new browser – Countersign"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def known(phone, clock):
    """A program that Alice has signed in with before."""
    return sign_in(Program(), phone, clock)


def sign_in(program, phone, clock):
    """Signs in with the next code of her phone."""
    clock.shift(60)
    return program.sign_in(phone)


def test_nobody_is_told_of_their_first_sign_in(known):
    assert sent_subjects() == []


@pytest.mark.proves("6.3.5")
def test_a_sign_in_with_another_program_is_told(known, phone, clock):
    sign_in(Program(), phone, clock)
    assert sent_subjects() == NEW


@pytest.mark.proves("6.3.5")
def test_a_program_is_not_known_by_its_name(phone, clock):
    for address in ("192.0.2.1", "198.51.100.1"):
        sign_in(Program(headers={"User-Agent": "okhttp/4.12.0"}, REMOTE_ADDR=address), phone, clock)
    assert sent_subjects() == NEW


def test_a_program_that_keeps_its_token_is_not_told(known, phone, clock):
    for _ in range(2):
        sign_in(known, phone, clock)
    assert sent_subjects() == []


def test_a_known_program_is_known_on_every_network(known, phone, clock):
    known.client.defaults["REMOTE_ADDR"] = "198.51.100.1"
    sign_in(known, phone, clock)
    assert sent_subjects() == []


@pytest.mark.proves("6.3.5")
def test_a_program_that_keeps_none_is_told_from_each_network(phone, clock):
    for address in ("192.0.2.1", "192.0.2.1", "198.51.100.1", "203.0.113.1"):
        sign_in(Program(REMOTE_ADDR=address), phone, clock)
    assert sent_subjects() == NEW * 3


def test_a_token_of_someone_else_makes_no_program_known(known, phone, clock):
    bobs_program = Program(person("bob@example.com").email)
    bobs_program.give_password()
    stranger = Program()
    stranger.client_token = bobs_program.client_token
    sign_in(stranger, phone, clock)
    assert sent_subjects() == NEW


def test_a_token_from_before_the_password_makes_no_program_known(known, alice, clock):
    alice.refresh_from_db()
    factor_changes.forget_factors(alice)
    alice.set_password("a quiet green harbour")
    alice.save()
    known.give_password("a quiet green harbour")
    assert sent_subjects() == NEW


def test_after_ninety_days_a_program_is_new_again(known, phone, clock):
    clock.shift(timedelta(days=90, seconds=1))
    sign_in(known, phone, clock)
    assert sent_subjects() == NEW


@pytest.mark.parametrize("token", ["x", "\u00e9", "." * 5000, "a.b"])
def test_a_token_that_makes_no_sense_is_none(known, phone, clock, token):
    known.client_token = token
    assert sign_in(known, phone, clock).is_signed_in()


@pytest.mark.proves("6.3.5")
def test_wrong_codes_make_no_program_known(known, phone, clock):
    thief = Program()
    thief.give_password()
    thief.give(otp_code="000000")
    sign_in(thief, phone, clock)
    assert sent_subjects() == NEW


@pytest.mark.proves("6.3.5")
def test_a_sign_in_without_a_second_factor_is_told_too(alice):
    for program in [Program()] * 2 + [Program()]:
        program.give_password()
    assert sent_subjects() == NEW


@pytest.mark.proves("6.3.5")
def test_a_token_used_again_is_told(signed_in):
    old = signed_in.refresh
    signed_in.renew()
    signed_in.post("jwt/refresh/", {"refresh": old})
    assert sent_subjects() == ["A program was signed out because an old token was used again – Countersign"]
