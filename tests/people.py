"""People for the tests, their phones, and how they sign in."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY, get_user_model
from django.test import Client
from django.utils import timezone

from twofactor import sealing, testing
from twofactor.factors import authenticator_app, backup_codes, totp
from twofactor.models import Authenticator, Passkey, PasskeyOwner, Session
from twofactor.sessions.store import PURPOSE, SessionStore

PASSWORD = "correct horse battery"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PRINTED_CODES = ["ABCDEFGHJKMNPQR", "0123456789ABCDE", "ZYXWVTSRQPNMKJH"]
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def person(email: str = "alice@example.com", **fields: Any):
    return get_user_model().objects.create_user(
        email, PASSWORD, **{"email_verified_at": timezone.now(), **fields}
    )


class Phone:
    """An authenticator app that has the key and shows codes."""

    def __init__(self, key: str) -> None:
        self.key = key

    def code(self, now: datetime | None = None, off: int = 0) -> str:
        return totp.code_at(self.key, totp.step_at(now or timezone.now()) + off)


def enrol(user, codes: list[str] | None = None) -> Phone:
    """Turn on two-factor authentication, as if an hour ago; the phone, which was not used since."""
    key = testing.enrol(user, unsafe=True).key  # also for programs that are no test run
    Authenticator.objects.filter(user=user).update(last_used_at=None)
    backup_codes.replace_all(user, backup_codes.make_rows(user, codes or []))
    return Phone(key)


def add_app(user, key: str, added_at: datetime, name: str = "Authenticator app", **fields: Any) -> Phone:
    wait = timedelta(days=1) if user.authenticators.exists() else timedelta(0)
    app = Authenticator(
        user=user,
        name=name,
        last_step=totp.step_at(added_at),
        added_at=added_at,
        full_from=added_at + wait,
        **fields,
    )
    authenticator_app.seal_key(app, key, added_at)
    app.save()
    return Phone(key)


def add_passkey(user, **fields: Any) -> Passkey:
    """That no device has: for what is shown of one."""
    given = {
        "name": "Laptop",
        "kind": Passkey.Kind.PASSKEY,
        "rp_id": "localhost",
        "handle": secrets.token_bytes(64),
        "credential_digest": secrets.token_hex(32),
        "credential_id": secrets.token_bytes(32),
        "public_key": secrets.token_bytes(77),
        "backup_eligible": True,
        "added_at": timezone.now(),
    }
    passkey = Passkey.objects.create(user=user, **{**given, **fields})
    PasskeyOwner.objects.get_or_create(user=user, defaults={"handle": passkey.handle})
    return passkey


def sign_up(client: Client, email: str = "new@example.com"):
    return client.post("/accounts/signup/", {"email": email, "password": PASSWORD})


def give_password(client: Client, email: str = "alice@example.com", **data: str):
    return client.post("/accounts/login/", {"username": email, "password": PASSWORD, **data})


def client_after_password(email: str = "alice@example.com", **data: str) -> Client:
    """A new browser, in which the password has been given."""
    client = Client()
    give_password(client, email, **data)
    return client


def sign_in(client: Client, phone: Phone, email: str = "alice@example.com"):
    give_password(client, email)
    return client.post("/two-factor/verify/", {"code": phone.code()})


def signed_in_as(client: Client):
    """The person who is signed in with this browser, or None."""
    key = client.cookies.get(settings.SESSION_COOKIE_NAME)
    pk = SessionStore(key.value).get(SESSION_KEY) if key else None
    return get_user_model().objects.get(pk=pk) if pk else None


def open_sessions():
    """The contents of every session."""
    now = timezone.now()
    return [sealing.unseal(PURPOSE, row.session_key, row.session_data, now) for row in Session.objects.all()]
