"""python -m tests.machinery.postgres COMMAND…: starts a PostgreSQL server for the time of the command.

DATABASE_URL leads the command to it. Nothing has to be set up on the machine, and nothing is left behind.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg

from tests.machinery import programs

IN_MEMORY, ON_DISK = "/dev/shm", "/tmp"  # noqa: S108 - a folder of our own is made there
OPTIONS = {
    "listen_addresses": "",  # a socket in the folder instead of a port
    "max_connections": "500",  # three processes of a hundred threads, and what is kept for superusers
    "fsync": "off",  # the data is thrown away
    "full_page_writes": "off",
}


class Server:
    """A PostgreSQL cluster in a folder, which can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # PostgreSQL refuses to run as root; its package brings a user to run as.
        self.as_owner = (
            {"user": "postgres", "group": "postgres", "extra_groups": []} if programs.IS_ROOT else {}
        )
        if programs.IS_ROOT:
            shutil.chown(folder, "postgres", "postgres")

    def run(self, program: str, *arguments: str) -> None:
        command = [programs.postgres(program), "--pgdata", str(self.folder / "data"), *arguments]
        subprocess.run(command, check=True, cwd=self.folder, stdout=subprocess.DEVNULL, **self.as_owner)

    def make(self) -> None:
        self.run("initdb", "--username=tests", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync")

    def start(self) -> None:
        options = " ".join(f"-c {name}={value}" for name, value in OPTIONS.items())
        log = f"--log={self.folder / 'log'}"
        self.run("pg_ctl", "start", "--wait", log, f"--options=-k {self.folder} {options}")

    def stop(self, mode: str = "immediate") -> None:
        if (self.folder / "data" / "postmaster.pid").exists():
            self.run("pg_ctl", "stop", f"--mode={mode}")

    def ask(self, *sentences: str) -> None:
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            for sentence in sentences:
                connection.execute(sentence)

    def address(self, database: str = "countersign") -> str:
        return f"postgres://tests@{quote(str(self.folder), safe='')}/{database}"


def has_room(folder: str) -> bool:
    """A container often has a small one."""
    return os.path.isdir(folder) and shutil.disk_usage(folder).free > 4 << 30


@contextmanager
def server() -> Iterator[Server]:
    """A fresh one."""
    parent = IN_MEMORY if has_room(IN_MEMORY) else ON_DISK  # short, as the path of a socket must be
    folder = Path(tempfile.mkdtemp(prefix="countersign-postgres-", dir=parent))
    fresh = Server(folder)
    try:
        fresh.make()
        fresh.start()
        yield fresh
    finally:
        fresh.stop()
        shutil.rmtree(folder)


def main(command: list[str]) -> int:
    if not programs.postgres():
        print("No PostgreSQL server on this machine.", file=sys.stderr)
        return 1 if os.environ.get("CI") else 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is stopped too
    with server() as fresh:
        return subprocess.call(command, env={**os.environ, "DATABASE_URL": fresh.address()})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
