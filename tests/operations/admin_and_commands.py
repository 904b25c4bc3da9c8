"""What tests of the admin and of the commands share: URLs, browsers, running a command."""

import os
import re
from base64 import b64encode, urlsafe_b64encode
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from tests.people import PASSWORD, give_password, sign_in, signed_in_as
from twofactor.models import (
    Authenticator,
    BackupCode,
    Draft,
    Passkey,
    PasskeyOwner,
    Recovery,
    SentCode,
    Session,
    TrustedBrowser,
)

ROOT = Path(__file__).parents[2]
PEOPLE = "/admin/accounts/user/"
ADOPTION = "/admin/two-factor/"
EVENTS = "/admin/twofactor/event/"
BROWSERS = "/admin/twofactor/trustedbrowser/"
# Columns whose contents no page and no command may show.
SEALED = [(Authenticator, "sealed_key"), (Draft, "sealed")]
HASHED = [
    (get_user_model(), "password"),
    (BackupCode, "digest"),
    (SentCode, "digest"),
    (TrustedBrowser, "digest"),
    (TrustedBrowser, "session_hash"),
    (Session, "session_hash"),
    (Passkey, "credential_digest"),
    (Recovery, "browser_digest"),
    (Recovery, "password_digest"),
    (Recovery, "address_digest"),
]
# In bytes. They are no secrets, but nobody needs them.
OF_PASSKEYS = [
    (Passkey, "handle"),
    (Passkey, "credential_id"),
    (Passkey, "public_key"),
    (PasskeyOwner, "handle"),
]


def help_page(user, end=""):
    return f"{PEOPLE}{user.pk}/two-factor/{end}"


def browser_of(user, phone, clock):
    """Signed in with both factors, a minute ago, so that the phone shows a new code."""
    client = Client()
    sign_in(client, phone, user.email)
    clock.shift(60)
    return client


def step_up(client, phone, clock):
    client.post("/two-factor/confirm/", {"password": PASSWORD, "code": phone.code()})
    clock.shift(60)
    return client


def hidden():
    """Every encrypted or hashed value in the database, and its last part, without algorithm and salt."""
    for model, column in [*SEALED, *HASHED]:
        for value in model._default_manager.values_list(column, flat=True):
            yield value
            yield value.replace("$", ".").rpartition(".")[2]
    for model, column in OF_PASSKEYS:
        for value in map(bytes, model._default_manager.values_list(column, flat=True)):
            yield from (value.hex(), str(value))
            yield from (encode(value).decode().rstrip("=") for encode in (b64encode, urlsafe_b64encode))


@dataclass
class Ran:
    code: int
    out: str
    err: str


def run(*words):
    """manage.py twofactor …, in this process."""
    out, err = StringIO(), StringIO()
    try:
        call_command("twofactor", *words, stdout=out, stderr=err)
    except CommandError as problem:
        return Ran(problem.returncode, out.getvalue(), f"{err.getvalue()}{problem}")
    return Ran(0, out.getvalue(), err.getvalue())


def environment():
    """Environment variables for another process that uses the database of the test."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        address = f"sqlite:///{database['NAME']}"
    else:
        address = f"postgres://{database['USER']}@{quote(database['HOST'], safe='')}/{database['NAME']}"
    return {
        "PATH": os.environ["PATH"],
        "SECRET_KEY": settings.SECRET_KEY,
        "TWOFACTOR_KEYS": ",".join(settings.TWOFACTOR_KEYS),
        "BASE_URL": "http://testserver",
        "EMAIL_URL": "console:",
        "DATABASE_URL": address,
    }


def make_emergency_code(stepped_up, user, hours=1, reason="phone at home"):
    return stepped_up.post(help_page(user, "emergency-code/"), {"code-reason": reason, "code-hours": hours})


def code_in(response):
    return re.search(r"<code[^>]*>([^<]+)</code>", response.text)[1]


def signs_in_with(emergency_code, email="alice@example.com"):
    client = Client()
    give_password(client, email)
    client.post("/two-factor/verify/backup/", {"code": emergency_code})
    return signed_in_as(client)


def reset_by_support(stepped_up, user, reason="lost everything"):
    return stepped_up.post(help_page(user, "reset/"), {"reset-reason": reason})
