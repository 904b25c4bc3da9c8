"""Every setting of the app. It is read here and nowhere else, and a wrong value is named in one line.

The checks say what is wrong, and the gate refuses to start with it, because some servers start without
checks: a typing error must never leave the site open, and never be an error on every page.
"""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from difflib import get_close_matches
from typing import Any, cast
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.module_loading import import_string

from twofactor import rate

KEY_BYTES = 32
PREFIX = "TWOFACTOR_"
RULES = ("nobody", "staff", "everyone")
FALLBACKS = ("not-staff", "everyone", "nobody")
WORKERS = "workers"
MAIL_SENT_BY = (WORKERS, "command")
GATEWAYS = {"console": "twofactor.outgoing.sms.Console", "twilio": "twofactor.outgoing.sms.Twilio"}


@dataclass(frozen=True)
class Problem:
    id: str
    sentence: str
    hint: str | None = None


@dataclass(frozen=True)
class Setting:
    default: Any
    must_be: str
    is_right: Callable[[Any], bool]
    id: str = "twofactor.E013"
    hint: str | None = None
    secret: bool = False


def is_text(value: Any) -> bool:
    return isinstance(value, str | Promise)  # a Promise is a translated text


def is_number(value: Any, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most  # not True, which is an int


def is_path(value: Any) -> bool:
    """The dotted path of something that can be called?"""
    try:
        return isinstance(value, str) and callable(import_string(value))
    except ImportError:
        return False


def is_rule(value: Any) -> bool:
    return isinstance(value, str) and (value in RULES or is_path(value))


def is_rate(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(rate.parsed(value))
    except ValueError:
        return False


def parse_keys(text: str) -> list[str]:
    """The keys as written, once each of them has proved to be one."""
    keys = [part.strip() for part in text.split(",") if part.strip()]
    if not keys or any(len(base64.urlsafe_b64decode(key)) != KEY_BYTES for key in keys):
        raise ValueError("not a list of keys")
    return keys


def are_keys(value: Any) -> bool:
    try:
        return isinstance(value, list | tuple) and bool(parse_keys(",".join(value)))
    except (ValueError, TypeError):
        return False


def is_origin(value: Any) -> bool:
    """Nothing at all, or scheme and host and perhaps a port: paths are put behind it."""
    if not isinstance(value, str):
        return False
    parts = urlsplit(value)
    whole = parts.scheme in {"http", "https"} and bool(parts.hostname)
    return not value or (whole and value.rstrip("/") == f"{parts.scheme}://{parts.netloc}")


def is_text_for_twilio(value: Any) -> bool:
    return isinstance(value, str) and bool(value or sms_gateway() != "twilio")


TEXT = "a text"
FOR_TWILIO = "a text, and not empty where TWOFACTOR_SMS_GATEWAY is twilio"
SETTINGS = {
    "TWOFACTOR_KEYS": Setting(
        [],
        "a list of 32-byte keys in url-safe base64, newest first",
        are_keys,
        id="twofactor.E001",
        hint="Make one with: manage.py twofactor generate-key",
        secret=True,
    ),
    "TWOFACTOR_ISSUER": Setting("", TEXT, is_text),
    "TWOFACTOR_REQUIRED_FOR": Setting(
        "nobody",
        "nobody, staff, everyone, or the dotted path of a function of the user",
        is_rule,
        id="twofactor.E009",
    ),
    "TWOFACTOR_REQUIRED_FROM": Setting(
        None,
        "a datetime.date like date(2027, 1, 31), or None",
        lambda value: type(value) in {date, type(None)},
    ),
    "TWOFACTOR_GRACE_DAYS": Setting(
        0, "a whole number of days, up to 3650", lambda value: is_number(value, 0, 3650)
    ),
    "TWOFACTOR_EMAIL_FALLBACK": Setting(
        "not-staff",
        "not-staff, everyone or nobody",
        lambda value: isinstance(value, str) and value in FALLBACKS,
    ),
    "TWOFACTOR_SMS_GATEWAY": Setting(
        "",
        "console, twilio, or the dotted path of a class; empty for none",
        lambda value: isinstance(value, str) and (value in {"", *GATEWAYS} or is_path(value)),
    ),
    "TWOFACTOR_MAIL_SENT_BY": Setting(
        WORKERS,
        "workers or command",
        lambda value: isinstance(value, str) and value in MAIL_SENT_BY,
    ),
    "TWOFACTOR_WINDOW": Setting(
        1,
        "0 or 1: each further step gives a guess two more chances",
        lambda value: is_number(value, 0, 1),
        id="twofactor.E007",
    ),
    "TWOFACTOR_HTMX": Setting(
        2,
        "2 or 4, the versions that django-htmx ships",
        lambda value: type(value) is int and value in {2, 4},
        id="twofactor.E012",
    ),
    "TWOFACTOR_CLEAR_SITE_DATA": Setting(False, "True or False", lambda value: isinstance(value, bool)),
    "TWOFACTOR_CLIENT_ADDRESS": Setting(
        "",
        "the dotted path of a function of the request; empty for REMOTE_ADDR",
        lambda value: value == "" or is_path(value),
    ),
    "SITE_HAS_MAIL": Setting(True, "True or False", lambda value: isinstance(value, bool)),
    "SITE_NAME": Setting("", TEXT, is_text),
    "BASE_URL": Setting("", "an origin like https://example.com, without a path", is_origin),
    "TWILIO_ACCOUNT_SID": Setting("", FOR_TWILIO, is_text_for_twilio),
    "TWILIO_AUTH_TOKEN": Setting("", FOR_TWILIO, is_text_for_twilio, secret=True),
    "TWILIO_FROM": Setting("", FOR_TWILIO, is_text_for_twilio),
    "TWILIO_URL": Setting("https://api.twilio.com", TEXT, is_text),
    "TOTP_TOKEN_MAX_AGE": Setting(
        120, "a whole number of seconds from 30 to 600", lambda value: is_number(value, 30, 600)
    ),
    "TOTP_THROTTLE_RATE": Setting(
        "10/minute", "a number of requests in a second, minute, hour or day, like 10/minute", is_rate
    ),
}


def read(name: str) -> Any:
    return getattr(settings, name, SETTINGS[name].default)


def problems() -> Iterator[Problem]:
    for name, setting in SETTINGS.items():
        value = read(name)
        if not setting.is_right(value):
            found = "" if setting.secret else f", not {value!r}"
            yield Problem(setting.id, f"{name} must be {setting.must_be}{found}.", setting.hint)
    yield from problems_of_user_model()
    for name in dir(settings):
        if name.startswith(PREFIX) and name not in SETTINGS:
            (nearest,) = get_close_matches(name, SETTINGS, 1, cutoff=0)
            yield Problem("twofactor.E014", f"There is no setting {name}.", f"Is it {nearest}?")


def problems_of_user_model() -> Iterator[Problem]:
    """A model without is_active or is_staff will do, as Django has it."""
    model, name = get_user_model(), settings.AUTH_USER_MODEL
    if all(field.name != "last_login" for field in model._meta.concrete_fields):
        yield Problem(
            "twofactor.E015", f"{name} has no field last_login, by which each sign-in is completed only once."
        )
    if read("TWOFACTOR_REQUIRED_FOR") == "staff" and not hasattr(model, "is_staff"):
        yield Problem(
            "twofactor.E016", f"TWOFACTOR_REQUIRED_FOR is staff, and nobody is: {name} has no is_staff."
        )


def refuse_problems() -> None:
    """For a server that is about to start."""
    silenced = settings.SILENCED_SYSTEM_CHECKS
    found = [problem.sentence for problem in problems() if problem.id not in silenced]
    if found:
        raise ImproperlyConfigured(" ".join(found))


def sealing_keys() -> list[str]:
    return list(read("TWOFACTOR_KEYS"))


def required_for() -> str:
    return str(read("TWOFACTOR_REQUIRED_FOR"))


def required_from() -> date | None:
    found: date | None = read("TWOFACTOR_REQUIRED_FROM")
    return found


def grace() -> timedelta:
    return timedelta(days=read("TWOFACTOR_GRACE_DAYS"))


def email_fallback() -> str:
    return str(read("TWOFACTOR_EMAIL_FALLBACK"))


def sms_gateway() -> str:
    return str(read("TWOFACTOR_SMS_GATEWAY"))


def workers_send_mail() -> bool:
    return bool(read("TWOFACTOR_MAIL_SENT_BY") == WORKERS)


def window() -> int:
    return int(read("TWOFACTOR_WINDOW"))


def htmx_version() -> int:
    return int(read("TWOFACTOR_HTMX"))


def clears_site_data() -> bool:
    return bool(read("TWOFACTOR_CLEAR_SITE_DATA"))


def client_address() -> Callable[[HttpRequest], Any] | None:
    path = read("TWOFACTOR_CLIENT_ADDRESS")
    return cast(Callable[[HttpRequest], Any], import_string(path)) if path else None


def site_has_mail() -> bool:
    return bool(read("SITE_HAS_MAIL"))


def base_url() -> str:
    """Never the Host header, which whoever asks can write."""
    return str(read("BASE_URL") or "http://localhost").rstrip("/")


def site_name() -> str:
    return str(read("SITE_NAME") or urlsplit(base_url()).hostname)


def issuer() -> str:
    return str(read("TWOFACTOR_ISSUER") or site_name())


def challenge_age() -> timedelta:
    return timedelta(seconds=read("TOTP_TOKEN_MAX_AGE"))


def throttle_rate() -> tuple[int, timedelta]:
    return rate.parsed(read("TOTP_THROTTLE_RATE"))
