"""Import from django-allauth: people sign in with the codes they already have."""

import json
from datetime import UTC

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from tests.importers.importing import BACKUP, REFUSED, SIGNED_IN, enter, rows, run_import
from tests.people import Phone
from twofactor.factors import totp
from twofactor.models import Authenticator

PEER = "allauth"
ALICE, BOB = "alice@example.com", "bob@example.com"


class Reversing:
    """The adapter of a site that encrypts secrets."""

    def decrypt(self, text):
        if text == "damaged":
            raise ValueError
        return text[::-1]


@pytest.fixture
def imported(site, later):
    run_import("allauth")
    return site


def authenticator(email, kind):
    sql = """SELECT theirs.* FROM mfa_authenticator theirs JOIN accounts_user person
             ON person.id = theirs.user_id WHERE person.email = %s AND theirs.type = %s"""
    return rows(sql, email, kind)[0]


def data(email, kind="totp"):
    return json.loads(authenticator(email, kind).data)


def write(email, kind, **changed):
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE mfa_authenticator SET data = %s WHERE id = %s",
            [json.dumps(data(email, kind) | changed), authenticator(email, kind).id],
        )


def faults(result):
    return {fault["person"].partition("@")[0]: fault["reason"] for fault in result.faults}


def test_everyone_is_accounted_for(site):
    result = run_import("allauth")
    assert (result.imported, result.backup_codes, result.exit_code) == (2, 9 + 2, 3)


def test_what_cannot_come_is_named_with_the_reason(site):
    assert faults(run_import("allauth")) == {
        "carol": "uses another method there, but no authenticator app",
        "dave": "has a key that cannot be used: Secrets must be at least 112 bits after decoding",
    }


@pytest.mark.parametrize("email", [ALICE, BOB])
def test_the_same_phone_signs_in(imported, email):
    assert enter(email, Phone(data(email)["secret"]).code()).status_code == SIGNED_IN


def test_a_code_that_was_used_there_is_used_here(imported, later):
    used = authenticator(BOB, "totp").last_used_at.replace(tzinfo=UTC)
    later.move_to(used)
    assert b"You&#x27;ve already used that code" in enter(BOB, Phone(data(BOB)["secret"]).code()).content


@pytest.mark.parametrize("path", [BACKUP, "/two-factor/verify/"])
def test_an_unused_recovery_code_signs_in_once(imported, path):
    code = imported.unused[-1]
    assert [enter(ALICE, code, path).status_code for _ in range(2)] == [SIGNED_IN, REFUSED]


def test_a_recovery_code_may_be_typed_in_groups(imported):
    code = imported.unused[0]
    assert enter(ALICE, f"{code[:4]}-{code[4:]}", BACKUP).status_code == SIGNED_IN


def test_a_recovery_code_that_was_used_there_is_worth_nothing(imported):
    assert enter(ALICE, imported.used, BACKUP).status_code == REFUSED


@pytest.mark.parametrize("code", ["aB3-dE5_gH7", "11223344"])
def test_a_code_that_had_moved_before_moves_again(imported, code):
    assert enter(BOB, code, BACKUP).status_code == SIGNED_IN


def test_a_code_that_had_moved_before_keeps_its_case(imported):
    assert enter(BOB, "ab3-de5_gh7", BACKUP).status_code == REFUSED


def test_the_date_of_turning_on_is_imported(imported):
    since = authenticator(ALICE, "totp").created_at.replace(tzinfo=UTC)
    assert Authenticator.objects.get(user__email=ALICE).added_at == since


def test_a_second_run_finds_everyone_here(imported):
    result = run_import("allauth")
    assert (result.imported, result.already_here) == (0, 2)


def test_a_dry_run_says_the_same_and_changes_nothing(site):
    result = run_import("allauth", "--dry-run")
    assert not Authenticator.objects.exists()
    assert result == run_import("allauth")


def test_some_people_only(site):
    run_import("allauth", "--users", BOB)
    assert Authenticator.objects.get().user.email == BOB


def test_nobody_is_named_default(site):
    with pytest.raises(CommandError, match="allauth has one authenticator app per person"):
        call_command("twofactor", "import", "allauth", "--only-default")


def test_a_security_key_beside_the_app_is_counted(site):
    with connection.cursor() as cursor:
        alice = get_user_model().objects.get(email=ALICE).pk
        cursor.execute("UPDATE mfa_authenticator SET user_id = %s WHERE type = 'webauthn'", [alice])
    result = run_import("allauth", "--users", ALICE)
    assert (result.imported, result.left_out, result.exit_code) == (1, {"security key": 1}, 0)


# Its settings


def test_digits_and_period_come_from_its_settings(site, later, settings):
    settings.MFA_TOTP_DIGITS, settings.MFA_TOTP_PERIOD = 8, 60
    run_import("allauth", "--users", ALICE)
    code = totp.code_at(site.key, totp.step_at(timezone.now(), 60), 8)
    assert enter(ALICE, code).status_code == SIGNED_IN


def test_settings_may_come_from_the_environment(site, monkeypatch):
    monkeypatch.setenv("MFA_TOTP_PERIOD", "60")
    run_import("allauth", "--users", ALICE)
    assert Authenticator.objects.get().period == 60


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("MFA_TOTP_DIGITS", 5, "has codes of 5 digits"),
        ("MFA_TOTP_DIGITS", 9, "has codes of 9 digits"),
        ("MFA_TOTP_PERIOD", 0, "has codes that change every 0 seconds"),
    ],
)
def test_codes_that_we_do_not_ask_for_are_a_fault(site, settings, name, value, reason):
    setattr(settings, name, value)
    assert faults(run_import("allauth"))["alice"] == reason


def test_a_setting_that_is_no_number_is_told_in_a_line(site, monkeypatch):
    monkeypatch.setenv("MFA_TOTP_PERIOD", "soon")
    with pytest.raises(CommandError, match=r"^MFA_TOTP_PERIOD must be a whole number, not 'soon'\.$"):
        call_command("twofactor", "import", "allauth")


# An adapter that encrypts


def test_its_adapter_decrypts(site, later, settings):
    settings.MFA_ADAPTER = "tests.importers.test_allauth.Reversing"
    write(ALICE, "totp", secret=site.key[::-1])
    run_import("allauth", "--users", ALICE)
    assert enter(ALICE, Phone(site.key).code()).status_code == SIGNED_IN


def test_a_key_that_cannot_be_decrypted_is_a_fault(site, settings):
    settings.MFA_ADAPTER = "tests.importers.test_allauth.Reversing"
    write(ALICE, "totp", secret="damaged")
    assert faults(run_import("allauth"))["alice"] == "has a key that cannot be decrypted"


@pytest.mark.parametrize("secret", [None, 5, ["x"], {}])
def test_a_key_that_is_no_text_is_a_fault(site, secret):
    write(ALICE, "totp", secret=secret)
    assert faults(run_import("allauth"))["alice"] == "has a key that cannot be decrypted"


def test_codes_that_cannot_be_decrypted_do_not_hold_up_the_key(site, settings):
    settings.MFA_ADAPTER = "tests.importers.test_allauth.Reversing"
    write(ALICE, "recovery_codes", seed="damaged")
    result = run_import("allauth", "--users", ALICE)
    assert (result.imported, result.backup_codes, result.exit_code) == (1, 0, 3)
    assert faults(result) == {"alice": "has recovery codes that cannot be decrypted"}


def test_an_adapter_that_is_gone_is_told_in_a_line(site, settings):
    settings.MFA_ADAPTER = "gone.Adapter"
    with pytest.raises(CommandError, match=r"^MFA_ADAPTER does not load: No module named 'gone'\.$"):
        call_command("twofactor", "import", "allauth")


def test_a_row_of_nobody_here_is_a_fault(site):
    with connection.constraint_checks_disabled(), connection.cursor() as cursor:
        if connection.vendor != "sqlite":
            pytest.skip("PostgreSQL enforces the foreign key, so such a row cannot be")
        cursor.execute("UPDATE mfa_authenticator SET user_id = 4711 WHERE type = 'webauthn'")
    assert faults(run_import("allauth"))["user 4711"] == "is nobody here"
