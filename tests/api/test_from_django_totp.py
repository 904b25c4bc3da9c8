"""The table for users of django-totp: its code is run as it is written."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth import authenticate
from django.utils import timezone

from tests.people import PASSWORD, Phone
from twofactor import drafts, factor_changes, shortcuts
from twofactor.factors import backup_codes, code_text, methods, qr, totp
from twofactor.models import Draft
from twofactor.signin.pending import PendingSignIn

PAGE = (Path(__file__).parents[2] / "docs/how-to/from-django-totp.md").read_text()
TABLE = PAGE.partition("| function of django-totp | here |")[2].partition("\n\n")[0]
WORDS = {
    **vars(shortcuts),
    "backup_codes": backup_codes,
    "drafts": drafts,
    "factor_changes": factor_changes,
    "methods": methods,
    "qr": qr,
    "PendingSignIn": PendingSignIn,
    "totp": totp,
    "Draft": Draft,
    "issuer": "Countersign",
    "name": "alice@example.com",
    "next": "/",
    "age": timedelta(minutes=2),
}


def lines(function):
    """The code of a row that can be run: calls and assignments."""
    row = next(row for row in TABLE.splitlines() if row.startswith(f"| `{function}("))
    found = re.findall("`(.+?)`", row.split(" | ")[1])
    return [code for code in found if "(" in code and not re.fullmatch(r"[\w.]+\(\)", code)]


@pytest.fixture
def run(alice, clock, rf):
    request = rf.post("/")
    words = {**WORDS, "user": authenticate(request, username=alice.email, password=PASSWORD)}
    words["request"] = request

    def run(function, **more):
        found = None
        for line in lines(function):
            name, _, call = line.rpartition(" = ")
            words.update(more, now=timezone.now())
            found = eval(call, words)  # noqa: S307 - lines of our own documentation
            words[name or "_"] = found
        return found

    run.words = words
    return run


def test_setting_up_and_turning_off(run, alice):
    assert run("create_totp_setup").startswith("<svg")
    run("confirm_totp_setup", code=Phone(run.words["draft"].key).code())
    assert run("is_totp_enabled") is True
    run("disable_totp")
    assert run("is_totp_enabled") is False


def test_a_code_of_each_kind(run, phone):
    assert run("verify_totp_code", code=phone.code()) == "totp"
    code = code_text.format_backup_code(code_text.generate_backup_code())
    run("store_backup_codes", codes=[code])
    assert run("verify_backup_code", code=code) == "backup"


def test_new_backup_codes(run, phone):
    run("rotate_backup_codes")
    assert run("verify_backup_code", code=run.words["new"].formatted_codes[9]) == "backup"


def test_a_challenge(run, phone, alice):
    run("generate_challenge_token")
    assert run("verify_challenge_token").user == alice


def test_codes_that_could_never_match_are_not_stored(alice):
    with pytest.raises(ValueError, match="not a backup code"):
        backup_codes.make_rows(alice, ["twelve-monkeys"])
