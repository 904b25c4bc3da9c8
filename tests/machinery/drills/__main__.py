"""Drills: a deployed site, and what happens when servers, clocks, disks, keys or mail servers are lost.

python -m tests.machinery.drills [NAME…] runs those of test_NAME.py, or all, and prints their figures. make
assurance runs them too; LOAD_MINUTES=10 and RACE_REPEATS=20 make some of them longer.
"""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

if __name__ == "__main__":
    files = [str(HERE / f"test_{name}.py") for name in sys.argv[1:]] or [str(HERE)]
    sys.exit(pytest.main(["-m", "", *files]))
