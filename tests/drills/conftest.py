"""A database and a site of each drill's own. Nothing here meets the tests' own database."""

import shutil
import tempfile
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from tests import postgres, programs
from tests.drills.crowd import looking_into, with_tables
from tests.settings import FOLDER


@pytest.fixture
def folder():
    """In memory, where there is such a folder."""
    made = Path(tempfile.mkdtemp(prefix="drill-", dir=FOLDER))
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="session")
def postgres_server():
    if not programs.postgres():
        pytest.skip("needs a PostgreSQL server")
    with postgres.server() as fresh:
        yield fresh


@pytest.fixture
def unblocked(django_db_blocker):
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def on_sqlite(folder, unblocked):
    """The address of a database with tables, which this test's models are those of."""
    address = f"sqlite:///{folder / 'drill.sqlite3'}"
    with looking_into(address):
        with_tables()
        yield address


@pytest.fixture
def on_postgres(postgres_server, unblocked):
    name = f"drill_{uuid4().hex[:8]}"
    address = postgres_server.address(name)
    with psycopg.connect(postgres_server.address("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    with looking_into(address):
        with_tables()
        yield address


@pytest.fixture(params=["sqlite", "postgres"])
def database(request):
    return request.getfixturevalue(f"on_{request.param}")


@pytest.fixture
def say(capsys):
    """Prints a figure, whatever pytest does with what is printed."""

    def print_(what):
        with capsys.disabled():
            print(f"\n  {what}", end="", flush=True)

    return print_
