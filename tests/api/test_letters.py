"""What the owner is told of."""

import pytest

from tests.accounts.letters import letters
from tests.api.program import Program

APP, OTHER = "Harbour/1.0 (Android)", "curl/8.5.0"
NEW = ["Signed in from a new browser – Countersign"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice(transactional_db, clock):
    from tests.people import person

    return person()


def sign_in(phone, clock, client=APP):
    """With the next code of her phone."""
    clock.shift(60)
    return Program(headers={"User-Agent": client}).sign_in(phone)


def subjects():
    return [letter.subject for letter in letters()]


def test_nobody_is_told_of_their_first_sign_in(phone, clock):
    sign_in(phone, clock)
    assert subjects() == []


@pytest.mark.proves("6.3.5")
def test_a_sign_in_with_another_program_is_told(phone, clock):
    sign_in(phone, clock)
    sign_in(phone, clock, OTHER)
    assert subjects() == NEW


def test_a_sign_in_with_the_same_program_is_not_told(phone, clock):
    for _ in range(3):
        sign_in(phone, clock)
    assert subjects() == []


@pytest.mark.proves("6.3.5")
def test_wrong_codes_make_no_program_known(phone, clock):
    sign_in(phone, clock)
    thief = Program(headers={"User-Agent": OTHER})
    thief.give_password()
    thief.give(otp_code="000000")
    sign_in(phone, clock, OTHER)
    assert subjects() == NEW


@pytest.mark.proves("6.3.5")
def test_a_sign_in_without_a_second_factor_is_told_too(alice):
    for client in (APP, APP, OTHER):
        Program(headers={"User-Agent": client}).give_password()
    assert subjects() == NEW


@pytest.mark.proves("6.3.5")
def test_a_token_used_again_is_told(hers):
    old = hers.refresh
    hers.renew()
    hers.post("jwt/refresh/", {"refresh": old})
    assert subjects() == ["An app was signed out because an old token was used again – Countersign"]
