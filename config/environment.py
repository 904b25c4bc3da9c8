"""Settings from the environment: each is right, or start-up stops with one line that names it."""

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

from twofactor.outgoing.email_address import to_mail
from twofactor.rate import parsed as parsed_rate
from twofactor.web import ip

SECRET_KEY_LENGTH = 32
MAIL_SERVER_TIMEOUT = 5  # seconds; Django would wait for ever
BEFORE_MAILERS = {
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
HAS_MAILBOX = re.compile(r"[^@\s]+@[^@\s]+")
HOST = re.compile(r"([\w.-]+|\[[0-9a-fA-F:]+\])(:\d+)?", re.ASCII)  # as a browser sends it, in xn--

TRUE, FALSE = {"true", "yes", "on", "1"}, {"", "false", "no", "off", "0"}

T = TypeVar("T")


def read_file(path: Path) -> None:
    """The environment wins over the file, so a deployment can override one line of it."""
    load_dotenv(path)


def refuse(name: str, problem: str, example: str) -> NoReturn:
    raise ImproperlyConfigured(f"{name} {problem}; for example {name}={example}")


asked: set[str] = set()


def given(name: str) -> str:
    asked.add(name)
    return os.environ.get(name, "").strip()


def text(name: str, *, example: str, default: str | None = None) -> str:
    value = given(name) or default
    if value is None:
        refuse(name, "is not set", example)
    return value


def refuse_unknown(prefix: str) -> None:
    """Once all that start like this are read: one that nobody asked for is a typing error."""
    for name in sorted(os.environ):
        if name.startswith(prefix) and name not in asked:
            (nearest,) = get_close_matches(name, asked, 1, cutoff=0)
            raise ImproperlyConfigured(f"There is no setting {name}. Is it {nearest}?")


def flag(name: str) -> bool:
    value = given(name)
    if value.lower() not in TRUE | FALSE:
        refuse(name, f"must be true or false, not '{value}'", "false")
    return value.lower() in TRUE


def needs(name: str, packages: tuple[str, ...]) -> None:
    """Asked without importing them, and before Django would, with a traceback."""
    if not all(map(find_spec, packages)):
        install = f"{sys.executable} -m pip install --require-hashes -r requirements-all.txt"
        refuse(name, f"needs packages that are not installed: {install}", "false")


def names(name: str) -> list[str]:
    return [part.strip() for part in given(name).split(",") if part.strip()]


def choice(name: str, options: tuple[str, ...], *, dotted: bool = False) -> str:
    """One of the options, of which the first is the default; where allowed, a dotted path instead."""
    value = given(name) or options[0]
    if value in options or (dotted and "." in value and value.replace(".", "_").isidentifier()):
        return value
    refuse(
        name,
        f"must be one of {', '.join(filter(None, options))}{' or a dotted path' * dotted}, not '{value}'",
        options[-1],
    )


def number(name: str, most: int, default: int = 0, least: int = 0) -> int:
    value = given(name) or str(default)
    if not value.isascii() or not value.isdecimal() or not least <= int(value) <= most:
        span = f"from {least} to {most}" if least else f"up to {most}"
        refuse(name, f"must be a whole number {span}, not '{value}'", str(default or 14))
    return int(value)


def rate(value: str) -> str:
    """As it was written, once it can be read."""
    parsed_rate(value)
    return value


def day(name: str) -> date | None:
    value = given(name)
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        refuse(name, f"must be a day like 2027-01-31, not '{value}'", "2027-01-31")


def parsed(
    name: str, parse: Callable[[str], T], *, problem: str, example: str, default: str | None = None
) -> T:
    value = text(name, example=example, default=default)
    try:
        return parse(value)
    except (ValueError, KeyError, TypeError):
        refuse(name, problem, example)


def long_enough(value: str) -> str:
    if len(value) < SECRET_KEY_LENGTH:
        raise ValueError("too short")
    return value


def sender(value: str) -> str:
    name, address = parseaddr(value)
    return formataddr((name, mailed(address))) if name else mailed(address)


def mailed(address: str) -> str:
    if not HAS_MAILBOX.fullmatch(address):
        raise ValueError(address)
    return to_mail(address)


def mailboxes(name: str) -> list[str]:
    found = []
    for address in names(name):
        try:
            found.append(mailed(address))
        except ValueError:
            refuse(name, f"must be e-mail addresses, separated by commas, not '{address}'", "ops@example.com")
    return found


def admins(addresses: list[str]) -> list[Any]:
    """As Django wants them from 6.0 on; before, each is a pair with a name."""
    return addresses if django.VERSION >= (6, 0) else [("", address) for address in addresses]


def origin(value: str) -> str:
    """scheme://host[:port], nothing more: it is compared with what browsers send."""
    parts = urlsplit(value.rstrip("/"))
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
        raise ValueError(value)
    if value.rstrip("/") != f"{parts.scheme}://{parts.netloc}" or not HOST.fullmatch(parts.netloc):
        raise ValueError(value)
    return value.rstrip("/").lower()


def email(value: str) -> dict[str, Any]:
    """Django's settings for mail from one address."""
    parts = urlsplit(value)
    if value == "none:":
        return {"SITE_HAS_MAIL": False, **mail_settings("dummy")}
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
    """What Django calls it: MAILERS from 6.1 on, which refuses the EMAIL_… of before beside it."""
    backend = f"django.core.mail.backends.{backend}.EmailBackend"
    if django.VERSION >= (6, 1):
        return {"MAILERS": {"default": {"BACKEND": backend, "OPTIONS": options}}}
    return {"EMAIL_BACKEND": backend, **{BEFORE_MAILERS[name]: value for name, value in options.items()}}


def proxies(name: str) -> list[ip.Network | str]:
    """Networks, and the word for a socket that tells no address."""
    try:
        return [part if part == "unix" else ip.parse_network(part) for part in names(name)]
    except ValueError as bad:
        refuse(name, f"must be addresses, networks or unix ({bad})", "10.0.0.5,10.1.0.0/16")


def database(value: str) -> dict[str, Any]:
    """SQLite or PostgreSQL, each with the options without which a counter could be lost."""
    parsed = dict(dj_database_url.parse(value))
    if not parsed["NAME"]:
        raise ValueError(value)
    if parsed["ENGINE"] == "django.db.backends.sqlite3":
        if parsed["NAME"] != ":memory:":
            keep_from_others(Path(str(parsed["NAME"])))
        # One writer at a time from BEGIN on: a deferred transaction answers "database is locked" in
        # the middle of counting a guess. FULL: a spent code stays spent after a power cut.
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


def keep_from_others(file: Path) -> None:
    """It holds hashes of passwords. What SQLite puts beside it gets the same rights as the file itself."""
    with suppress(OSError):  # where that cannot be, connecting to it says why
        if not file.exists():
            file.touch(mode=0o600)
        for part in (file, Path(f"{file}-wal"), Path(f"{file}-shm")):
            if part.exists() and part.stat().st_mode & READABLE_BY_OTHERS:
                part.chmod(0o600)
