"""A key is missing or wrong, a row is broken or belongs to someone else: never the password alone."""

import pytest
from django.contrib.auth import get_user_model

from tests.machinery.drills.deployed import Site, deployed
from tests.machinery.drills.populate import create_people, enrol_people
from tests.machinery.drills.visitor import Visitor
from tests.people import PRINTED_CODES
from twofactor import sealing
from twofactor.factors import backup_codes, code_text
from twofactor.models import Authenticator


@pytest.fixture
def two_phones(on_sqlite):
    """Two people with phones, of whom the first has a code on paper as well."""
    phones = enrol_people(create_people(["alice", "bob"], "md5"))
    alice = get_user_model().objects.get(email="alice@example.com")
    backup_codes.replace_all(alice, backup_codes.make_rows(alice, PRINTED_CODES[:1]))
    return phones


def start(on_sqlite, folder, **environment):
    return deployed(Site(on_sqlite, folder, DRILL_CHEAP_PASSWORDS="yes", **environment))


@pytest.mark.proves("F-11")
def test_without_a_key_the_site_does_not_start(on_sqlite, folder):
    keyless = start(on_sqlite, folder, TWOFACTOR_KEYS="")
    with pytest.raises(RuntimeError, match="TWOFACTOR_KEYS is not set"), keyless:
        pass


def another_key():
    return {"TWOFACTOR_KEYS": sealing.generate_key()}


def broken_row():
    Authenticator.objects.update(sealed_key="gAAAAA-this-is-no-seal")
    return {}


def swapped_rows():
    alice, bob = Authenticator.objects.order_by("user__email")
    alice.sealed_key, bob.sealed_key = bob.sealed_key, alice.sealed_key
    alice.save()
    bob.save()
    return {}


@pytest.mark.proves("F-11")
@pytest.mark.parametrize("lose", [another_key, broken_row, swapped_rows])
def test_a_key_that_does_not_open_lets_nobody_in_but_with_a_backup_code(
    on_sqlite, folder, two_phones, report, lose
):
    """Neither with Alice's code nor with the other person's; and the log says why."""
    alice, codes = "alice@example.com", [phone.code() for phone in two_phones.values()]
    with start(on_sqlite, folder, **lose()) as [site]:
        visitor = Visitor(site.port)
        asked = visitor.give_password(alice).status
        refused = [visitor.enter(code) for code in codes]
        inside = visitor.is_signed_in()
        opened = visitor.enter(
            code_text.format_backup_code(PRINTED_CODES[0]), "/two-factor/verify/backup/"
        ).status
        told = [line for line in site.errors() if "does not open" in line]
    statuses = [answer.status for answer in refused]
    report(f"F-11 {lose.__name__}: codes {statuses}, backup code {opened}, told {len(told)} times")
    assert (asked, statuses, inside, opened, len(told)) == (303, [422, 422], False, 303, 2)
    assert all("Try another way" in answer.body for answer in refused)
