"""Every setting of the app, with its default and the values it may have. Only this module reads them.

The system checks report a wrong value. The middleware refuses to start with one as well, because some servers
start without checks, and a typing error must neither leave the site open nor break every page.
"""

import base64
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from difflib import get_close_matches
from functools import cache
from typing import Any, cast
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.module_loading import import_string

from twofactor import ip
from twofactor.clocks import DAY, HOUR, MINUTE

KEY_BYTES = 32
PREFIX = "TWOFACTOR_"
NOBODY = "nobody"
STAFF = "staff"
NOT_STAFF = "not-staff"
EVERYONE = "everyone"
REQUIRED_FOR: tuple[str, ...] = (NOBODY, STAFF, EVERYONE)  # or the dotted path of a function
EMAIL_FALLBACKS: tuple[str, ...] = (NOT_STAFF, EVERYONE, NOBODY)
NEW_BROWSERS = "new-browsers"
CODE_WITHOUT_APP: tuple[str, ...] = (NOBODY, NEW_BROWSERS, EVERYONE)
WORKERS = "workers"
MAIL_SENT_BY: tuple[str, ...] = (WORKERS, "command")
COMMON = "common"
RANGE = "range"
OFF = "off"
BREACHED_PASSWORDS: tuple[str, ...] = (COMMON, RANGE, OFF)
LEAST_RECOVERY_HOURS = 48
MOST_RECOVERY_HOURS = 720
MAILBOX = re.compile(r"[^@\s<>\"]+@[^@\s<>\"]+")
UNIX = "unix"
LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
DOMAIN = re.compile(rf"(?=.{{1,253}}\Z){LABEL}(?:\.{LABEL})*", re.ASCII)
PRINTABLE = re.compile("[!-~]+")
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
ANDROID_ORIGIN = re.compile(r"android:apk-key-hash:[\w-]{43}", re.ASCII)
RATE_PERIODS = {"second": timedelta(seconds=1), "minute": MINUTE, "hour": HOUR, "day": DAY}
GATEWAYS: dict[str, str] = {
    "console": "twofactor.outgoing.sms.Console",
    "twilio": "twofactor.outgoing.sms.Twilio",
}
BOOTSTRAP = {
    "primary": "btn btn-primary",
    "quiet": "btn btn-outline-secondary",
    "danger": "btn btn-outline-danger",
    "link": "btn btn-link p-0 align-baseline",
    "input": "form-control",
    "select": "form-select",
    "checkbox": "form-check-input",
    "wrong": "is-invalid",
    "label": "form-label",
    "hint": "form-text",
    "error_text": "text-danger",
    "notice": "alert",
    "info": "alert-info",
    "success": "alert-success",
    "warning": "alert-warning",
    "error": "alert-danger",
    "summary": "alert alert-danger",
}
CSS_KEYS = tuple(BOOTSTRAP)
# Where the links of the pages lead: names of URLs, of which the first that the site has is taken.
LINKS: dict[str, tuple[str, ...]] = {
    "sign_in": ("login", "account_login"),
    "sign_out": ("logout", "account_logout"),
    "password": ("password_change", "account_change_password"),
    "password_reset": ("password_reset", "account_reset_password"),
    "email": ("email_change", "account_email"),
    "confirm_email": ("email_verify_send",),
    "profile": ("profile",),
    "help": ("help",),
    "language": ("language", "set_language"),
    "home": ("home",),
}


@dataclass(frozen=True)
class SettingProblem:
    id: str
    sentence: str
    hint: str | None = None


@dataclass(frozen=True)
class Setting:
    default: Any
    must_be: str  # completes the sentence "… must be …"
    is_valid: Callable[[Any], bool]
    id: str = "twofactor.E013"
    hint: str | None = None
    secret: bool = False  # the value is not shown with the problem


def is_text(value: Any) -> bool:
    return isinstance(value, str | Promise)  # a Promise is a translated text


def is_int(value: Any, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most  # isinstance would accept True


def is_span(value: Any, most: timedelta | None = None) -> bool:
    """Whole minutes, because texts tell them."""
    if not isinstance(value, timedelta) or value < MINUTE or value % MINUTE:
        return False
    return most is None or value <= most


def is_callable_path(value: Any) -> bool:
    """Is it the dotted path of a function or class?"""
    try:
        return isinstance(value, str) and callable(import_string(value))
    except ImportError:
        return False


def is_required_for(value: Any) -> bool:
    return isinstance(value, str) and (value in REQUIRED_FOR or is_callable_path(value))


def parse_rate(text: str) -> tuple[int, timedelta]:
    """A number of requests and a period, from a text like 10/minute."""
    count, _, period = text.partition("/")
    if period not in RATE_PERIODS or not count.isascii() or not count.isdecimal():
        raise ValueError(text)
    if not 0 < int(count) < 10_000:
        raise ValueError(text)
    return int(count), RATE_PERIODS[period]


def is_rate(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(parse_rate(value))
    except ValueError:
        return False


def parse_keys(text: str) -> list[str]:
    """The keys as they are written, or ValueError if one of them is not 32 bytes in url-safe base64."""
    keys = [part.strip() for part in text.split(",") if part.strip()]
    if not keys or any(len(base64.urlsafe_b64decode(key)) != KEY_BYTES for key in keys):
        raise ValueError("not a list of keys")
    return keys


def are_keys(value: Any) -> bool:
    try:
        return isinstance(value, list | tuple) and bool(parse_keys(",".join(value)))
    except (ValueError, TypeError):
        return False


def are_proxies(value: Any) -> bool:
    try:
        return isinstance(value, list | tuple) and bool(parse_proxies(tuple(value)) or not value)
    except (ValueError, TypeError):
        return False


@cache
def parse_proxies(names: tuple[str, ...]) -> tuple[ip.Network | None, ...]:
    """None stands for the Unix socket. ValueError for a network whose last bits are not zero, too."""
    return tuple(None if name == UNIX else ip.parse_network(name) for name in names)


def is_origin(value: Any) -> bool:
    """Empty, or scheme, host and perhaps a port. Without a path, because paths are appended to it."""
    if not isinstance(value, str):
        return False
    parts = urlsplit(value)
    has_host = parts.scheme in {"http", "https"} and bool(parts.hostname)
    return not value or (has_host and value.rstrip("/") == f"{parts.scheme}://{parts.netloc}")


def is_domain(value: Any) -> bool:
    """Empty, or a name in the letters that browsers use. An IP address has no passkeys."""
    if not isinstance(value, str):
        return False
    return not value or (bool(DOMAIN.fullmatch(value)) and ip.parse(value) is None)


def parse_passkey_origins(text: str) -> list[str]:
    origins = [part.strip() for part in text.split(",") if part.strip()]
    if not are_passkey_origins(origins):
        raise ValueError(text)
    return origins


def are_passkey_origins(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(
        isinstance(each, str) and (ANDROID_ORIGIN.fullmatch(each) or is_web_origin(each)) for each in value
    )


def is_web_origin(text: str) -> bool:
    """As browsers write it."""
    return text.startswith("https://") and text == origin_of(text) and "@" not in text


def origin_of(url: str) -> str:
    """As browsers write it: in lower case, and without the port that goes without saying."""
    parts = urlsplit(url.lower())
    usual = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
    return f"{parts.scheme}://{parts.netloc.removesuffix(usual)}" if usual else ""


def is_text_for_twilio(value: Any) -> bool:
    return isinstance(value, str) and bool(value or sms_gateway() != "twilio")


def parse_range_url(text: str) -> str:
    """The address that the start of a hash is appended to; ValueError if it is none, or not encrypted."""
    parts = urlsplit(text)
    is_private = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    if not is_private or not parts.hostname or parts.port == 0 or "@" in parts.netloc:
        raise ValueError(text)
    if not PRINTABLE.fullmatch(text) or text != f"{parts.scheme}://{parts.netloc}{parts.path}":
        raise ValueError(text)
    return text.rstrip("/") + "/"


def is_range_url(value: Any) -> bool:
    """May be empty as long as nobody is asked there."""
    try:
        return isinstance(value, str) and bool(parse_range_url(value) if value else not asks_elsewhere())
    except ValueError:
        return False


def parse_support_email(text: str) -> str:
    """Empty, or ValueError if it is no address."""
    if text and not MAILBOX.fullmatch(text):
        raise ValueError(text)
    return text


def parse_support_url(text: str) -> str:
    """Empty, or ValueError if no browser would open it. It may have a path and a query."""
    parts = urlsplit(text)
    is_page = parts.scheme in {"https", "http"} and bool(parts.hostname) and "@" not in parts.netloc
    if text and not (is_page and PRINTABLE.fullmatch(text)):
        raise ValueError(text)
    return text


def is_read_by(value: Any, parse: Callable[[str], str]) -> bool:
    try:
        return isinstance(value, str) and parse(value) == value
    except ValueError:
        return False


def parse_recovery_hours(text: str) -> int:
    hours = int(text) if text.isascii() and text.isdecimal() else -1
    if not is_recovery_hours(hours):
        raise ValueError(text)
    return hours


def is_recovery_hours(value: Any) -> bool:
    return is_int(value, 0, 0) or is_int(value, LEAST_RECOVERY_HOURS, MOST_RECOVERY_HOURS)


def is_template_name(value: Any) -> bool:
    return isinstance(value, str) and not set(value) & set("'\"%{}\\")


def is_block_name(value: Any) -> bool:
    return isinstance(value, str) and value.isidentifier() and value != "title"


def is_text_for_each(value: Any, allowed: Collection[str]) -> bool:
    return isinstance(value, dict) and all(
        name in allowed and isinstance(text, str | Promise) for name, text in value.items()
    )


def are_css_classes(value: Any) -> bool:
    return value == "bootstrap" or is_text_for_each(value, CSS_KEYS)


def are_links(value: Any) -> bool:
    return is_text_for_each(value, LINKS)


TEXT = "text"
AS_THE_SITE_HAS_IT = "a timedelta of whole minutes, or None to leave it to Django's SESSION_COOKIE_AGE"
SPAN = "a timedelta of whole minutes, up to {}"
FOR_TWILIO = "text, and not empty if TWOFACTOR_SMS_GATEWAY is twilio"
SETTINGS = {
    "TWOFACTOR_KEYS": Setting(
        [],
        "a list of 32-byte keys in url-safe base64, newest first",
        are_keys,
        id="twofactor.E001",
        hint="Create one with: manage.py twofactor generate-key",
        secret=True,
    ),
    "TWOFACTOR_ISSUER": Setting("", TEXT, is_text),
    "TWOFACTOR_REQUIRED_FOR": Setting(
        NOBODY,
        "nobody, staff, everyone, or the dotted path of a function of the user",
        is_required_for,
        id="twofactor.E009",
    ),
    "TWOFACTOR_PASSKEY_REQUIRED_FOR": Setting(
        NOBODY,
        "nobody, staff, everyone, or the dotted path of a function of the user",
        is_required_for,
        id="twofactor.E009",
    ),
    "TWOFACTOR_REQUIRED_FROM": Setting(
        None,
        "a datetime.date like date(2027, 1, 31), or None",
        lambda value: type(value) in {date, type(None)},
    ),
    "TWOFACTOR_GRACE_DAYS": Setting(
        0, "a whole number of days, up to 3650", lambda value: is_int(value, 0, 3650)
    ),
    "TWOFACTOR_EMAIL_FALLBACK": Setting(
        NOT_STAFF,
        "not-staff, everyone or nobody",
        lambda value: isinstance(value, str) and value in EMAIL_FALLBACKS,
    ),
    "TWOFACTOR_CODE_WITHOUT_APP": Setting(
        NOBODY,
        "nobody, new-browsers or everyone",
        lambda value: isinstance(value, str) and value in CODE_WITHOUT_APP,
    ),
    "TWOFACTOR_RECOVERY_HOURS": Setting(
        72,
        f"a whole number of hours, from {LEAST_RECOVERY_HOURS} to {MOST_RECOVERY_HOURS}; 0 for no recovery",
        is_recovery_hours,
    ),
    "TWOFACTOR_SUPPORT_EMAIL": Setting(
        "", "an email address; empty for none", lambda value: is_read_by(value, parse_support_email)
    ),
    "TWOFACTOR_SUPPORT_URL": Setting(
        "",
        "an address that begins with https:// or http://; empty for none",
        lambda value: is_read_by(value, parse_support_url),
    ),
    "TWOFACTOR_EMAIL_OF": Setting(
        "",
        "the dotted path of a function of the user; empty for the user model's own field",
        lambda value: value == "" or is_callable_path(value),
    ),
    "TWOFACTOR_SMS_GATEWAY": Setting(
        "",
        "console, twilio, or the dotted path of a class; empty for none",
        lambda value: isinstance(value, str) and (value in {"", *GATEWAYS} or is_callable_path(value)),
    ),
    "TWOFACTOR_MAIL_SENT_BY": Setting(
        WORKERS,
        "workers or command",
        lambda value: isinstance(value, str) and value in MAIL_SENT_BY,
    ),
    "TWOFACTOR_PASSKEY_DOMAIN": Setting(
        "", "a domain like example.com; empty for the host of TWOFACTOR_BASE_URL", is_domain
    ),
    "TWOFACTOR_PASSKEY_ORIGINS": Setting(
        [], "a list of origins like https://www.example.com or android:apk-key-hash:…", are_passkey_origins
    ),
    "TWOFACTOR_WINDOW": Setting(
        1,
        "0 or 1, because each further step gives a guess two more chances",
        lambda value: is_int(value, 0, 1),
        id="twofactor.E007",
    ),
    "TWOFACTOR_SESSION_IDLE": Setting(
        timedelta(hours=1), AS_THE_SITE_HAS_IT, lambda value: value is None or is_span(value)
    ),
    "TWOFACTOR_SESSION_AGE": Setting(
        timedelta(hours=24), AS_THE_SITE_HAS_IT, lambda value: value is None or is_span(value)
    ),
    "TWOFACTOR_SIGN_IN_AGE": Setting(
        timedelta(minutes=10), SPAN.format("10"), lambda value: is_span(value, timedelta(minutes=10))
    ),
    "TWOFACTOR_SENT_CODE_AGE": Setting(
        timedelta(minutes=10), SPAN.format("10"), lambda value: is_span(value, timedelta(minutes=10))
    ),
    "TWOFACTOR_STEP_UP_AGE": Setting(
        timedelta(minutes=5), SPAN.format("5"), lambda value: is_span(value, timedelta(minutes=5))
    ),
    "TWOFACTOR_SETUP_AGE": Setting(
        timedelta(minutes=10), SPAN.format("10"), lambda value: is_span(value, timedelta(minutes=10))
    ),
    "TWOFACTOR_DRAFT_AGE": Setting(
        timedelta(minutes=30), SPAN.format("30"), lambda value: is_span(value, timedelta(minutes=30))
    ),
    "TWOFACTOR_NOT_ME_DAYS": Setting(
        30, "a whole number of days, from 1 to 90", lambda value: is_int(value, 1, 90)
    ),
    "TWOFACTOR_TRUSTED_DAYS": Setting(
        30, "a whole number of days, up to 90; 0 for no trusted browsers", lambda value: is_int(value, 0, 90)
    ),
    "TWOFACTOR_FREE_GUESSES": Setting(
        5, "a whole number of wrong codes, from 1 to 10", lambda value: is_int(value, 1, 10)
    ),
    "TWOFACTOR_GUESSES_A_DAY": Setting(
        20, "a whole number of wrong codes, from 1 to 50", lambda value: is_int(value, 1, 50)
    ),
    "TWOFACTOR_BACKUP_CODES": Setting(
        10, "a whole number of codes, from 5 to 20", lambda value: is_int(value, 5, 20)
    ),
    "TWOFACTOR_BREACHED_PASSWORDS": Setting(
        COMMON,
        "common, range or off",
        lambda value: isinstance(value, str) and value in BREACHED_PASSWORDS,
    ),
    "TWOFACTOR_BREACHED_PASSWORDS_URL": Setting(
        "",
        "an address that begins with https://, and not empty if TWOFACTOR_BREACHED_PASSWORDS is range",
        is_range_url,
    ),
    "TWOFACTOR_HTMX": Setting(
        2,
        "2 or 4, the versions that django-htmx ships",
        lambda value: type(value) is int and value in {2, 4},
        id="twofactor.E012",
    ),
    "TWOFACTOR_BASE_TEMPLATE": Setting(
        "", "the name of a template of the site; empty for our own frame", is_template_name
    ),
    "TWOFACTOR_BASE_BLOCK": Setting("content", "the name of a block of that template", is_block_name),
    "TWOFACTOR_CSS_CLASSES": Setting(
        {}, "bootstrap, or a dictionary of class names for " + ", ".join(CSS_KEYS), are_css_classes
    ),
    "TWOFACTOR_LINKS": Setting(
        {}, "a dictionary of URLs or names of URLs for " + ", ".join(LINKS), are_links
    ),
    "TWOFACTOR_CLEAR_SITE_DATA": Setting(False, "True or False", lambda value: isinstance(value, bool)),
    "TWOFACTOR_CLIENT_ADDRESS": Setting(
        "",
        "the dotted path of a function of the request; empty for REMOTE_ADDR",
        lambda value: value == "" or is_callable_path(value),
    ),
    "TWOFACTOR_TRUSTED_PROXIES": Setting(
        [], 'a list of IP addresses and networks, like "10.0.0.0/8", and "unix" for a socket', are_proxies
    ),
    "TWOFACTOR_HAS_MAIL": Setting(True, "True or False", lambda value: isinstance(value, bool)),
    "TWOFACTOR_SITE_NAME": Setting("", TEXT, is_text),
    "TWOFACTOR_BASE_URL": Setting("", "an origin like https://example.com, without a path", is_origin),
    "TWILIO_ACCOUNT_SID": Setting("", FOR_TWILIO, is_text_for_twilio),
    "TWILIO_AUTH_TOKEN": Setting("", FOR_TWILIO, is_text_for_twilio, secret=True),
    "TWILIO_FROM": Setting("", FOR_TWILIO, is_text_for_twilio),
    "TWILIO_URL": Setting("https://api.twilio.com", TEXT, is_text),
    "TOTP_TOKEN_MAX_AGE": Setting(
        120, "a whole number of seconds from 30 to 600", lambda value: is_int(value, 30, 600)
    ),
    "TOTP_THROTTLE_RATE": Setting(
        "10/minute", "a number of requests per second, minute, hour or day, like 10/minute", is_rate
    ),
}


def default_of(name: str) -> Any:
    return SETTINGS[name].default


def read(name: str) -> Any:
    return getattr(settings, name, default_of(name))


def is_right(*names: str) -> bool:
    return all(SETTINGS[name].is_valid(read(name)) for name in names)


def problems() -> Iterator[SettingProblem]:
    for name, setting in SETTINGS.items():
        value = read(name)
        if not setting.is_valid(value):
            not_this = "" if setting.secret else f", not {value!r}"
            yield SettingProblem(setting.id, f"{name} must be {setting.must_be}{not_this}.", setting.hint)
    yield from problems_of_user_model()
    yield from problems_of_ways_to_send()
    for name in dir(settings):
        if name.startswith(PREFIX) and name not in SETTINGS:
            (nearest,) = get_close_matches(name, SETTINGS, 1, cutoff=0)
            yield SettingProblem("twofactor.E014", f"There is no setting {name}.", f"Did you mean {nearest}?")


def problems_of_user_model() -> Iterator[SettingProblem]:
    """Django requires neither is_active nor is_staff of a user model, so neither does this app."""
    model, name = get_user_model(), settings.AUTH_USER_MODEL
    if all(field.name != "last_login" for field in model._meta.concrete_fields):
        yield SettingProblem(
            "twofactor.E015",
            f"{name} has no last_login field, which makes sure that each sign-in is completed only once.",
        )
    for setting in ("TWOFACTOR_REQUIRED_FOR", "TWOFACTOR_PASSKEY_REQUIRED_FOR"):
        if read(setting) != STAFF or hasattr(model, "is_staff"):
            continue
        yield SettingProblem(
            "twofactor.E016",
            f"{setting} is staff, but {name} has no is_staff, so nobody is staff.",
        )


def problems_of_ways_to_send() -> Iterator[SettingProblem]:
    if read("TWOFACTOR_CODE_WITHOUT_APP") != NOBODY and not (site_has_mail() or sms_gateway()):
        yield SettingProblem(
            "twofactor.E025",
            "TWOFACTOR_CODE_WITHOUT_APP asks for codes that this site has no mail and no gateway to send by.",
            "Set it to nobody, or TWOFACTOR_SMS_GATEWAY or TWOFACTOR_HAS_MAIL to what the site has.",
        )


def refuse_problems() -> None:
    """Called by the middleware when a server starts."""
    silenced = settings.SILENCED_SYSTEM_CHECKS
    sentences = [problem.sentence for problem in problems() if problem.id not in silenced]
    if sentences:
        raise ImproperlyConfigured(" ".join(sentences))


def sealing_keys() -> list[str]:
    return list(read("TWOFACTOR_KEYS"))


def required_for() -> str:
    return str(read("TWOFACTOR_REQUIRED_FOR"))


def passkey_required_for() -> str:
    return str(read("TWOFACTOR_PASSKEY_REQUIRED_FOR"))


def required_from() -> date | None:
    day: date | None = read("TWOFACTOR_REQUIRED_FROM")
    return day


def grace_period() -> timedelta:
    return timedelta(days=read("TWOFACTOR_GRACE_DAYS"))


def email_fallback() -> str:
    return str(read("TWOFACTOR_EMAIL_FALLBACK"))


def code_without_app() -> str:
    return str(read("TWOFACTOR_CODE_WITHOUT_APP"))


def recovery_wait() -> timedelta:
    """Zero where there is no recovery."""
    return timedelta(hours=read("TWOFACTOR_RECOVERY_HOURS"))


def support_email() -> str:
    return str(read("TWOFACTOR_SUPPORT_EMAIL"))


def support_url() -> str:
    return str(read("TWOFACTOR_SUPPORT_URL"))


def confirmed_email() -> Callable[[Any], str | None] | None:
    path = read("TWOFACTOR_EMAIL_OF")
    return cast(Callable[[Any], str | None], import_string(path)) if path else None


def sms_gateway() -> str:
    return str(read("TWOFACTOR_SMS_GATEWAY"))


def workers_send_mail() -> bool:
    return bool(read("TWOFACTOR_MAIL_SENT_BY") == WORKERS)


def code_window() -> int:
    return int(read("TWOFACTOR_WINDOW"))


def session_idle() -> timedelta | None:
    span: timedelta | None = read("TWOFACTOR_SESSION_IDLE")
    return span


def session_age() -> timedelta | None:
    span: timedelta | None = read("TWOFACTOR_SESSION_AGE")
    return span


def sign_in_age() -> timedelta:
    return cast(timedelta, read("TWOFACTOR_SIGN_IN_AGE"))


def sent_code_age() -> timedelta:
    return cast(timedelta, read("TWOFACTOR_SENT_CODE_AGE"))


def step_up_age() -> timedelta:
    return cast(timedelta, read("TWOFACTOR_STEP_UP_AGE"))


def setup_age() -> timedelta:
    return cast(timedelta, read("TWOFACTOR_SETUP_AGE"))


def draft_age() -> timedelta:
    return cast(timedelta, read("TWOFACTOR_DRAFT_AGE"))


def not_me_age() -> timedelta:
    return timedelta(days=read("TWOFACTOR_NOT_ME_DAYS"))


def trusted_age() -> timedelta:
    return timedelta(days=read("TWOFACTOR_TRUSTED_DAYS"))


def free_guesses() -> int:
    return int(read("TWOFACTOR_FREE_GUESSES"))


def guesses_a_day() -> int:
    return int(read("TWOFACTOR_GUESSES_A_DAY"))


def number_of_backup_codes() -> int:
    return int(read("TWOFACTOR_BACKUP_CODES"))


def refuses_breached_passwords() -> bool:
    return bool(read("TWOFACTOR_BREACHED_PASSWORDS") != OFF)


def asks_elsewhere() -> bool:
    return bool(read("TWOFACTOR_BREACHED_PASSWORDS") == RANGE)


def breached_passwords_url() -> str:
    return parse_range_url(read("TWOFACTOR_BREACHED_PASSWORDS_URL"))


def htmx_version() -> int:
    return int(read("TWOFACTOR_HTMX"))


def base_template() -> str:
    return str(read("TWOFACTOR_BASE_TEMPLATE"))


def base_block() -> str:
    return str(read("TWOFACTOR_BASE_BLOCK"))


def css_classes() -> dict[str, str]:
    """What the site's frame calls our parts: no entry, no name of the site."""
    classes = read("TWOFACTOR_CSS_CLASSES")
    return BOOTSTRAP if classes == "bootstrap" else classes


def links() -> dict[str, str]:
    chosen: dict[str, str] = read("TWOFACTOR_LINKS")
    return chosen


def clears_site_data() -> bool:
    return bool(read("TWOFACTOR_CLEAR_SITE_DATA"))


def client_address() -> Callable[[HttpRequest], Any] | None:
    path = read("TWOFACTOR_CLIENT_ADDRESS")
    return cast(Callable[[HttpRequest], Any], import_string(path)) if path else None


def trusted_networks() -> list[ip.Network]:
    return [network for network in parse_proxies(tuple(read("TWOFACTOR_TRUSTED_PROXIES"))) if network]


def trusts_unix_socket() -> bool:
    """Trust every client of the Unix socket: it has no addresses."""
    return UNIX in read("TWOFACTOR_TRUSTED_PROXIES")


def site_has_mail() -> bool:
    return bool(read("TWOFACTOR_HAS_MAIL"))


def base_url() -> str:
    """From the setting and never from the Host header, which any client can write."""
    return str(read("TWOFACTOR_BASE_URL") or "http://localhost").rstrip("/")


def passkey_domain() -> str:
    """To it passkeys are bound for ever: with another one, none that exists works."""
    return str(read("TWOFACTOR_PASSKEY_DOMAIN") or urlsplit(base_url()).hostname)


def passkey_origins() -> frozenset[str]:
    """Where a page or app may ask for a passkey. Compared as a whole, with scheme and port."""
    return frozenset([origin_of(base_url()), *read("TWOFACTOR_PASSKEY_ORIGINS")])


def passkey_problem() -> str:
    """Why no browser would give a passkey to the pages of this site; empty if one would."""
    url, domain = urlsplit(base_url()), passkey_domain()
    host = url.hostname or ""
    if not read("TWOFACTOR_BASE_URL"):
        return "TWOFACTOR_BASE_URL is not set"
    if ip.parse(host) is not None:
        return f"TWOFACTOR_BASE_URL is the IP address {host}; on this machine, take localhost"
    if not is_domain(host):
        return (
            f"{host} of TWOFACTOR_BASE_URL is not written as browsers write it: xn--… and no dot at the end"
        )
    if host != domain and "." not in domain:
        return f"TWOFACTOR_PASSKEY_DOMAIN, {domain}, is not yours alone"
    if host != domain and not host.endswith(f".{domain}"):
        return f"{host} of TWOFACTOR_BASE_URL is not a part of TWOFACTOR_PASSKEY_DOMAIN, {domain}"
    if url.scheme != "https" and host != "localhost" and not host.endswith(".localhost"):
        return "TWOFACTOR_BASE_URL is not HTTPS"
    return ""


def site_name() -> str:
    return str(read("TWOFACTOR_SITE_NAME") or urlsplit(base_url()).hostname)


def issuer() -> str:
    return str(read("TWOFACTOR_ISSUER") or site_name())


def challenge_age() -> timedelta:
    return timedelta(seconds=read("TOTP_TOKEN_MAX_AGE"))


def throttle_rate() -> tuple[int, timedelta]:
    return parse_rate(read("TOTP_THROTTLE_RATE"))
