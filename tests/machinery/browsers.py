"""How tests start Chromium, and what must not happen in it."""

import os

import pytest

from tests.machinery import programs

NO_BACKGROUND_TRAFFIC = [  # the browser must ask no server but ours
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]
EXPECTED_HTMX_ERRORS = (
    "htmx:responseError",
    "htmx:sendError",
    "htmx:timeout",
    "htmx:sendAbort",
    "htmx:afterRequest",
    "htmx:error",
)


def launch_options():
    """For Playwright's launch(). Where there is no Chromium, the test is skipped, or fails in CI."""
    chromium = programs.quick_chromium()
    if chromium is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no Chromium on this machine")
    as_root = ["--no-sandbox"] if programs.IS_ROOT else []
    return {"executable_path": chromium, "args": [*NO_BACKGROUND_TRAFFIC, *as_root]}


def is_complaint(message):
    """An error, unless it is about a failed request: tests make requests fail on purpose."""
    expected = ("Failed to load resource", "Response Status Error Code", *EXPECTED_HTMX_ERRORS)
    return message.type == "error" and not message.text.removeprefix("htmx: ").startswith(expected)
