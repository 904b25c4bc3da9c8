"""How many queries each step with a passkey makes. Those of the other steps: test_page_costs.py."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.twofactor.passkeys.browser import forms_of, new_passkey, store
from tests.twofactor.passkeys.refusals import ADD, CONFIRM
from tests.twofactor.test_page_costs import TRANSACTION_WORDS

SIGN_IN = "/accounts/login/"


def queries(act, *arguments):
    with CaptureQueriesContext(connection) as asked:
        answer = act(*arguments)
    assert answer.status_code in {200, 303}
    return sum(not each["sql"].startswith(TRANSACTION_WORDS) for each in asked.captured_queries)


@pytest.fixture
def known(alice, phone, passkey, laptop, clock):
    """A browser that Alice has signed in with before."""
    laptop.sign_in(passkey)
    laptop.post("/accounts/logout/")
    clock.shift(60)
    return laptop


def test_b_1_the_sign_in_page_asks_nothing(known):
    assert queries(known.get, SIGN_IN) == 0
    assert queries(known.get, "/two-factor/passkey/challenge/") == 0


def test_b_1_signing_in_alone_asks_nine(known, passkey):
    form = forms_of(known.get(SIGN_IN))[0]
    assert queries(known.use, form, passkey) == 9


def test_b_1_the_second_step_asks_two_and_nine(known, passkey):
    form = known.give_password()
    assert queries(known.get, "/two-factor/verify/") == 2
    assert queries(known.use, form, passkey) == 9  # as many as a code


def test_b_1_confirming_asks_two_and_seven(known, passkey):
    known.sign_in(passkey)
    assert queries(known.get, CONFIRM) == 2
    assert queries(known.use, forms_of(known.get(CONFIRM))[0], passkey) == 7


def test_b_1_adding_asks_three_and_twelve(known, passkey):
    known.sign_in(passkey)
    assert queries(known.get, ADD) == 3
    assert queries(known.use, forms_of(known.get(ADD))[0], new_passkey()) == 12  # with the letter about it


def test_b_1_ten_passkeys_cost_no_more_than_one(known, alice, passkey):
    pages = ["/two-factor/", "/two-factor/passkeys/", CONFIRM, "/two-factor/disable/"]

    def asked():
        return [queries(known.get, page) for page in pages]

    known.sign_in(passkey)
    with_one = asked()
    for number in range(9):
        store(alice, new_passkey(), name=f"{number}")
    assert asked() == with_one
    assert with_one[0] == 7  # the list is one of them, for apps as for passkeys
