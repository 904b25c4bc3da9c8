"""After each test, is any secret of it where secrets must not be?

Known are the keys, backup codes, sent codes, session keys and passwords that were issued, and the codes that
phones showed. Looked through are log lines, mails, all tables, sessions, dumpdata and the addresses that
people are sent to.
"""

import io
import logging
import re
from collections import Counter
from functools import wraps

import pytest
from django.apps import apps
from django.core import mail
from django.core.management import call_command
from django.db import connection
from django.test import Client

from config.logs import JsonLines
from tests import people
from twofactor import alphabet, delivery, sessions, totp
from twofactor.mail import outgoing
from twofactor.sessions import SessionStore

APPS = ["accounts", "twofactor", "axes", "sessions", "admin", "auth"]  # not those that tests import from
SENT = "sent code"
ADDRESSES = ["Location", "HX-Redirect", "HX-Push-Url", "HX-Location", "HX-Replace-Url"]


class Hunter:
    def __init__(self):
        self.counts, self.asks_database = Counter(), False
        self.forget()

    def forget(self):
        self.secrets, self.lines, self.urls = {people.PASSWORD: "password"}, [], []

    def learn(self, kind, value):
        self.counts[kind] += 1
        self.secrets[value] = kind
        if kind == "backup code":
            self.secrets[alphabet.grouped(value)] = kind
        return value

    def hits(self):
        """Each secret that was found, by its kind, with the place."""
        any_of_them = "|".join(map(re.escape, self.secrets))
        for place, texts, but in self.places():
            for found in re.findall(rf"(?<![\w.:])(?:{any_of_them})(?!\w)", "\n".join(texts)):
                if self.secrets[found] != but:
                    yield f"a {self.secrets[found]} in {place}"

    def places(self):
        """What is searched; and a kind that may stand there."""
        yield "the log", self.lines, None
        yield "an address", self.urls, None
        letters = getattr(mail, "outbox", [])
        to_admins = [letter for letter in letters if letter.subject.startswith("[Django]")]
        yield "an error mail", map(written, to_admins), None
        yield "a letter", map(written, (each for each in letters if each not in to_admins)), SENT
        if self.asks_database:
            yield from self.database()

    def database(self):
        tables = set(connection.introspection.table_names())
        for model in apps.get_models():
            if model._meta.app_label in APPS and model._meta.db_table in tables:
                yield f"the table {model._meta.db_table}", rows_of(model._meta.db_table), None
        if "django_session" in tables:
            session = apps.get_model("sessions", "Session")
            yield (
                "a session",
                (str(SessionStore().decode(row.session_data)) for row in session.objects.all()),
                None,
            )
            dump = io.StringIO()
            call_command("dumpdata", "accounts", "twofactor", stdout=dump)
            yield "dumpdata", [dump.getvalue()], None


def rows_of(table):
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - a name of ours
        return [str(value) for row in cursor.fetchall() for value in row]


def written(letter):
    parts = [letter.message().as_string(), letter.body, *(str(each[0]) for each in letter.alternatives)]
    return "\n".join(parts)


hunter = Hunter()


class Listener(logging.Handler):
    def emit(self, record):
        hunter.lines.append(self.format(record))


def wrap(owner, name, kind):
    """Learns what it returns."""
    original = getattr(owner, name)

    @wraps(original)
    def learning(*args, **kwargs):
        return hunter.learn(kind, original(*args, **kwargs))

    setattr(owner, name, learning)


def watch_delivery():
    original = delivery.deliver

    def deliver(user, channel, code):
        hunter.learn(SENT, code)
        return original(user, channel, code)

    delivery.deliver = deliver


def watch_addresses():
    original = Client.request

    def request(self, **environ):
        response = original(self, **environ)
        hunter.urls += [response[name] for name in ADDRESSES if name in response]
        return response

    Client.request = request


def pytest_configure(config):
    wrap(totp, "generate_key", "key")
    wrap(alphabet, "backup_code", "backup code")
    wrap(sessions, "get_random_string", "session key")
    wrap(people.Phone, "code", "code of a phone")
    watch_delivery()
    watch_addresses()
    listener = Listener()
    listener.setFormatter(JsonLines())
    for name in ["", "django"]:
        logging.getLogger(name).addHandler(listener)


def pytest_runtest_setup(item):
    hunter.forget()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """While the test's own database and mailbox are still there."""
    yield
    outgoing.join()
    hunter.asks_database = may_ask(item) and not connection.execute_wrappers
    found = sorted(set(hunter.hits()))
    hunter.counts["hit"] += len(found)
    assert found == [], found


def may_ask(item):
    fixtures = {"db", "transactional_db"} & set(item.fixturenames)
    return bool(fixtures) or item.get_closest_marker("django_db") is not None


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"hunted: {dict(hunter.counts)}")
