"""Runs the whole server suite and looks after each test for secrets where none may be: logs, mails, tables.

hunter.py knows every secret that a test issued, and looks for it in every spelling. leaking_tests.py leaks
on purpose, to show that each would be found. Run it with make assurance PART=leaks.
"""

import os
import re
import subprocess
import sys

import pytest

from tests.machinery.evidence import ROOT

PLUGINS = ["-p", "tests.machinery.leaks.plugin", "-p", "no:cacheprovider"]
HUNT = [sys.executable, "-m", "pytest", "-q", *PLUGINS]
NOT_HUNTED = {
    "tests/machinery/bench": "measures, in processes that no hunter is in",
    "tests/machinery/drills": "starts servers, in processes that no hunter is in",
    "tests/machinery/leaks": "is this test itself",
    "tests/other_sites": "has another site, in a process that no hunter is in",
}
LEAKING_TESTS = ROOT / "tests/machinery/leaks/leaking_tests.py"


def hunt(*what):
    wide = os.environ | {"COLUMNS": "200"}  # or the end of a summary is cut off
    ran = subprocess.run([*HUNT, *what], cwd=ROOT, env=wide, capture_output=True, text=True)
    return ran, dict(re.findall(r"'([\w ]+)': (\d+)", ran.stdout))


@pytest.mark.long
def test_a_planted_leak_is_found_in_every_place():
    """Each of the tests but one leaks one secret, and has no other fault."""
    ran, _ = hunt(str(LEAKING_TESTS))
    found = set(re.findall(r"FAILED \S*::test_(\w+) - AssertionError: \['", ran.stdout))
    assert found == set(re.findall(r"def test_(\w+)", LEAKING_TESTS.read_text())) - {"nothing"}, ran.stdout


@pytest.mark.long
@pytest.mark.proves("V-30", "K-01")
def test_the_suite_leaves_no_secret_behind(report):
    ran, counts = hunt("tests", *(f"--ignore={folder}" for folder in NOT_HUNTED))
    report(f"leaks: {counts}")
    assert (ran.returncode, int(counts.get("hit", 0))) == (0, 0), ran.stdout[-5000:]
