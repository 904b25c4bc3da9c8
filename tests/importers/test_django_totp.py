"""Import from django-totp 1.1: people sign in with the codes they already have."""

from importlib.util import find_spec

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command

from tests.importers.importing import BACKUP, REFUSED, SIGNED_IN, after_password, enter, run_import
from tests.people import Phone, signed_in_as
from twofactor.models import Authenticator

PEER = "django_totp" if find_spec("django_totp") else "django_totp_by_hand"  # needs Python 3.12
ALICE, BOB, DAVE = "alice@example.com", "bob@example.com", "dave@example.com"


@pytest.fixture
def site_with_key(site, settings):
    settings.TOTP_ENCRYPTION_KEY = site.encryption_key
    return site


@pytest.fixture
def imported(site_with_key, later):
    run_import("django-totp")
    return site_with_key


def test_everyone_is_accounted_for(site_with_key):
    result = run_import("django-totp")
    assert (result.imported, result.backup_codes, result.left_out) == (2, 9 + 9, {"not confirmed": 1})


def test_what_cannot_come_is_named_with_the_reason(site_with_key):
    result = run_import("django-totp")
    assert result.exit_code == 3
    assert {fault["person"]: fault["reason"] for fault in result.faults} == {
        "carol@example.com": "has a key that cannot be decrypted",
        "dave@example.com": "has backup codes that cannot be decrypted: 1",
    }


def test_the_same_phone_signs_in(imported):
    assert enter(ALICE, Phone(imported.key).code()).status_code == SIGNED_IN


def test_a_code_from_before_counts_as_used(imported):
    used = Phone(imported.key).code(off=-1)
    assert b"You&#x27;ve already used that code" in enter(ALICE, used).content


def test_every_unused_backup_code_signs_in(imported):
    assert {enter(ALICE, code, BACKUP).status_code for code in imported.unused} == {SIGNED_IN}


@pytest.mark.parametrize("path", [BACKUP, "/two-factor/verify/"])
def test_a_backup_code_works_once(imported, path):
    code = imported.unused[0]
    assert [enter(ALICE, code, path).status_code for _ in range(2)] == [SIGNED_IN, REFUSED]


def test_a_backup_code_keeps_its_case(imported):
    assert enter(ALICE, imported.unused[0].swapcase(), BACKUP).status_code == REFUSED


def test_a_backup_code_that_was_used_there_is_worth_nothing(imported):
    assert enter(ALICE, imported.used, BACKUP).status_code == REFUSED


def test_who_never_confirmed_is_not_asked_for_a_code(imported):
    assert signed_in_as(after_password(BOB)).email == BOB


def test_a_second_run_finds_everyone_here(imported):
    result = run_import("django-totp")
    assert (result.imported, result.already_here) == (0, 2)


def test_a_dry_run_says_the_same_and_changes_nothing(site_with_key):
    result = run_import("django-totp", "--dry-run")
    assert not Authenticator.objects.exists()
    assert result == run_import("django-totp")


def test_some_people_only(site_with_key):
    run_import("django-totp", "--users", DAVE)
    assert Authenticator.objects.get().user.email == DAVE


def test_its_key_may_come_from_the_environment(site, monkeypatch):
    monkeypatch.setenv("TOTP_ENCRYPTION_KEY", site.encryption_key)
    assert run_import("django-totp").imported == 2


def test_another_key_opens_nothing(site, settings):
    settings.TOTP_ENCRYPTION_KEY = Fernet.generate_key()
    result = run_import("django-totp")
    assert (result.imported, len(result.faults), result.left_out) == (0, 3, {"not confirmed": 1})


@pytest.mark.parametrize(
    ("key", "problem"),
    [("", r"TOTP_ENCRYPTION_KEY is not set"), ("short", "TOTP_ENCRYPTION_KEY is not a Fernet")],
)
def test_without_its_key_it_says_so_in_a_line(site, settings, key, problem):
    settings.TOTP_ENCRYPTION_KEY = key
    with pytest.raises(CommandError, match=problem):
        call_command("twofactor", "import", "django-totp")
