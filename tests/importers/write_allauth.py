"""Writes people with two factors through the functions of django-allauth."""

import json

import django

django.setup()

from allauth.mfa.models import Authenticator  # noqa: E402  -- the apps have to be there first
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes  # noqa: E402
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret  # noqa: E402
from django.core.management import call_command  # noqa: E402

from tests.people import person  # noqa: E402

call_command("migrate", verbosity=0)

alice = person("alice@example.com")
app = TOTP.activate(alice, generate_totp_secret())
codes = RecoveryCodes.activate(alice)
used, unused = codes.get_unused_codes()[3], codes.get_unused_codes()
unused.remove(used)
assert codes.validate_code(used)

bob = person("bob@example.com")
TOTP.activate(bob, generate_totp_secret()).instance.record_usage()
data = {"seed": RecoveryCodes.generate_seed(), "used_mask": 0, "migrated_codes": ["aB3-dE5_gH7", "11223344"]}
Authenticator.objects.create(user=bob, type=Authenticator.Type.RECOVERY_CODES, data=data)

carol = person("carol@example.com")
Authenticator.objects.create(user=carol, type=Authenticator.Type.WEBAUTHN, data={"name": "Master key"})

dave = person("dave@example.com")
TOTP.activate(dave, generate_totp_secret(10))

print(json.dumps({"used": used, "unused": unused, "key": app.instance.data["secret"]}))
