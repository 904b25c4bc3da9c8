"""Runs the import command, and signs in afterwards."""

import json
from io import StringIO
from types import SimpleNamespace

from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from tests.people import PASSWORD

VERIFY = "/two-factor/verify/"
BACKUP = "/two-factor/verify/backup/"
SIGNED_IN, REFUSED = 303, 422


def run_import(*arguments):
    """Runs manage.py twofactor import: its figures and its exit code."""
    out, code = StringIO(), 0
    try:
        call_command("twofactor", "import", *arguments, "--json", stdout=out, stderr=StringIO())
    except CommandError as failure:
        code = failure.returncode
    return SimpleNamespace(**json.loads(out.getvalue()), exit_code=code)


def after_password(email):
    browser = Client()
    browser.post("/accounts/login/", {"username": email, "password": PASSWORD})
    return browser


def enter(email, code, path=VERIFY):
    """Sign in with the password and then this code."""
    return after_password(email).post(path, {"code": code})


def rows(sql, *values):
    """Rows from the tables of the other package."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        names = [column[0] for column in cursor.description]
        return [SimpleNamespace(**dict(zip(names, row, strict=True))) for row in cursor.fetchall()]
