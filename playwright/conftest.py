"""A real browser at the real site, with and without JavaScript.

An __init__.py in this folder would hide Playwright itself.
"""

import os
import re
from urllib.parse import urlsplit

import pytest
from actions import ALICE, BACKUP_CODES, enrol
from django.core.handlers.wsgi import WSGIHandler
from django.test.testcases import LiveServerThread
from modes import MODES, VERSION
from playwright.sync_api import expect

from tests.conftest import static_files  # noqa: F401  a fixture
from tests.machinery import programs
from tests.people import person
from tests.twofactor.sent_codes import with_pigeons

pytest.register_assert_rewrite("screen_checks")
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright's loop runs in the thread of the tests

expect.set_options(timeout=10_000)  # ten backup codes are hashed, on a machine that others use too

CHROMIUM = programs.quick_chromium()
EXPECTED_HTMX_ERRORS = (
    "htmx:responseError",
    "htmx:sendError",
    "htmx:timeout",
    "htmx:sendAbort",
    "htmx:afterRequest",
    "htmx:error",
)
NO_BACKGROUND_TRAFFIC = [  # a browser that is being tested does not call home
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]
RECORD_SWAPS = """
    window.swapped = false;
    for (const name of ["htmx:afterSwap", "htmx:after:swap"])
        addEventListener(name, () => (window.swapped = true));
"""
PRIVATE = re.compile(r"@|%40|secret|\b\d{6,13}\b|[A-Z2-7]{32}")  # an address, a key, a code, a phone number


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    if CHROMIUM is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no Chromium on this machine")
    as_root = ["--no-sandbox"] if programs.IS_ROOT else []
    return browser_type_launch_args | {
        "executable_path": CHROMIUM,
        "args": [*NO_BACKGROUND_TRAFFIC, *as_root],
    }


@pytest.fixture(scope="session")
def server():
    # Without Django's file handlers: WhiteNoise serves hashed names, and nothing else is served.
    server = LiveServerThread("127.0.0.1", static_handler=lambda _: WSGIHandler())
    server.start()
    server.is_ready.wait()
    yield server
    server.terminate()


@pytest.fixture
def site(transactional_db, settings, server):
    """The address of the site. Its mail is in django.core.mail.outbox, its text messages with the pigeons."""
    settings.BASE_URL = f"http://127.0.0.1:{server.port}"
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    with_pigeons(settings)
    settings.TWOFACTOR_HTMX = VERSION
    return settings.BASE_URL


@pytest.fixture(params=MODES)
def mode(request):
    return request.param


@pytest.fixture
def alice(site):
    return person(ALICE, name="Alice")


@pytest.fixture
def phone(alice):
    """Alice has two-factor sign-in, three codes on paper, and this is her phone."""
    return enrol(alice, BACKUP_CODES)


@pytest.fixture
def locale():
    """What the browser asks for."""
    return "en-GB"


@pytest.fixture
def context(new_context, site, mode, locale):
    """Like Playwright's own, and whatever the browser complained of fails the test."""
    context = new_context(
        base_url=site, locale=locale, java_script_enabled=mode != "no-js", reduced_motion="reduce"
    )
    if mode == "htmx-blocked":
        context.route("**/htmx*.js", lambda route: route.abort())
    context.add_init_script(RECORD_SWAPS)
    problems = []
    context.on("console", lambda message: problems.append(message.text) if is_complaint(message) else None)
    context.on("weberror", lambda error: problems.append(str(error.error)))
    context.on(
        "request",
        lambda request: problems.append(request.url) if is_unwanted_request(request.url, site) else None,
    )
    yield context
    assert problems == []


def is_complaint(message):
    """Answers of 4xx and 5xx, blocked files and lost lines are what tests ask for; all else is not."""
    expected = ("Failed to load resource", "Response Status Error Code", *EXPECTED_HTMX_ERRORS)
    return message.type == "error" and not message.text.removeprefix("htmx: ").startswith(expected)


def is_unwanted_request(url, site):
    """Somebody else's, or one that would tell whoever reads a history or a log."""
    parts = urlsplit(url)
    is_ours = url.startswith(site)
    is_page = is_ours and not parts.path.startswith(("/static/", "/accounts/reset/", "/accounts/email/"))
    return (parts.scheme in {"http", "https", "ws", "wss"} and not is_ours) or bool(
        is_page and PRIVATE.search(f"{parts.path}?{parts.query}")
    )
