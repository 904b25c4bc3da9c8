"""Runs the site and opens it in a real browser, with and without JavaScript.

This folder must have no __init__.py, which would hide the package playwright from imports.
"""

import os
import re
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from actions import (
    continue_to_backup_codes,
    create_alice,
    enrol,
    open_session,
    start_setup,
)
from django.core.handlers.wsgi import WSGIHandler
from django.test.testcases import LiveServerThread
from javascript_modes import DEFAULT_MODES, VERSION
from playwright.sync_api import Error, expect

from tests.conftest import cheap_backup_codes, static_files, urls_read_once  # noqa: F401  fixtures
from tests.machinery.browsers import is_complaint, launch_options
from tests.people import PRINTED_CODES
from tests.twofactor.sent_codes import record_text_messages

pytest.register_assert_rewrite("screen_checks")
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright's event loop runs in this thread

expect.set_options(timeout=10_000)  # hashing ten backup codes takes long on a busy machine

RECORD_SWAPS = """
    window.swapped = false;
    for (const name of ["htmx:afterSwap", "htmx:after:swap"])
        addEventListener(name, () => (window.swapped = true));
"""
PICTURES = Path(__file__).parent.parent / "test-results"
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # of a device, and random
# An email address, a key, a code, or a phone number.
PRIVATE = re.compile(r"@|%40|secret|\b\d{6,13}\b|[A-Z2-7]{32}")
# They hold a random token, which can look like any of these.
MAILED_LINKS = (
    *("/accounts/reset/", "/accounts/email/", "/accounts/delete/stop/"),
    *("/two-factor/not-me/", "/two-factor/recovery/"),
)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    return browser_type_launch_args | launch_options()


@pytest.fixture(scope="session")
def server():
    # Without Django's handler for static files, so that WhiteNoise serves them, as in a deployment.
    server = LiveServerThread("127.0.0.1", static_handler=lambda _: WSGIHandler())
    server.start()
    server.is_ready.wait()
    yield server
    server.terminate()


@pytest.fixture
def site(transactional_db, settings, server):
    """The address of the site. Mail goes to mail.outbox, and text messages to RecordingGateway.messages."""
    settings.TWOFACTOR_BASE_URL = f"http://localhost:{server.port}"
    settings.ALLOWED_HOSTS = ["localhost"]
    record_text_messages(settings)
    settings.TWOFACTOR_HTMX = VERSION
    return settings.TWOFACTOR_BASE_URL


@pytest.fixture(params=DEFAULT_MODES)
def mode(request):
    return request.param


@pytest.fixture
def alice(site):
    return create_alice()


@pytest.fixture
def phone(alice):
    """The authenticator app of Alice, who has two-factor authentication and three backup codes."""
    return enrol(alice, PRINTED_CODES)


@pytest.fixture
def signed_in(page, alice):
    """A page of Alice, who has signed in with her password alone."""
    open_session(page.context, alice)
    return page


@pytest.fixture
def codes_page(signed_in):
    """The last step of the setup, with ten new backup codes."""
    continue_to_backup_codes(signed_in, start_setup(signed_in))
    return signed_in


@pytest.fixture
def locale():
    """The language that the browser asks for."""
    return "en-GB"


@pytest.fixture
def context(new_context, site, mode, locale):
    """Replaces Playwright's fixture: an error on the console or an unwanted request fails the test."""
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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """If a test fails, its output says what its page showed, and a picture is kept in test-results/.

    A trace of Playwright's would say more, but recording one makes every test half as slow again.
    """
    report = yield
    if report.when == "call" and report.failed and "page" in item.funcargs:
        page, name = item.funcargs["page"], re.sub(r"[^\w.-]+", "-", item.nodeid)[-120:]
        with suppress(Error):  # the page may be closed
            report.sections.append((f"Page at {page.url}", page.locator("body").inner_text(timeout=2_000)))
            page.screenshot(path=PICTURES / f"{name}.png")
    return report


def is_unwanted_request(url, site):
    """To another server, or with something private in the URL, which histories and logs keep."""
    parts = urlsplit(url)
    is_ours = url.startswith(site)
    is_page = is_ours and not parts.path.startswith(("/static/", *MAILED_LINKS))
    return (parts.scheme in {"http", "https", "ws", "wss"} and not is_ours) or bool(
        is_page and PRIVATE.search(UUID.sub("", f"{parts.path}?{parts.query}"))
    )
