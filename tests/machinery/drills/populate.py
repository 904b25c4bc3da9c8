"""Fills the database of a drill with tables and people."""

from contextlib import contextmanager
from datetime import timedelta

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.core.management import call_command
from django.db import connections
from django.db.utils import load_backend
from django.utils import timezone

from config import environment
from tests.people import PASSWORD, Phone
from twofactor.factors import authenticator_app, totp
from twofactor.models import Authenticator, GuessBudget, TwoFactor
from twofactor.sessions import credential_digests


@contextmanager
def use_database(address):
    """In this thread, Django's models use the database of the drill instead of the tests' own."""
    own = connections["default"]
    described = {**own.settings_dict, **environment.database(address)}
    drill = load_backend(described["ENGINE"]).DatabaseWrapper(described, "default")
    connections["default"] = drill
    try:
        yield drill
    finally:
        drill.close()
        connections["default"] = own


def create_tables():
    call_command("migrate", verbosity=0)


def create_people(names, hasher="argon2"):
    """With confirmed addresses and the password of all tests, hashed once."""
    now, password = timezone.now(), make_password(PASSWORD, hasher=hasher)
    User = get_user_model()
    return User.objects.bulk_create(
        [User(email=f"{name}@example.com", password=password, email_verified_at=now) for name in names]
    )


def enrol_people(users):
    """Turned on an hour ago, without backup codes, because hashing them takes long."""
    since, phones = timezone.now() - timedelta(hours=1), [Phone(totp.generate_key()) for _ in users]
    rows = [
        Authenticator(user=user, name="Phone", last_step=totp.step_at(since), added_at=since, full_from=since)
        for user in users
    ]
    for row, phone in zip(rows, phones, strict=True):
        authenticator_app.seal_key(row, phone.key, since)
    Authenticator.objects.bulk_create(rows)
    GuessBudget.objects.bulk_create(
        [GuessBudget(user=user, **credential_digests.current(user)) for user in users]
    )
    on = [TwoFactor(user=user, enabled_at=since, changed_at=since) for user in users]
    TwoFactor.objects.bulk_create(on)
    return {user.email: phone for user, phone in zip(users, phones, strict=True)}


def create_enrolled_people(count, hasher="md5"):
    """The phone of each, by email address."""
    return enrol_people(create_people([f"p{number}" for number in range(count)], hasher))
