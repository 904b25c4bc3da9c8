"""With htmx, with JavaScript off, with htmx.js blocked. An unmarked test runs in each of these modes."""

import os

import pytest

VERSION = int(os.environ.get("HTMX", "2"))  # the major version of htmx
MODES = ["htmx", "no-js", "htmx-blocked"]
HTMX, NO_JS, BLOCKED = (pytest.mark.parametrize("mode", [mode]) for mode in MODES)
