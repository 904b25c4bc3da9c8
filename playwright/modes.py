"""With htmx, without any script, and with a line that lost htmx alone: every test runs in each of them,
unless it is marked for one.
"""

import pytest

MODES = ["htmx", "no-js", "htmx-blocked"]
HTMX, NO_JS, BLOCKED = (pytest.mark.parametrize("mode", [mode]) for mode in MODES)
