"""Reads settings from environment variables. A wrong value stops the start with one line that names it.

Packages such as environs would need less code here, but their errors do not say what the value should be.
"""

import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from difflib import get_close_matches
from email.utils import formataddr, parseaddr
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn, TypeVar, cast
from urllib.parse import unquote, urlsplit

import dj_database_url
import django
from django.core.exceptions import ImproperlyConfigured
from dotenv import load_dotenv

from twofactor.conf import parse_proxies, parse_rate
from twofactor.outgoing.email_address import to_mail

SECRET_KEY_LENGTH = 32
MAIL_SERVER_TIMEOUT = 5  # seconds; Django's default is to wait for ever
OLD_MAIL_SETTINGS = {
    "host": "EMAIL_HOST",
    "port": "EMAIL_PORT",
    "username": "EMAIL_HOST_USER",
    "password": "EMAIL_HOST_PASSWORD",
    "use_tls": "EMAIL_USE_TLS",
    "use_ssl": "EMAIL_USE_SSL",
    "timeout": "EMAIL_TIMEOUT",
    "file_path": "EMAIL_FILE_PATH",
}
READABLE_BY_OTHERS = 0o004
ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")
CONTACT = re.compile(r"(mailto:[^@\s]+@|https://|tel:\+)[^@\s]+")
HOST = re.compile(r"([\w.-]+|\[[0-9a-fA-F:]+\])(:\d+)?", re.ASCII)  # as browsers send it, in Punycode

TRUE, FALSE = {"true", "yes", "on", "1"}, {"", "false", "no", "off", "0"}

T = TypeVar("T")


def read_file(path: Path) -> None:
    """A variable that is set already wins over the file, so a deployment can override single lines."""
    load_dotenv(path)


def refuse(name: str, problem: str, example: str) -> NoReturn:
    raise ImproperlyConfigured(f"{name} {problem}; for example {name}={example}")


names_read: set[str] = set()  # every name that value_of was called with


def value_of(name: str) -> str:
    names_read.add(name)
    return os.environ.get(name, "").strip()


def text(name: str, *, example: str, default: str | None = None) -> str:
    value = value_of(name) or default
    if value is None:
        refuse(name, "is not set", example)
    return value


def refuse_unknown(prefix: str) -> None:
    """Call it after all settings with this prefix have been read: any other is a typing error."""
    for name in sorted(os.environ):
        if name.startswith(prefix) and name not in names_read:
            (nearest,) = get_close_matches(name, names_read, 1, cutoff=0)
            raise ImproperlyConfigured(f"There is no setting {name}. Did you mean {nearest}?")


def flag(name: str) -> bool:
    value = value_of(name)
    if value.lower() not in TRUE | FALSE:
        refuse(name, f"must be true or false, not '{value}'", "false")
    return value.lower() in TRUE


def require_packages(name: str, packages: tuple[str, ...]) -> None:
    """Without importing them. Django would import them later, and fail with a traceback."""
    if not all(map(find_spec, packages)):
        install = f"{sys.executable} -m pip install --require-hashes -r requirements-all.txt"
        refuse(name, f"needs packages that are not installed: {install}", "false")


def comma_separated(name: str) -> list[str]:
    return [part.strip() for part in value_of(name).split(",") if part.strip()]


def choice(name: str, options: tuple[str, ...], *, default: str, dotted: bool = False) -> str:
    """One of the options, or with `dotted` the dotted path of something that stands in for them."""
    value = value_of(name) or default
    if value == default or value in options:
        return value
    allowed = ", ".join(options)
    if dotted:
        if "." in value and value.replace(".", "_").isidentifier():
            return value
        allowed += " or a dotted path"
    refuse(name, f"must be one of {allowed}, not '{value}'", options[-1])


def number(name: str, most: int, default: int = 0, least: int = 0) -> int:
    value = value_of(name) or str(default)
    if not value.isascii() or not value.isdecimal() or not least <= int(value) <= most:
        span = f"from {least} to {most}" if least else f"up to {most}"
        refuse(name, f"must be a whole number {span}, not '{value}'", str(default or 14))
    return int(value)


def rate(value: str) -> str:
    """The text itself, which twofactor.conf parses; ValueError if it could not."""
    parse_rate(value)
    return value


def iso_date(name: str) -> date | None:
    value = value_of(name)
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        refuse(name, f"must be a date like 2027-01-31, not '{value}'", "2027-01-31")


def parsed(
    name: str, parse: Callable[[str], T], *, problem: str, example: str, default: str | None = None
) -> T:
    value = text(name, example=example, default=default)
    try:
        return parse(value)
    except (ValueError, KeyError, TypeError):
        refuse(name, problem, example)


def secret_key(value: str) -> str:
    if len(value) < SECRET_KEY_LENGTH:
        raise ValueError("too short")
    return value


def sender(value: str) -> str:
    name, address = parseaddr(value)
    return formataddr((name, mail_address(address))) if name else mail_address(address)


def mail_address(address: str) -> str:
    if not ADDRESS.fullmatch(address):
        raise ValueError(address)
    return to_mail(address)


def mailboxes(name: str) -> list[str]:
    addresses = []
    for address in comma_separated(name):
        try:
            addresses.append(mail_address(address))
        except ValueError:
            refuse(name, f"must be email addresses, separated by commas, not '{address}'", "ops@example.com")
    return addresses


def admins(addresses: list[str]) -> list[Any]:
    """Django 5.2 wants pairs of name and address; later versions want addresses."""
    return addresses if django.VERSION >= (6, 0) else [("", address) for address in addresses]


def contacts(value: str) -> list[str]:
    """Addresses for a security.txt (RFC 9116)."""
    addresses = [part.strip() for part in value.split(",") if part.strip()]
    if not all(CONTACT.fullmatch(address) for address in addresses):
        raise ValueError(value)
    return addresses


def origin(value: str) -> str:
    """scheme://host[:port] and nothing more, because it is compared with what browsers send."""
    parts = urlsplit(value.rstrip("/"))
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
        raise ValueError(value)
    if value.rstrip("/") != f"{parts.scheme}://{parts.netloc}" or not HOST.fullmatch(parts.netloc):
        raise ValueError(value)
    return value.rstrip("/").lower()


def email(value: str) -> dict[str, Any]:
    """All of Django's mail settings from one URL."""
    parts = urlsplit(value)
    if value == "none:":
        return {"TWOFACTOR_HAS_MAIL": False, **mail_settings("dummy")}
    if parts.scheme == "console":
        return mail_settings("console")
    if parts.scheme == "file" and parts.path:
        return mail_settings("filebased", file_path=parts.path)
    security, default_port = {"smtp": ("", 25), "smtp+tls": ("TLS", 587), "smtp+ssl": ("SSL", 465)}[
        parts.scheme
    ]
    if not parts.hostname:
        raise ValueError(value)
    return mail_settings(
        "smtp",
        host=parts.hostname,
        port=parts.port or default_port,
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        use_tls=security == "TLS",
        use_ssl=security == "SSL",
        timeout=MAIL_SERVER_TIMEOUT,
    )


def mail_settings(backend: str, **options: Any) -> dict[str, Any]:
    """MAILERS for Django 6.1 and later, which refuses EMAIL_… settings beside it; those for 5.2 and 6.0."""
    backend = f"django.core.mail.backends.{backend}.EmailBackend"
    if django.VERSION >= (6, 1):
        return {"MAILERS": {"default": {"BACKEND": backend, "OPTIONS": options}}}
    return {"EMAIL_BACKEND": backend, **{OLD_MAIL_SETTINGS[name]: value for name, value in options.items()}}


def proxies(name: str) -> list[str]:
    names = comma_separated(name)
    try:
        parse_proxies(tuple(names))
    except ValueError as error:
        refuse(name, f"must be IP addresses, networks or unix ({error})", "10.0.0.5,10.1.0.0/16")
    return names


def database(value: str) -> dict[str, Any]:
    """SQLite or PostgreSQL, with the options that keep a counter from being lost."""
    parsed = dict(dj_database_url.parse(value))
    if not parsed["NAME"]:
        raise ValueError(value)
    if parsed["ENGINE"] == "django.db.backends.sqlite3":
        if parsed["NAME"] != ":memory:":
            restrict_permissions(Path(str(parsed["NAME"])))
        # IMMEDIATE: a deferred transaction can fail with "database is locked" while a guess is counted.
        # FULL: a used code is still used after a power cut.
        parsed["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        }
    elif parsed["ENGINE"] == "django.db.backends.postgresql":
        parsed |= {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}
        parsed["OPTIONS"] = {"connect_timeout": 5, **cast(dict[str, Any], parsed.get("OPTIONS", {}))}
    else:
        raise ValueError(value)
    return parsed


def restrict_permissions(file: Path) -> None:
    """The file has hashes of passwords. SQLite gives the files beside it the same permissions."""
    with suppress(OSError):  # connecting to it will fail and say why
        if not file.exists():
            file.touch(mode=0o600)
        for part in (file, Path(f"{file}-wal"), Path(f"{file}-shm")):
            if part.exists() and part.stat().st_mode & READABLE_BY_OTHERS:
                part.chmod(0o600)
