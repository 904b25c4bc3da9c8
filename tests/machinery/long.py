"""python -m tests.machinery.long [PART…], or make assurance PART=…: what takes long, part by part.

At the end it says what has not been run. A part leaves its result in long-results/, so that parts which were
run on other days count.
"""

import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "long-results"  # not test-results/, which pytest-playwright deletes before each run
DRILLS = sorted(ROOT.glob("tests/machinery/drills/test_*.py"))
APART = ["--ignore=tests/machinery/drills", "--ignore=tests/machinery/leaks"]  # separate parts, below
RACES = [f"tests/twofactor/test_{name}races.py" for name in ("", "send_", "device_", "passkey_")]
PYTEST = [sys.executable, "-m", "pytest"]
PARTS = {
    "fuzz": [*PYTEST, "-m", "long or hypothesis", "tests", *APART],
    # Without tests that start other processes, whose clock is not changed.
    "next-year": [
        "env",
        "DAYS_AHEAD=400",
        *PYTEST,
        "tests",
        *APART,
        "--ignore=tests/foreign",
        "--ignore=tests/other_sites",
    ],
    "races": [*PYTEST, *RACES],
    "races-on-plain-sqlite": ["env", "PLAIN_SQLITE=1", *PYTEST, *RACES],
    "races-on-postgres": [sys.executable, "-m", "tests.machinery.postgres", *PYTEST, *RACES],
    "leaks": [*PYTEST, "-m", "", "tests/machinery/leaks/test_leaks.py"],
    "browser": [*PYTEST, "-m", "long", "playwright"],
    **{file.stem.removeprefix("test_"): [*PYTEST, "-m", "", str(file)] for file in DRILLS},
}


def result(part: str) -> Path:
    return RESULTS / f"{part}.xml"


def run(part: str) -> bool:
    print(f"\n{part}", flush=True)
    result(part).unlink(missing_ok=True)
    return subprocess.call([*PARTS[part], f"--junitxml={result(part)}"], cwd=ROOT) == 0


def summary() -> Iterator[str]:
    """A line for each part, and one for each test of it that was skipped."""
    for part in PARTS:
        if not result(part).exists():
            yield f"{part}: NOT RUN, make assurance PART={part}"
            continue
        suite = next(ElementTree.parse(result(part)).iter("testsuite"))  # noqa: S314 - pytest wrote it here
        tests, skipped = int(suite.attrib["tests"]), int(suite.attrib["skipped"])
        failed = int(suite.attrib["failures"]) + int(suite.attrib["errors"])
        when = datetime.fromtimestamp(result(part).stat().st_mtime)
        passed = tests - skipped - failed
        yield f"{part}: {passed} passed, {failed} failed, {skipped} not run, {when:%Y-%m-%d %H:%M}"
        for test in suite.iter("testcase"):
            for reason in test.iter("skipped"):
                yield f"    not run: {test.attrib['name']}: {reason.attrib['message']}"


def main(parts: list[str]) -> int:
    unknown = set(parts) - PARTS.keys()
    if unknown:
        print(f"There is no part {', '.join(unknown)}; there are {', '.join(PARTS)}.", file=sys.stderr)
        return 2
    RESULTS.mkdir(parents=True, exist_ok=True)
    passed = [run(part) for part in parts or PARTS]
    print("", *summary(), sep="\n")
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
