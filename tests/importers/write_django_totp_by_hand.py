"""Writes the same people with SQL, for a Python that django-totp does not support."""

import json
import secrets

import django

django.setup()

import pyotp  # noqa: E402  -- the apps have to be there first
from cryptography.fernet import Fernet  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, models  # noqa: E402

from tests.people import person  # noqa: E402


class Totp(models.Model):  # noqa: DJ008  -- nobody prints one
    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE)
    secret_key = models.CharField(max_length=255)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "django_totp"


class BackupCode(models.Model):  # noqa: DJ008
    totp = models.ForeignKey(Totp, models.CASCADE)
    code = models.CharField(max_length=255)
    is_used = models.BooleanField(default=False)

    class Meta:
        app_label = "django_totp"


call_command("migrate", verbosity=0)
with connection.schema_editor() as editor:
    editor.create_model(Totp)
    editor.create_model(BackupCode)
lock = Fernet(settings.TOTP_ENCRYPTION_KEY)


def sealed(text):
    return lock.encrypt(text.encode()).decode()


def enrolled(name, *damaged):
    """Stores a key and backup codes, the first of which is used."""
    key, codes = pyotp.random_base32(), [secrets.token_urlsafe(12) for _ in range(10)]
    kept = "damaged" if "key" in damaged else sealed(key)
    row = Totp.objects.create(user=person(f"{name}@example.com"), secret_key=kept)
    for place, code in enumerate(codes):
        kept = "damaged" if "code" in damaged and place == 0 else sealed(code)
        BackupCode.objects.create(totp=row, code=kept, is_used=name == "alice" and place == 0)
    return key, codes


key, codes = enrolled("alice")
Totp.objects.create(user=person("bob@example.com"), secret_key=sealed(pyotp.random_base32()))
enrolled("carol", "key")
enrolled("dave", "code")

told = {"encryption_key": settings.TOTP_ENCRYPTION_KEY, "key": key, "used": codes[0], "unused": codes[1:]}
print(json.dumps(told))
