"""The lock files and the wheel can be installed by the oldest pip that a supported Python brings.

It installs everything anew, so it runs only with make assurance PART=fuzz.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.machinery.test_rules import LOCKS

ROOT = Path(__file__).parents[2]
OLDEST_PIP = "22.3"  # what Python 3.11.0 brings

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.version_info >= (3, 12), reason="pip 22.3 runs on nothing newer than Python 3.11"),
]


@pytest.fixture
def pip(tmp_path):
    """Of an empty environment."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path], check=True)

    def pip(*arguments):
        command = [tmp_path / "bin/pip", "--disable-pip-version-check", "--quiet", *arguments]
        subprocess.run(command, check=True)

    pip("install", f"pip=={OLDEST_PIP}")
    return pip


@pytest.mark.parametrize("lock", LOCKS)
def test_the_oldest_pip_installs_the_lock_into_an_empty_environment(pip, lock):
    pip("install", "--require-hashes", "--requirement", ROOT / lock)
    pip("check")


def test_the_oldest_pip_installs_the_wheel(pip, wheel):
    pip("install", "--require-hashes", "--requirement", ROOT / "requirements-all.txt")
    pip("install", "--no-index", f"{wheel}[api,sms]")
    pip("check")
