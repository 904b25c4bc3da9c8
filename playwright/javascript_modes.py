"""With htmx, with JavaScript off, with htmx.js blocked. An unmarked test runs in the first two.

Without htmx.js a page has the forms that it has without JavaScript, and only app.js in addition. So a test in
the third mode repeats the second, unless app.js takes part: test_clicks.py sends every plain form in the
third. make assurance does all the rest.
"""

import os

import pytest

VERSION = int(os.environ.get("HTMX", "2"))  # the major version of htmx
MODES = ["htmx", "no-js", "htmx-blocked"]
HTMX, NO_JS, BLOCKED = (pytest.mark.parametrize("mode", [mode]) for mode in MODES)
DEFAULT_MODES = ["htmx", "no-js", pytest.param("htmx-blocked", marks=pytest.mark.long)]
