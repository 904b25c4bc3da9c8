"""Writes people with two factors through the functions of django-totp."""

import json

import django

django.setup()

import pyotp  # noqa: E402  -- the apps have to be there first
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django_totp.backup_code_utils import verify_backup_code  # noqa: E402
from django_totp.encryption import decrypt  # noqa: E402
from django_totp.models import BackupCode, Totp  # noqa: E402
from django_totp.totp import confirm_totp_setup, create_totp_setup  # noqa: E402

from tests.people import person  # noqa: E402

call_command("migrate", verbosity=0)


def enrolled(name):
    """Stores a key and backup codes."""
    user = person(f"{name}@example.com")
    create_totp_setup(user)
    key = decrypt(Totp.objects.get(user=user).secret_key)
    return user, key, confirm_totp_setup(user, pyotp.TOTP(key).now())


alice, key, codes = enrolled("alice")
assert verify_backup_code(alice, codes[0])
create_totp_setup(person("bob@example.com"))

carol, _, _ = enrolled("carol")
Totp.objects.filter(user=carol).update(secret_key="damaged")
dave, _, _ = enrolled("dave")
BackupCode.objects.filter(pk=dave.totp.backup_codes.first().pk).update(code="damaged")

told = {"encryption_key": settings.TOTP_ENCRYPTION_KEY, "key": key, "used": codes[0], "unused": codes[1:]}
print(json.dumps(told))
