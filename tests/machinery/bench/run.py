"""Subjects side by side: each in a process and a database of its own, taking turns."""

import base64
import json
import os
import secrets
import subprocess
import sys
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from statistics import quantiles

from config.environment import database as options_of

NAMES = [
    "floor",
    "floor-signed",
    "ours",
    "two-factor-auth",
    "two-factor-auth-axes",
    "allauth",
    "allauth-shared",
    "mfa2",
    "mfa3",
]
OWN_FOLDER = {"mfa2", "mfa3"}  # in the environment, with packages that the others must not find
ROOT = Path(__file__).parents[3]
KEY = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()  # the same in all processes of this run


def say(*words):
    print(*words, file=sys.stderr, flush=True)


class Databases:
    """SQLite files in a folder, or databases of one PostgreSQL server."""

    def __init__(self, folder, server=None):
        self.folder, self.server, self.numbers = folder, server, count()

    def fresh(self, name):
        name = f"{name}_{next(self.numbers)}".replace("-", "_")
        if self.server is None:
            return f"sqlite:///{self.folder / name}.sqlite3"
        self.server.ask(f"CREATE DATABASE {name}")
        return self.server.address(name)

    def __str__(self):
        return "PostgreSQL" if self.server else "SQLite"


def environment(subject, database, folder, **more):
    own = {"PYTHONPATH": str(Path(sys.prefix) / subject)} if subject in OWN_FOLDER else {}
    return {
        **os.environ,
        **own,
        "DJANGO_SETTINGS_MODULE": "tests.machinery.bench.settings",
        "BENCH_SUBJECT": subject,
        "BENCH_KEY": KEY,
        "BENCH_STATIC": str(folder / "static"),
        "DATABASE_URL": database,
        "BENCH_DATABASE": json.dumps(options_of(database)),
        **more,
    }


class Subject:
    """Starts a worker and sends it commands."""

    def __init__(self, name, database, folder, **more):
        self.name, self.database, self.folder = name, database, folder
        self.log = folder / f"{name}.log"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.machinery.bench.worker"],
            cwd=ROOT,
            env=environment(name, database, folder, **more),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log.open("wb"),
            text=True,
        )

    def tell(self, what, **arguments):
        print(json.dumps([what, arguments]), file=self.process.stdin, flush=True)

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} gave up:\n{self.log.read_text()[-4000:]}")
        return json.loads(line)

    def ask(self, what, **arguments):
        self.tell(what, **arguments)
        return self.answer()

    def stop(self):
        self.process.stdin.close()
        self.process.wait(30)


@contextmanager
def started(names, databases, **more):
    subjects = []
    try:
        for name in names:
            subjects.append(Subject(name, databases.fresh(name), databases.folder, **more))
        yield subjects
    finally:
        for subject in subjects:
            subject.stop()


def spread(values):
    """Median and quartiles."""
    if len(values) == 1:
        return values * 3
    low, middle, high = quantiles(values, method="inclusive")
    return [middle, low, high]


def as_markdown(rows):
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|---" + "|--:" * (len(rows[0]) - 1) + "|", *lines[1:]])
