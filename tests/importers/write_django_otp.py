"""Writes people with two factors through the models of django-two-factor-auth and django-otp."""

import json
import time

import django

django.setup()

from django.core.management import call_command  # noqa: E402  -- the apps have to be there first
from django_otp.oath import TOTP  # noqa: E402
from django_otp.plugins.otp_email.models import EmailDevice  # noqa: E402
from django_otp.plugins.otp_static.models import StaticToken  # noqa: E402
from django_otp.plugins.otp_totp.models import TOTPDevice  # noqa: E402
from django_otp.util import random_hex  # noqa: E402
from two_factor.plugins.phonenumber.models import PhoneDevice  # noqa: E402

from tests.people import person  # noqa: E402

call_command("migrate", verbosity=0)


def device(name, label="default", *, used=True, ahead=0, **fields):
    """A used device whose phone is this many steps ahead."""
    user = people.get(name) or people.setdefault(name, person(f"{name}@example.com"))
    made = TOTPDevice.objects.create(user=user, name=label, **fields)
    if used:
        now = TOTP(made.bin_key, made.step, made.t0, made.digits, ahead)
        now.time = time.time()
        assert made.verify_token(now.token())
    return made


people = {}
device("alice")
codes = people["alice"].staticdevice_set.create(name="backup")
for _ in range(3):
    codes.token_set.create(token=StaticToken.random_token())
used = codes.token_set.first().token
assert codes.verify_token(used)
PhoneDevice.objects.create(
    user=people["alice"], name="backup", number="+4917012345678", method="sms", key=random_hex()
)

device("bob")
device("bob", "tablet")
device("carol", "old phone")
device("carol", "new phone")
device("dave", confirmed=False, used=False)
device("erin", digits=8, step=60, t0=1_000_000_007, ahead=1)
device("frank", key=random_hex(10), used=False)
EmailDevice.objects.create(user=person("grace@example.com"), name="default")

print(json.dumps({"used": used}))
