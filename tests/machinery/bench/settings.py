"""The settings of every subject: the same Django, database and hasher, and of each app what its docs say.

BENCH_SUBJECT names the subject; it differs from the others in what stands below the line.
"""

import json
import os

SUBJECT = os.environ["BENCH_SUBJECT"]

DEBUG = False
SECRET_KEY = os.environ["BENCH_KEY"]
ALLOWED_HOSTS = ["testserver"]
DATABASES = {"default": json.loads(os.environ["BENCH_DATABASE"])}  # as ours, without importing what parses it
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/page/"
ROOT_URLCONF = "tests.machinery.bench.pages"
STATIC_URL = "static/"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [  # as startproject makes it
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- What is each subject's own

if SUBJECT == "ours":
    from config import environment

    environment.read_file = lambda path: None  # a developer's .env must not change the tests
    os.environ |= {
        "DEBUG": "false",
        "SECRET_KEY": SECRET_KEY,
        "TWOFACTOR_KEYS": os.environ.get("BENCH_KEYS", SECRET_KEY),
        "BASE_URL": "http://testserver",
        "EMAIL_URL": "console:",
    }
    from config.settings import *  # noqa: F403
    from config.settings import INSTALLED_APPS, MIDDLEWARE

    ROOT_URLCONF = "tests.machinery.bench.pages"
    STATIC_ROOT = os.environ["BENCH_STATIC"]  # collected, so that files have the names of a deployment

if SUBJECT in {"floor", "floor-signed"}:
    INSTALLED_APPS = ["tests.machinery.bench.floor", *INSTALLED_APPS]

if SUBJECT == "two-factor-auth":
    INSTALLED_APPS = [
        *INSTALLED_APPS,
        "django_otp",
        "django_otp.plugins.otp_static",
        "django_otp.plugins.otp_totp",
        "two_factor",
    ]
    after = MIDDLEWARE.index("django.contrib.auth.middleware.AuthenticationMiddleware") + 1
    MIDDLEWARE = [*MIDDLEWARE[:after], "django_otp.middleware.OTPMiddleware", *MIDDLEWARE[after:]]
    LOGIN_URL = "two_factor:login"

if SUBJECT in {"allauth", "allauth-shared"}:
    INSTALLED_APPS = [*INSTALLED_APPS, "allauth", "allauth.account", "allauth.mfa"]
    MIDDLEWARE = [*MIDDLEWARE, "allauth.account.middleware.AccountMiddleware"]
    AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
    LOGIN_URL = "account_login"
    ACCOUNT_EMAIL_VERIFICATION = "none"
    ACCOUNT_RATE_LIMITS = {"login": "1000000/m/ip"}  # counted all the same; our visitors share one address

if SUBJECT == "allauth-shared":  # what its limits need as soon as there are two processes
    CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache"},
    }

if SUBJECT == "bare":  # what `check` takes where the same packages are installed and nothing of ours
    INSTALLED_APPS = [*INSTALLED_APPS, "django.contrib.admin", "django.forms", "django_htmx", "axes"]
    MIDDLEWARE = [
        *MIDDLEWARE,
        "whitenoise.middleware.WhiteNoiseMiddleware",
        "django_htmx.middleware.HtmxMiddleware",
        "axes.middleware.AxesMiddleware",
    ]
    AUTHENTICATION_BACKENDS = [
        "axes.backends.AxesStandaloneBackend",
        "django.contrib.auth.backends.ModelBackend",
    ]

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # what hashing costs is said apart
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
DEBUG_PROPAGATE_EXCEPTIONS = True  # what breaks says why
