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

if SUBJECT in {"two-factor-auth", "two-factor-auth-axes"}:
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

if SUBJECT == "two-factor-auth-axes":
    INSTALLED_APPS = [*INSTALLED_APPS, "axes"]
    MIDDLEWARE = [*MIDDLEWARE, "axes.middleware.AxesMiddleware"]
    AUTHENTICATION_BACKENDS = [
        "axes.backends.AxesStandaloneBackend",
        "django.contrib.auth.backends.ModelBackend",
    ]
    AXES_COOLOFF_TIME = 1  # hour; without this and the next, nobody may ever make more than two mistakes
    AXES_RESET_ON_SUCCESS = True

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

if SUBJECT == "mfa2":
    INSTALLED_APPS = ["tests.machinery.bench.host", *INSTALLED_APPS, "mfa"]
    MFA_UNALLOWED_METHODS = ()
    MFA_LOGIN_CALLBACK = "tests.machinery.bench.host.views.let_in"
    MFA_RECHECK = True
    MFA_RECHECK_MIN, MFA_RECHECK_MAX = 10, 30
    MFA_REDIRECT_AFTER_REGISTRATION = "mfa_home"
    MFA_SUCCESS_REGISTRATION_MSG = "Go to Security Home"
    MFA_HIDE_DISABLE = ("FIDO2",)
    TOKEN_ISSUER_NAME = FIDO_SERVER_NAME = "Host"
    U2F_APPID, FIDO_SERVER_ID = "https://testserver", "testserver"
    RECOVERY_ITERATION = 1  # its default; the README names 350,000

if SUBJECT == "mfa3":
    INSTALLED_APPS = ["tests.machinery.bench.host", *INSTALLED_APPS, "django.contrib.admin", "mfa"]
    MFA_DOMAIN, MFA_SITE_TITLE = "testserver", "Host"

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
if SUBJECT == "mfa2":
    PASSWORD_HASHERS = [*PASSWORD_HASHERS, "mfa.recovery.Hash"]  # of its recovery codes
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
DEBUG_PROPAGATE_EXCEPTIONS = True  # what breaks says why
