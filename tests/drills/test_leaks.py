"""No secret of the whole server suite is where it must not be; and the hunter would have found it."""

import re
import subprocess
import sys

import pytest

from tests.drills.deployed import ROOT

HUNT = [sys.executable, "-m", "pytest", "-q", "-p", "tests.drills.hunting", "-p", "no:cacheprovider"]
SUITE = ["tests/accounts", "tests/config", "tests/operations", "tests/twofactor"]
PLANTED = ROOT / "tests/drills/planted.py"


def hunt(*where):
    ran = subprocess.run([*HUNT, *where], cwd=ROOT, capture_output=True, text=True)
    return ran, dict(re.findall(r"'(hit|key|session key|code of a phone)': (\d+)", ran.stdout))


@pytest.mark.long
def test_a_planted_leak_is_found_in_every_place():
    """Each of the tests but one leaks one secret."""
    ran, _ = hunt(str(PLANTED))
    found = set(re.findall(r"FAILED \S*::test_(\w+)", ran.stdout))
    assert found == set(re.findall(r"def test_(\w+)", PLANTED.read_text())) - {"nothing"}, ran.stdout


@pytest.mark.long
@pytest.mark.proves("V-30", "K-01")
def test_the_suite_leaves_no_secret_behind(say):
    ran, counts = hunt(*SUITE)
    say(f"leaks: {counts}")
    assert (ran.returncode, int(counts.get("hit", 0))) == (0, 0), ran.stdout[-5000:]
