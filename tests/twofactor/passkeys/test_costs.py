"""The queries of each step with a passkey. Those of the other steps: test_page_costs.py."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.people import PASSWORD
from tests.twofactor.passkeys.browser import Browser, forms_of, new_key, new_passkey, next_use, store
from tests.twofactor.passkeys.refusals import ADD, CONFIRM

TRANSACTION_WORDS = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")  # begin or end a transaction
SIGN_IN = "/accounts/login/"
VERIFY = "/two-factor/verify/"


def queries(act, *arguments):
    with CaptureQueriesContext(connection) as asked:
        answer = act(*arguments)
    found = [each["sql"] for each in asked.captured_queries if not each["sql"].startswith(TRANSACTION_WORDS)]
    print(answer.status_code, len(found), *found, sep="\n  ")
    return answer.status_code, len(found)


def test_all(alice, phone, passkey, laptop, clock):
    def go():
        for k in range(2):
            print("sign-in page"); queries(laptop.get, SIGN_IN)
            form = forms_of(laptop.get(SIGN_IN))[0]
            print("sign-in post"); queries(laptop.use, form, passkey)
            print("list"); queries(laptop.get, "/two-factor/")
            print("confirm get"); queries(laptop.get, CONFIRM)
            form = forms_of(laptop.get(CONFIRM))[0]
            print("step-up"); queries(laptop.use, form, passkey)
            print("add get"); queries(laptop.get, ADD)
            form = forms_of(laptop.get(ADD))[0]
            print("add post"); queries(laptop.use, form, new_passkey())
            other = Browser()
            form = other.give_password()
            print("verify page"); queries(other.get, VERIFY)
            print("verify page passkey"); queries(other.get, VERIFY + "passkey/")
            print("second"); queries(other.use, form, passkey)
            laptop.post("/accounts/logout/")
            clock.shift(60)
    go()
    for n in range(7): store(alice, new_passkey(), name=f"x{n}")
    laptop.sign_in(passkey)
    print("list10"); queries(laptop.get, "/two-factor/")
    print("passkeys10"); queries(laptop.get, "/two-factor/passkeys/")
