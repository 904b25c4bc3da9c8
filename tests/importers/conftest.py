"""Each test starts with a database that the other package has written, in another process."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
import time_machine
from django.db import connection

ROOT = Path(__file__).parent.parent.parent


class Files:
    """SQLite databases: copies are made by copying the file."""

    def __init__(self, folder):
        self.folder = folder

    def address(self, name):
        return f"sqlite:///{self.folder / name}"

    def create(self, name):
        pass

    def copy(self, name):
        return shutil.copy(self.folder / name, self.folder / "copy")


class Server:
    """PostgreSQL databases on the server of the tests. Each process of a run has its own."""

    def __init__(self, url):
        self.server, self.process = url.rpartition("/")[0], os.environ.get("PYTEST_XDIST_WORKER", "one")

    def address(self, name):
        return f"{self.server}/{name}_{self.process}"

    def do(self, sql):
        with closing(
            psycopg.connect(f"{self.server}/postgres".replace("postgres://", "postgresql://"))
        ) as line:
            line.autocommit = True
            line.execute(sql)

    def create(self, name):
        self.do(f"CREATE DATABASE {name}_{self.process}")

    def copy(self, name):
        self.do(f"DROP DATABASE IF EXISTS copy_{self.process}")
        self.do(f"CREATE DATABASE copy_{self.process} TEMPLATE {name}_{self.process}")
        return f"copy_{self.process}"


@pytest.fixture(scope="session")
def databases(tmp_path_factory):
    if connection.vendor == "postgresql":
        return Server(os.environ["DATABASE_URL"])
    return Files(tmp_path_factory.mktemp("sites"))


@pytest.fixture(scope="session")
def written(databases):
    """Writes the database of a package, once for all tests; what the script printed about its people."""
    told = {}

    def write(peer):
        if peer not in told:
            databases.create(peer)
            env = os.environ | {
                "PEER": peer,
                "DJANGO_SETTINGS_MODULE": "tests.importers.source_settings",
                "DATABASE_URL": databases.address(peer),
            }
            command = [sys.executable, "-m", f"tests.importers.write_{peer}"]
            ran = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
            assert ran.returncode == 0, ran.stderr
            told[peer] = json.loads(ran.stdout)
        return told[peer]

    return write


@pytest.fixture
def site(request, databases, written, django_db_blocker):
    """A fresh copy of the database written by the package of this module (PEER), and its people."""
    peer = request.module.PEER
    told = written(peer)
    before = connection.settings_dict["NAME"]
    with django_db_blocker.unblock():
        connection.close()
        connection.settings_dict["NAME"] = databases.copy(peer)
        yield SimpleNamespace(**told)
        connection.close()
    connection.settings_dict["NAME"] = before


@pytest.fixture
def later(site):
    """The clock stands two minutes after the last code was used."""
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=2), tick=False) as clock:
        yield clock
