"""A real browser at the real site, with and without JavaScript.

An __init__.py in this folder would hide Playwright itself.
"""

import os
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.handlers.wsgi import WSGIHandler
from django.test.testcases import LiveServerThread

from tests import programs
from tests.conftest import static_files  # noqa: F401  a fixture

os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright's loop runs in the thread of the tests

CHROMIUM = programs.chromium()
QUIET = [  # a browser that is being tested does not call home
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    if CHROMIUM is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no Chromium on this machine")
    as_root = ["--no-sandbox"] if programs.IS_ROOT else []
    return browser_type_launch_args | {"executable_path": CHROMIUM, "args": [*QUIET, *as_root]}


@pytest.fixture
def site(transactional_db, settings):
    """The address of the site, whose mail is in django.core.mail.outbox."""
    # Without Django's file handlers: WhiteNoise serves hashed names, and nothing else is served.
    server = LiveServerThread("127.0.0.1", static_handler=lambda _: WSGIHandler())
    server.start()
    server.is_ready.wait()
    settings.BASE_URL = f"http://127.0.0.1:{server.port}"
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    yield settings.BASE_URL
    server.terminate()


@pytest.fixture(params=["htmx", "no-js", "htmx-blocked"])
def mode(request):
    """Every test runs in each of them, unless it says @pytest.mark.parametrize("mode", [...])."""
    return request.param


@pytest.fixture
def context(new_context, site, mode):
    """Like Playwright's own, and whatever the browser complained of fails the test."""
    context = new_context(base_url=site, locale="en-GB", java_script_enabled=mode != "no-js")
    if mode == "htmx-blocked":
        context.route("**/htmx*.js", lambda route: route.abort())
    complaints = []
    context.on("console", lambda line: complaints.append(line.text) if is_complaint(line) else None)
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on("request", lambda asked: complaints.append(asked.url) if is_foreign(asked.url, site) else None)
    yield context
    assert complaints == []


def is_complaint(line):
    """Answers of 4xx and 5xx, blocked files and lost lines are what tests ask for; all else is not."""
    expected = ("Failed to load resource", "Response Status Error Code", "htmx:")
    return line.type == "error" and not line.text.startswith(expected)


def is_foreign(url, site):
    return urlsplit(url).scheme in {"http", "https", "ws", "wss"} and not url.startswith(site)


@pytest.fixture
def axe(mode):
    """axe(page) fails on what is not accessible. Call it last: it leaves a style on what it scrolled."""
    assert mode != "no-js", "axe never ends without JavaScript; htmx-blocked shows the same pages"

    def scan(page):
        found = Axe().run(page, options={"runOnly": WCAG, "resultTypes": ["violations"]})
        assert found.violations_count == 0, found.generate_report()

    return scan
