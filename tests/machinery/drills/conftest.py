"""A database and a site of each drill's own. Nothing here meets the tests' own database."""

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from getpass import getuser
from pathlib import Path
from pwd import getpwnam
from uuid import uuid4

import pytest

from tests.machinery import postgres, programs
from tests.machinery.drills.populate import create_tables, use_database
from tests.settings import FOLDER


@pytest.fixture
def folder():
    """In memory where possible."""
    made = Path(tempfile.mkdtemp(prefix="drill-", dir=FOLDER))
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="session")
def postgres_server():
    if not programs.postgres():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("needs a PostgreSQL server")
    with postgres.server() as fresh:
        yield fresh


@pytest.fixture
def unblocked(django_db_blocker):
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def on_sqlite(folder, unblocked):
    """The URL of a database with tables, which the models of this test use."""
    address = f"sqlite:///{folder / 'drill.sqlite3'}"
    with use_database(address):
        create_tables()
        yield address


@contextmanager
def database_on(server, where=""):
    name = f"drill_{uuid4().hex[:8]}"
    server.ask(f"CREATE DATABASE {name} {where}")
    with use_database(server.address(name)):
        create_tables()
        yield server.address(name)
    server.ask(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def on_postgres(postgres_server, unblocked):
    with database_on(postgres_server) as address:
        yield address


@pytest.fixture
def on_a_small_disk(postgres_server, unblocked):
    """The database's rows stand on a disk of 32 MB, beside those of the server."""
    disk = postgres_server.folder / "disk"
    disk.mkdir()
    owner = getpwnam("postgres" if programs.IS_ROOT else getuser())
    options = f"size=32m,uid={owner.pw_uid},gid={owner.pw_gid}"
    if subprocess.call(["mount", "-t", "tmpfs", "-o", options, "none", str(disk)]) != 0:
        pytest.skip("needs to mount a small disk")
    try:
        postgres_server.ask(f"CREATE TABLESPACE small LOCATION '{disk}'")
        with database_on(postgres_server, "TABLESPACE small") as address:
            yield address
        postgres_server.ask("DROP TABLESPACE small")
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.long)])
def database(request):
    return request.getfixturevalue(f"on_{request.param}")
