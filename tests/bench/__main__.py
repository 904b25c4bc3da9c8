"""make bench: our app, the floor and the peers side by side, as Markdown; progress is on standard error.

python -m tests.bench [table] [http] [memory] [startup] [--on sqlite] [--turns 40]; without names, everything.
"""

import argparse
import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from tests import postgres, programs
from tests.bench import table
from tests.bench.run import Databases, say

PARTS = ["table"]
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it


@contextmanager
def databases(kind):
    """In memory where there is such a folder: how fast a disk is says nothing about us."""
    folder = Path(tempfile.mkdtemp(prefix="countersign-bench-", dir=MEMORY if MEMORY.is_dir() else None))
    try:
        if kind == "sqlite":
            yield Databases(folder)
        else:
            with postgres.server() as server:
                yield Databases(folder, server)
    finally:
        shutil.rmtree(folder)


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--on", action="append", choices=["sqlite", "postgres"], help="default: both")
    parser.add_argument("--turns", type=int, default=40, help="of each subject in the table (default: 40)")
    asked = parser.parse_args()
    kinds = asked.on or ["sqlite", *(["postgres"] if programs.postgres() else [])]
    began = time.monotonic()
    for kind in kinds:
        with databases(kind) as where:
            if "table" in (asked.parts or PARTS):
                found = table.measure(where, asked.turns)
                print(table.markdown(found, f"{where}, CPU in ratio to the floor"), flush=True)
                print()
    say(f"in {(time.monotonic() - began) / 60:.1f} minutes")


if __name__ == "__main__":
    main()
