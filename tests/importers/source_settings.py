"""Settings of a site that uses the other package for the second factor, with our user model."""

import os

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS, MIDDLEWARE
from twofactor import sealing

APPS = {
    "django_otp": [
        "django_otp",
        "django_otp.plugins.otp_totp",
        "django_otp.plugins.otp_static",
        "django_otp.plugins.otp_email",
        "two_factor",
        "two_factor.plugins.phonenumber",
    ],
    "allauth": ["allauth", "allauth.account", "allauth.mfa"],
    "django_totp": ["django_totp"],
    "django_totp_by_hand": [],
}
INSTALLED_APPS = [*INSTALLED_APPS, *APPS[os.environ["PEER"]]]
MIDDLEWARE = [*MIDDLEWARE, "allauth.account.middleware.AccountMiddleware"]  # required by allauth

TOTP_ENCRYPTION_KEY = sealing.generate_key()  # of django-totp
