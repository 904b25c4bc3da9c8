"""Every setting of the site. Environment variables change them (docs/how-to/the-site.md)."""

from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from config import environment
from twofactor import conf

BASE_DIR = Path(__file__).resolve().parent.parent
environment.read_file(BASE_DIR / ".env")

DEBUG = environment.flag("DEBUG")
SECRET_KEY = environment.parsed(
    "SECRET_KEY",
    environment.secret_key,
    problem="must have at least 32 characters",
    example="a-random-string-of-fifty-characters-or-more",
)
SECRET_KEY_FALLBACKS = environment.comma_separated("SECRET_KEY_FALLBACKS")

# The only origin. Links in mails begin with it, and never with a Host header, which any client can write.

TWOFACTOR_BASE_URL = environment.parsed(
    "BASE_URL",
    environment.origin,
    problem="must be an origin: http or https, a host, optionally a port, and no path",
    example="https://accounts.example.com",
    default="http://localhost:8000" if DEBUG else None,
)
HOST = urlsplit(TWOFACTOR_BASE_URL).hostname or ""
HTTPS = TWOFACTOR_BASE_URL.startswith("https:")
ALLOWED_HOSTS = [HOST, *(["localhost", "127.0.0.1", "[::1]"] if DEBUG else [])]
CSRF_TRUSTED_ORIGINS = [TWOFACTOR_BASE_URL]
TWOFACTOR_TRUSTED_PROXIES = environment.proxies("TRUSTED_PROXIES")

TWOFACTOR_SITE_NAME = "Countersign"

# Applications

API_ENABLED = environment.flag("API_ENABLED")
if API_ENABLED:
    environment.require_packages(
        "API_ENABLED", ("rest_framework", "rest_framework_simplejwt", "drf_spectacular")
    )

INSTALLED_APPS = [
    "accounts",
    "twofactor",
    "twofactor.apps.TwoFactorAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "axes",
    *(["rest_framework", "drf_spectacular"] if API_ENABLED else []),  # translations, and a command
]
MIDDLEWARE = [
    "config.logs.RequestId",
    "config.headers.SecurityHeaders",  # early, for errors and static files, too
    "config.methods.KnownMethods",
    "config.proxy.TrustedProxy",  # before SecurityMiddleware reads the scheme
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    *(["twofactor.api.middleware.ApiMiddleware"] if API_ENABLED else []),  # before SessionMiddleware
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "twofactor.middleware.TwoFactor",  # who has a second factor must have given it
    "accounts.language.UserLanguageMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "accounts.known_browsers.KnownBrowserMiddleware",
    "axes.middleware.AxesMiddleware",  # last: replaces the response to a locked-out sign-in
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
CSRF_FAILURE_VIEW = "config.errors.out_of_date"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
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
FORM_RENDERER = "config.form_renderer.InputRenderer"

# Storage

DATABASES = {
    "default": environment.parsed(
        "DATABASE_URL",
        environment.database,
        problem="must be the URL of a PostgreSQL or SQLite database",
        example="postgres://user:password@127.0.0.1:5432/countersign",
        default=f"sqlite:///{BASE_DIR / 'db.sqlite3'}",
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_ALLOW_ALL_ORIGINS = False
STORAGES = {
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    }
}

# Who is signed in

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.lockout.Backend"]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
PASSWORD_HASHERS = [
    "accounts.passwords.Argon2",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",  # for passwords that another site has hashed
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "name")},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "twofactor.breached_passwords.BreachedPasswordValidator"},
]
TWOFACTOR_BREACHED_PASSWORDS = environment.choice(
    "BREACHED_PASSWORDS", conf.BREACHED_PASSWORDS, default=conf.COMMON
)
if TWOFACTOR_BREACHED_PASSWORDS == conf.RANGE:
    TWOFACTOR_BREACHED_PASSWORDS_URL = environment.parsed(
        "BREACHED_PASSWORDS_URL",
        conf.parse_range_url,
        problem="must be an address that begins with https://",
        example="https://api.pwnedpasswords.com/range/",
    )
PASSWORD_RESET_TIMEOUT = 60 * 60

# django-axes: accounts/lockout.py says what of it is in use; accounts/password_tries.py counts instead of it

AXES_HANDLER = "accounts.lockout.Handler"
AXES_LOCKOUT_CALLABLE = "accounts.lockout.lockout_response"
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # so that axes.middleware answers refused tries
AXES_ENABLE_ADMIN = False  # its tables stay empty
AXES_VERBOSE = False

# Cookies and sessions. The prefix keeps a neighbour on a subdomain from writing ours; browsers accept
# it over HTTPS only.

COOKIE_PREFIX = "__Host-" if HTTPS else ""
SESSION_ENGINE = "twofactor.sessions"
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}sessionid"
SESSION_COOKIE_AGE = int(timedelta(hours=24).total_seconds())
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}csrftoken"
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_NAME = f"{COOKIE_PREFIX}language"
LANGUAGE_COOKIE_SECURE = HTTPS
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_AGE = int(timedelta(days=365).total_seconds())
MESSAGE_STORAGE = "config.messages.PrefixedCookieStorage"

# What SecurityMiddleware sends; the rest is in config/headers.py

SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz/"]  # probes come from inside, over plain HTTP
SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds()) if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# Mail

vars().update(
    environment.parsed(
        "EMAIL_URL",
        environment.email,
        problem="must be smtp://, smtp+tls:// or smtp+ssl:// with a host, console:, file:FOLDER or none:",
        example="smtp+tls://user:password@mail.example.com:587",
        default="console:" if DEBUG else None,
    )
)
DEFAULT_FROM_EMAIL = environment.parsed(
    "DEFAULT_FROM_EMAIL",
    environment.sender,
    problem="must be an email address, with or without a name before it",
    example="no-reply@example.com",
    default=f"{TWOFACTOR_SITE_NAME} <no-reply@{HOST}>",
)
SERVER_EMAIL = DEFAULT_FROM_EMAIL
ADMINS = environment.admins(environment.mailboxes("ADMINS"))

# By the workers at once, or only by 'manage.py twofactor send' from a timer.
TWOFACTOR_MAIL_SENT_BY = environment.choice("TWOFACTOR_MAIL_SENT_BY", conf.MAIL_SENT_BY, default=conf.WORKERS)

# Two-factor authentication

TWOFACTOR_KEYS = environment.parsed(
    "TWOFACTOR_KEYS",
    conf.parse_keys,
    problem="must be 32-byte keys in url-safe base64, newest first, separated by commas",
    example="(what 'manage.py twofactor generate-key' prints, like zVq0…44 characters…Xk=)",
)
TWOFACTOR_ISSUER = environment.text("TWOFACTOR_ISSUER", default=TWOFACTOR_SITE_NAME, example="Example Ltd")

TWOFACTOR_REQUIRED_FOR = environment.choice(
    "TWOFACTOR_REQUIRED_FOR", conf.REQUIRED_FOR, default=conf.NOBODY, dotted=True
)
TWOFACTOR_PASSKEY_REQUIRED_FOR = environment.choice(
    "TWOFACTOR_PASSKEY_REQUIRED_FOR", conf.REQUIRED_FOR, default=conf.NOBODY, dotted=True
)
TWOFACTOR_REQUIRED_FROM = environment.iso_date("TWOFACTOR_REQUIRED_FROM")
TWOFACTOR_GRACE_DAYS = environment.number("TWOFACTOR_GRACE_DAYS", most=365)
TWOFACTOR_EMAIL_FALLBACK = environment.choice(
    "TWOFACTOR_EMAIL_FALLBACK", conf.EMAIL_FALLBACKS, default=conf.NOT_STAFF
)
TWOFACTOR_CODE_WITHOUT_APP = environment.choice(
    "TWOFACTOR_CODE_WITHOUT_APP", conf.CODE_WITHOUT_APP, default=conf.NOBODY
)
TWOFACTOR_RECOVERY_HOURS = environment.parsed(
    "TWOFACTOR_RECOVERY_HOURS",
    conf.parse_recovery_hours,
    problem=f"must be 0, or from {conf.LEAST_RECOVERY_HOURS} to {conf.MOST_RECOVERY_HOURS}",
    example="72",
    default=str(conf.default_of("TWOFACTOR_RECOVERY_HOURS")),
)
TWOFACTOR_SUPPORT_EMAIL = environment.parsed(
    "SUPPORT_EMAIL",
    conf.parse_support_email,
    problem="must be an email address",
    example="help@example.com",
    default="",
)
TWOFACTOR_SUPPORT_URL = environment.parsed(
    "SUPPORT_URL",
    conf.parse_support_url,
    problem="must be an address that begins with https:// or http://",
    example="https://example.com/help/",
    default="",
)
TWOFACTOR_SMS_GATEWAY = environment.choice(
    "TWOFACTOR_SMS_GATEWAY", tuple(conf.GATEWAYS), default="", dotted=True
)
TWOFACTOR_PASSKEY_DOMAIN = environment.text("TWOFACTOR_PASSKEY_DOMAIN", default="", example="example.com")
TWOFACTOR_PASSKEY_ORIGINS = environment.parsed(
    "TWOFACTOR_PASSKEY_ORIGINS",
    conf.parse_passkey_origins,
    problem="must be origins other than BASE_URL, separated by commas",
    example="https://www.example.com,android:apk-key-hash:…",
    default="",
)
if TWOFACTOR_SMS_GATEWAY == "twilio":
    TWILIO_ACCOUNT_SID = environment.text("TWILIO_ACCOUNT_SID", example="AC0123456789abcdef0123456789abcdef")
    TWILIO_AUTH_TOKEN = environment.text("TWILIO_AUTH_TOKEN", example="(from Twilio's console)")
    TWILIO_FROM = environment.text("TWILIO_FROM", example="+15017122661")
    TWILIO_URL = environment.text(
        "TWILIO_URL", default=conf.default_of("TWILIO_URL"), example=conf.default_of("TWILIO_URL")
    )

TWOFACTOR_CLEAR_SITE_DATA = environment.flag("TWOFACTOR_CLEAR_SITE_DATA")
environment.refuse_unknown("TWOFACTOR_")

# The API (docs/reference/json-api.md)

if API_ENABLED:
    TOTP_TOKEN_MAX_AGE = environment.number(
        "TOTP_TOKEN_MAX_AGE", most=600, default=conf.default_of("TOTP_TOKEN_MAX_AGE"), least=30
    )
    SPECTACULAR_SETTINGS = {
        "TITLE": f"{TWOFACTOR_SITE_NAME} API",
        "VERSION": "1",
        "SERVE_INCLUDE_SCHEMA": False,
    }
    TOTP_THROTTLE_RATE = environment.parsed(
        "TOTP_THROTTLE_RATE",
        environment.rate,
        problem="must be a number of requests per second, minute, hour or day",
        example=conf.default_of("TOTP_THROTTLE_RATE"),
        default=conf.default_of("TOTP_THROTTLE_RATE"),
    )

# How to report a security problem (config/well_known.py)

SECURITY_CONTACTS = environment.parsed(
    "SECURITY_CONTACT",
    environment.contacts,
    problem="must be mailto:, https: or tel: addresses, separated by commas",
    example="mailto:security@example.com",
    default="",
)

# Logging and metrics

METRICS_TOKEN = environment.text("METRICS_TOKEN", default="", example="a-long-random-string")
DEFAULT_EXCEPTION_REPORTER_FILTER = "config.logs.HideUserInput"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "config.logs.JsonFormatter"}},
    "filters": {"production": {"()": "django.utils.log.RequireDebugFalse"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", **({} if DEBUG else {"formatter": "json"})},
        "admins": {
            "class": "config.logs.ErrorMailHandler",
            "level": "ERROR",
            "filters": ["production"],
        },
    },
    "loggers": {
        "countersign": {"level": "INFO"},
        "django": {"handlers": ["admins"], "level": "INFO"},
        "django.security.DisallowedHost": {"level": "CRITICAL"},  # any client can cause it, and gets a 400
    },
    "root": {"handlers": ["console"], "level": "WARNING"},
}

# Language and time

LANGUAGE_CODE = "en"
LANGUAGES = [
    ("en", "English"),
    ("de", "Deutsch"),
    ("fr", "Français"),
    ("es", "Español"),
    ("pt-br", "Português (Brasil)"),
    ("ja", "日本語"),
    ("ar", "العربية"),
]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["config.formats"]
TIME_ZONE = "UTC"
USE_TZ = True
