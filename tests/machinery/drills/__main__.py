"""python -m tests.machinery.drills [NAME…]: the long drills, all or those of test_NAME.py, with figures.

LOAD_MINUTES=10 and RACE_REPEATS=20 make longer ones of some.
"""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

if __name__ == "__main__":
    files = [str(HERE / f"test_{name}.py") for name in sys.argv[1:]] or [str(HERE)]
    sys.exit(pytest.main(["-m", "", *files]))
