"""Run inside a project that uses django-two-factor-auth: ann has an app and a backup token there."""

from django.contrib.auth.models import User
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

KEY = "3132333435363738393031323334353637383930"

ann = User.objects.create_superuser("ann", "ann@example.com", "correct horse battery")
TOTPDevice.objects.create(user=ann, name="default", key=KEY)
StaticDevice.objects.create(user=ann, name="backup").token_set.create(token="abcdefgh")
print("enrolled")
