"""make bench: our app, the least possible sign-in ("floor") and other packages side by side, as Markdown.

It shows what a change costs. python -m tests.machinery.bench [part …] [--on sqlite] …; without a part,
everything. Progress is printed to standard error.
"""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from tests.machinery import postgres, programs
from tests.machinery.bench import profiles, promises, served, size, table
from tests.machinery.bench.run import NAMES, Databases, say

PARTS = ["table", "promises", "profile", "http", "memory", "startup", "size"]
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it


@contextmanager
def databases(kind):
    """In memory where possible, because the speed of the disk says nothing about the app."""
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
    parser = argparse.ArgumentParser(prog="python -m tests.machinery.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--on", action="append", choices=["sqlite", "postgres"], help="default: both")
    parser.add_argument("--turns", type=int, default=40, help="of each subject in the table (default: 40)")
    parser.add_argument("--http-turns", type=int, default=8, help="of each server (default: 8)")
    parser.add_argument("--requests", type=int, default=30000, help="for memory (default: 30000)")
    parser.add_argument(
        "--people", type=int, default=100000, help="for size, 10 events each (default: 100000)"
    )
    asked = parser.parse_args()
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    parts, began = asked.parts or PARTS, time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no server outlives us
    kinds = asked.on or ["sqlite", *(["postgres"] if programs.postgres() else [])]
    for kind in kinds:
        with databases(kind) as where:
            run(where, parts, asked, first=kind == kinds[0], last=kind == kinds[-1])
    say(f"in {(time.monotonic() - began) / 60:.1f} minutes")


def run(where, parts, asked, first, last):
    """On one database. What is the same on each, only the first or the last measures."""
    if "table" in parts:
        found = table.measure(where, asked.turns)
        show(table.markdown(found, f"{where}, CPU in ratio to the floor"))
        if first:
            show(table.rules(found, where, times=15))
    if first and {"table", "promises"} & set(parts):
        show(promises.measure(where))
    if "profile" in parts:
        show(profiles.measure(where))
    if "http" in parts:
        rates = served.throughput(where, NAMES, asked.http_turns)
        show(served.throughput_table(rates, where))
    if last and "memory" in parts:
        weights = served.memory(where, ["floor", "ours"], asked.requests)
        show(served.memory_table(weights, asked.requests))
    if first and "startup" in parts:
        show(served.startup_table(served.startup(["bare", "ours"], where.folder, turns=9)))
    if where.server and "size" in parts:
        show(size.measure(where, asked.people, asked.turns // 2))


def show(text):
    print(text, end="\n\n", flush=True)


if __name__ == "__main__":
    main()
