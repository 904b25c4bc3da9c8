"""After a restore of some tables only: doctor names who has lost the row, and after-restore repairs it."""

import pytest
from django.utils import timezone

from tests.importers.importing import VERIFY
from tests.operations.admin_and_commands import run
from tests.operations.test_doctor import finding
from tests.people import add_passkey, client_after_password, enrol, person, signed_in_as
from twofactor import events
from twofactor.factors import enrolled
from twofactor.models import Authenticator, BackupCode, TwoFactor

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice(clock):
    return person()


@pytest.fixture
def with_passkeys_only(alice):
    """Neither app nor codes, as after an import without codes whose app was removed later."""
    enrol(alice)
    add_passkey(alice)
    events.record("two_factor_enabled", alice, None)
    Authenticator.objects.all().delete()


def test_all_is_well(alice, phone):
    assert finding("restored") == (True, "Nobody has lost the row that says two-factor authentication is on.")


@pytest.mark.parametrize("left", [Authenticator, BackupCode])
def test_doctor_names_who_is_still_asked(alice, left):
    enrol(alice, ["ABCDEFGHJKMNPQR"])
    for model in {TwoFactor, Authenticator, BackupCode} - {left}:
        model.objects.all().delete()
    told = (
        "1 have lost the row that says two-factor authentication is on, and are still asked for a code: "
        "alice@example.com."
    )
    assert finding("restored") == (False, told)
    assert "after-restore" in run("doctor").out


def test_doctor_names_who_is_not_asked_any_more(with_passkeys_only):
    TwoFactor.objects.all().delete()
    told = (
        "1 have lost the row that says two-factor authentication is on, and 1 of them sign in with their "
        "password alone: alice@example.com."
    )
    assert finding("restored") == (False, told)


@pytest.mark.parametrize("kind", ["two_factor_disabled", "reset_by_support"])
def test_whoever_has_turned_it_off_is_not_named(with_passkeys_only, alice, clock, kind):
    TwoFactor.objects.all().delete()
    clock.shift(60)
    events.record(kind, alice, None)
    assert finding("restored")[0]


def test_a_passkey_that_was_added_while_it_was_off_is_no_trace(alice):
    add_passkey(alice)
    events.record("passkey_added", alice, None, passkey="Laptop")
    assert finding("restored")[0]


def test_after_restore_turns_it_on_again(with_passkeys_only, alice, clock):
    bob = person("bob@example.com")
    enrol(bob)
    carol = person("carol@example.com")
    TwoFactor.objects.all().delete()
    assert signed_in_as(client_after_password()) == alice  # until the command was run
    assert "turned on again: 2 (not changed)\n" in run("after-restore", "--dry-run").out
    assert not TwoFactor.objects.exists()
    assert "turned on again: 2\n" in run("after-restore").out
    assert [enrolled.is_on(each) for each in (alice, bob, carol)] == [True, True, False]
    client = client_after_password()
    assert (signed_in_as(client), client.get(VERIFY).status_code) == (None, 200)
    assert finding("restored")[0]


def test_after_restore_leaves_the_rows_that_are_there(alice, phone):
    before = TwoFactor.objects.values().get()
    assert "turned on again: 0\n" in run("after-restore").out
    assert TwoFactor.objects.values().get() == before


def test_spent_codes_are_enough(alice):
    enrol(alice, ["ABCDEFGHJKMNPQR"])
    BackupCode.objects.update(used_at=timezone.now())
    TwoFactor.objects.all().delete()
    Authenticator.objects.all().delete()
    run("after-restore")
    assert TwoFactor.objects.count() == 1
