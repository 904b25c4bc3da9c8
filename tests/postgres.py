"""python -m tests.postgres COMMAND…: with DATABASE_URL at a PostgreSQL that lives as long as the command."""

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

from tests import programs

OPTIONS = {
    "listen_addresses": "",  # a socket in our own folder; no port to collide on
    "max_connections": "300",
    "fsync": "off",  # nobody will miss this data
    "full_page_writes": "off",
}


@contextmanager
def server() -> Iterator[str]:
    """The address of a fresh server."""
    folder = Path(tempfile.mkdtemp(prefix="countersign-postgres-", dir="/tmp"))  # a socket's path is short
    # PostgreSQL refuses to run as root; its package brings a user to run as.
    as_owner = {"user": "postgres", "group": "postgres", "extra_groups": []} if programs.IS_ROOT else {}
    if programs.IS_ROOT:
        shutil.chown(folder, "postgres", "postgres")

    def run(program: str, *arguments: str) -> None:
        command = [programs.postgres(program), "--pgdata", str(folder / "data"), *arguments]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, **as_owner)

    options = " ".join(f"-c {name}={value}" for name, value in OPTIONS.items())
    try:
        run("initdb", "--username=tests", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync")
        run("pg_ctl", "start", "--wait", f"--log={folder / 'log'}", f"--options=-k {folder} {options}")
        yield f"postgres://tests@{quote(str(folder), safe='')}/countersign"
    finally:
        if (folder / "data" / "postmaster.pid").exists():
            run("pg_ctl", "stop", "--mode=immediate")
        shutil.rmtree(folder)


def main(command: list[str]) -> int:
    if not programs.postgres():
        print("No PostgreSQL server on this machine.", file=sys.stderr)
        return 1 if os.environ.get("CI") else 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server does not outlive us
    with server() as address:
        return subprocess.call(command, env={**os.environ, "DATABASE_URL": address})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
