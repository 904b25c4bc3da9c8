"""With htmx, without any script, and with a line that lost htmx alone: every test runs in each of them,
unless it is marked for one.
"""

import os

import pytest

VERSION = int(os.environ.get("HTMX", "2"))  # of htmx
MODES = ["htmx", "no-js", "htmx-blocked"]
HTMX, NO_JS, BLOCKED = (pytest.mark.parametrize("mode", [mode]) for mode in MODES)
