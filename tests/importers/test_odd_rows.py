"""A faulty row in the tables of another package is reported, and everyone else is imported."""

import pytest
from django.contrib.auth import get_user_model
from django.db import connection

from tests.importers.importing import run_import
from twofactor.models import Authenticator

PEER = "django_otp"
DEVICES = "otp_totp_totpdevice"
ALICE = "alice@example.com"
ODD = [
    ("key", None, "has a key that is not hexadecimal"),
    ("t0", 2**62, "counts the steps of its codes from a time that cannot be"),
    ("t0", -(2**62), "counts the steps of its codes from a time that cannot be"),
    ("t0", None, "has a first moment that is no number"),
    ("drift", -(2**15), "has a clock that is off by -32768 steps"),
    ("last_t", 2**62, "has a last used code of a time to come: no code would be accepted before it"),
    ("last_t", None, "has a last used step that is no number"),
    ("step", 0, "has codes that change every 0 seconds"),
    ("digits", None, "has a number of digits that is no number"),
]
# PostgreSQL stores no text in a column of numbers.
ODD += [
    ("t0", "soon", "has a first moment that is no number"),
    ("last_t", "x", "has a last used step that is no number"),
    ("drift", "", "has a drift that is no number"),
    ("step", "thirty", "has a period that is no number"),
] * (connection.vendor == "sqlite")


def do(sql, *values):
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


@pytest.fixture
def damage_row(site):
    """Removes the constraints of a table of the other package, and changes one row."""

    def damage_row(column, value, email=ALICE):
        do(f"ALTER TABLE {DEVICES} RENAME TO theirs")
        do(f"CREATE TABLE {DEVICES} AS SELECT * FROM theirs")  # noqa: S608  -- our own names
        person = get_user_model().objects.get(email=email)
        do(f"UPDATE {DEVICES} SET {column} = %s WHERE user_id = %s", value, person.pk)  # noqa: S608

    return damage_row


def faults(result):
    return {fault["person"]: fault["reason"] for fault in result.faults}


@pytest.mark.parametrize(("column", "value", "reason"), ODD)
def test_a_row_that_makes_no_sense_is_a_fault_of_its_person(damage_row, column, value, reason):
    damage_row(column, value)
    result = run_import("django-otp")
    assert (faults(result)[ALICE], result.exit_code) == (reason, 3)


@pytest.mark.parametrize(("column", "value", "reason"), ODD)
def test_everyone_else_comes_along(damage_row, column, value, reason):
    damage_row(column, value)
    run_import("django-otp")
    here = set(Authenticator.objects.values_list("user__email", flat=True))
    assert (ALICE in here, len(here)) == (False, 3)


def test_a_row_of_nobody_is_named_by_what_stands_there(damage_row):
    value = "someone" if connection.vendor == "sqlite" else None
    damage_row("user_id", value)
    assert faults(run_import("django-otp"))[f"user {value}"] == "is nobody here"


def test_a_clock_that_is_a_little_ahead_comes_along(site):
    do("UPDATE otp_totp_totpdevice SET last_t = last_t + 2")
    assert run_import("django-otp").imported == 4


def test_a_backup_code_that_is_none_is_left_behind(site):
    do("ALTER TABLE otp_static_statictoken RENAME TO their_codes")
    do("CREATE TABLE otp_static_statictoken AS SELECT * FROM their_codes")
    do("UPDATE otp_static_statictoken SET token = NULL")
    result = run_import("django-otp")
    assert (result.imported, result.backup_codes) == (4, 0)
