"""After each test, is any of its secrets where secrets must not be?

Secrets are the keys of the site and whatever was issued or chosen during the test: keys, codes, session
keys, tokens, links, passwords, and the codes that phones showed. It looks for each of them in every
spelling that a copy could have, in log lines, mails, all tables, sessions, dumpdata, what people
download of their own data, and the URLs that they are sent to.
"""

import io
import logging
import re
from base64 import b32decode, b64encode, urlsafe_b64encode
from collections import Counter
from functools import wraps
from urllib.parse import quote, quote_plus

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core import mail
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import address_links, deletion, known_browsers
from config.logs import JsonFormatter
from tests import people
from twofactor import sealing
from twofactor.api import tokens
from twofactor.factors import authenticator_app, backup_codes, code_text, sent_codes, totp
from twofactor.outgoing.outbox import send_due
from twofactor.recovery import links as recovery_links
from twofactor.sessions import store
from twofactor.signin import trusted_browsers
from twofactor.signin.pending import PURPOSE
from twofactor.views import recovery
from twofactor.web import cookies

APPS = ["accounts", "twofactor", "axes", "sessions", "admin", "auth"]  # not those that tests import from
DATABASES = {"db", "transactional_db", "live_server", "databases"}  # fixtures; the last is of the importers
URL_HEADERS = ["Location", "HX-Redirect", "HX-Push-Url", "HX-Location", "HX-Replace-Url"]
LONG = 15  # characters: no other text equals such a secret by chance, so case and neighbours are ignored
SHORTEST_PASSWORD = 8  # that the site accepts; tests try shorter ones, to see them refused

KEY, SENT, RESET, CONFIRM = "key", "sent code", "link to a new password", "link to an address"
STOP, FINISH = "link that stops a recovery", "link that finishes a recovery"
KEEP = "link that keeps an account"
SEALED = {
    PURPOSE: "pending sign-in token",
    address_links.PURPOSE: CONFIRM,
    recovery_links.STOP: STOP,
    recovery_links.FINISH: FINISH,
    deletion.PURPOSE: KEEP,
}
OWN_DATA = "/accounts/export/"


class Hunter:
    def __init__(self):
        self.counts, self.asks_database = Counter(), False
        self.forget()

    def forget(self):
        self.secrets, self.lines, self.urls = {people.PASSWORD: "password"}, [], []
        self.own_data = []
        for key in [settings.SECRET_KEY, *settings.TWOFACTOR_KEYS]:
            self.secrets[key] = "key of the site"

    def learn(self, kind, value):
        self.counts[kind] += 1
        self.secrets[value] = kind
        return value

    def hits(self):
        """For each secret that was found, its kind and the place."""
        known = [(kind, Spellings(kind, secret)) for secret, kind in self.secrets.items()]
        for place, texts, may_be_there in self.places():
            text = Text("\n".join(texts))
            for kind, spellings in known if text else []:
                if kind not in may_be_there and spellings.any_in(text):
                    yield f"{kind} in {place}"

    def places(self):
        """Yields each place, its texts, and the kinds of secrets that may be there."""
        yield "the log", self.lines, {}
        yield "someone's own data", self.own_data, {}
        yield "a URL", self.urls, {CONFIRM}  # it works only for its owner, after signing in
        mails = getattr(mail, "outbox", [])
        to_admins = [message for message in mails if message.subject.startswith("[Django]")]
        yield "an error mail", map(written, to_admins), {}
        others = (each for each in mails if each not in to_admins)
        yield "a mail", map(written, others), {SENT, RESET, CONFIRM, STOP, FINISH, KEEP}
        if self.asks_database:
            yield from self.database()

    def database(self):
        tables = set(connection.introspection.table_names())
        for model in apps.get_models():
            if model._meta.app_label in APPS and model._meta.db_table in tables:
                yield f"the table {model._meta.db_table}", rows_of(model._meta.db_table), {}
        if "twofactor_session" in tables:
            session = apps.get_model("twofactor", "Session")
            yield (
                "a session",
                (session_of(row) for row in session.objects.all()),
                {RESET},  # Django keeps it there until the new password is chosen; the row is sealed
            )
            dump = io.StringIO()
            call_command("dumpdata", "accounts", "twofactor", stdout=dump)
            yield "dumpdata", [dump.getvalue()], {}


class Text:
    """The text as it is, in one line (as mail programs join base64), and without spaces and hyphens."""

    def __init__(self, text):
        self.text = re.sub(r"\\(?:[bfnrt]|u[0-9a-f]{4}|x[0-9a-f]{2})", " ", text)  # escapes of JSON and repr
        self.line = re.sub(r"\s", "", self.text)
        self.without_separators = without_separators(self.line)

    def __bool__(self):
        return bool(self.line)


class Spellings:
    def __init__(self, kind, secret):
        raws = [secret.encode()]
        if kind == KEY:
            raws.append(b32decode(secret + "=" * (-len(secret) % 8), casefold=True))
        self.as_it_is = {secret, quote(secret), quote_plus(secret)}
        self.in_base64 = {each for raw in raws for each in in_base64(raw)}
        self.without_separators = {raw.hex() for raw in raws} | (
            {without_separators(secret)} if len(secret) >= LONG else set()
        )

    def any_in(self, text):
        return (
            any(each in text.without_separators for each in self.without_separators)
            or any(each in text.line for each in self.in_base64)
            or any(each in text.text and stands_alone(each, text.text) for each in self.as_it_is)
        )


def session_of(row):
    """The contents of a session as text; empty for a row that a test has written unsealed."""
    try:
        return str(sealing.unseal(store.PURPOSE, row.session_key, row.session_data, timezone.now()))
    except sealing.UnsealError:
        return ""


def stands_alone(secret, text):
    """False for digits that are a part of a longer number, of a hash, or of the fraction of a second."""
    return re.search(rf"(?<![^\W_])(?<!\d\.){re.escape(secret)}(?![^\W_])", text)


def without_separators(text):
    return re.sub(r"[\s-]", "", text).lower()


def in_base64(raw):
    """For each of the three possible offsets, the base64 characters that depend on this value alone."""
    for before in range(3):
        for encode in (b64encode, urlsafe_b64encode):
            yield encode(bytes(before) + raw).decode()[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]


def rows_of(table):
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - the name of a model's table
        return [str(value) for row in cursor.fetchall() for value in row]


def written(message):
    parts = [message.message().as_string(), message.body, *(str(each[0]) for each in message.alternatives)]
    return "\n".join(parts)


hunter = Hunter()


class Listener(logging.Handler):
    def emit(self, record):
        hunter.lines.append(self.format(record))


def watch(owner, name, learn):
    """Replaces the function by one that also passes its result and its arguments to learn()."""
    original = getattr(owner, name)

    @wraps(original)
    def watched(*given, **named):
        found = original(*given, **named)
        learn(found, *given)
        return found

    setattr(owner, name, watched)


def issued(kind):
    return lambda found, *given: hunter.learn(kind, found)


def learn_sealed(found, purpose, *given):
    if purpose in SEALED:
        hunter.learn(SEALED[purpose], found)


def learn_cookie(found, response, short, value):
    kinds = {
        trusted_browsers.COOKIE: "trusted browser",
        known_browsers.COOKIE: "known browser",
        recovery.COOKIE: "browser of a recovery",
    }
    for token in value.split(".") if short in kinds and value else []:
        hunter.learn(kinds[short], token)


def learn_password(found, user, password):
    if password and len(password) >= SHORTEST_PASSWORD:
        hunter.learn("password", password)


def learn_tokens(found, *given):
    for name, token in found.items():
        hunter.learn(f"{name} token", token)


def learn_codes(found, user, codes):
    for code in codes:
        hunter.learn("backup code", code)


def watch_urls():
    original = Client.request

    def request(self, **environ):
        response = original(self, **environ)
        if environ["PATH_INFO"] == OWN_DATA:
            hunter.own_data.append(response.text)
        hunter.urls += [response[name] for name in URL_HEADERS if name in response]
        return response

    Client.request = request


def pytest_configure(config):
    watch(totp, "generate_key", issued(KEY))
    watch(authenticator_app, "seal_key", lambda found, row, key, *given: hunter.learn(KEY, key))  # imported
    watch(code_text, "generate_backup_code", issued("backup code"))
    watch(backup_codes, "make_rows", learn_codes)
    watch(people.Phone, "code", issued("code of a phone"))
    watch(sent_codes, "deliver", lambda found, user, channel, code: hunter.learn(SENT, code))
    watch(store, "get_random_string", issued("session key"))
    watch(sealing, "seal", learn_sealed)
    watch(cookies, "write", learn_cookie)
    watch(tokens, "encode_pair", learn_tokens)
    watch(PasswordResetTokenGenerator, "make_token", issued(RESET))
    watch(AbstractBaseUser, "set_password", learn_password)
    watch_urls()
    listener = Listener()
    listener.setFormatter(JsonFormatter())
    for name in ["", "django"]:
        logging.getLogger(name).addHandler(listener)


def pytest_runtest_setup(item):
    hunter.forget()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """While the test's own database and mailbox are still there."""
    yield
    if may_ask(item):
        send_due()
    hunter.asks_database = may_ask(item) and not connection.execute_wrappers
    found = sorted(set(hunter.hits()))
    hunter.counts["hit"] += len(found)
    assert found == [], found


def may_ask(item):
    return bool(DATABASES & set(item.fixturenames)) or item.get_closest_marker("django_db") is not None


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"hunted: {dict(hunter.counts)}")
