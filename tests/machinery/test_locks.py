"""The lock files can be installed by the oldest pip that a supported Python brings.

It installs everything anew, so it runs only with make assurance PART=fuzz.
"""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OLDEST_PIP = "22.3"  # what Python 3.11.0 brings

pytestmark = pytest.mark.long


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="pip 22.3 runs on nothing newer than Python 3.11")
@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-all.txt", "tests/requirements.txt"])
def test_the_oldest_pip_installs_the_lock_into_an_empty_environment(tmp_path, lock):
    subprocess.run([sys.executable, "-m", "venv", tmp_path], check=True)
    pip = [tmp_path / "bin/pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "install", f"pip=={OLDEST_PIP}"], check=True)
    subprocess.run([*pip, "install", "--require-hashes", "--requirement", ROOT / lock], check=True)
    subprocess.run([*pip, "check"], check=True)
