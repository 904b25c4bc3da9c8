"""How many bytes a browser loads for each screen. `pytest playwright/test_bytes.py -s` prints them."""

import gzip
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from actions import enter_code, enter_password, expect_heading, open_session, set_up
from authenticator import give_passkey
from javascript_modes import HTMX, NO_JS
from journeys import (
    asking_for_a_code,
    changing_the_settings,
    mistaking_the_password,
    replacing_the_codes,
    setting_up,
    signing_in,
)
from screen_checks import expect_content

KB = 1024
STATIC = Path(__file__).parent.parent / "twofactor/static/twofactor"


class FinishedRequests:
    """Collects the requests of a page."""

    def __init__(self, page):
        self.asked = []
        page.on("requestfinished", lambda request: self.asked.append(request))

    def take(self):
        """The requests that finished since the last call."""
        asked, self.asked[:] = self.asked[:], []
        return asked


def transferred_bytes(request):
    """The bytes of the body that were transferred: none if it came from the cache of the browser."""
    return max(0, request.sizes()["responseBodySize"])


@pytest.fixture
def finished_requests(page):
    return FinishedRequests(page)


@pytest.fixture
def first_visit(page, finished_requests):
    page.goto("/accounts/login/")
    page.wait_for_load_state("networkidle")
    return finished_requests.take()


# The first page


@HTMX
def test_the_first_page_takes_five_requests(first_visit):
    assert len(first_visit) <= 5


@HTMX
def test_the_first_page_is_light(first_visit):
    assert sum(map(transferred_bytes, first_visit)) <= 28 * KB


@HTMX
def test_no_font_is_loaded(first_visit):
    assert [request.url for request in first_visit if request.resource_type == "font"] == []


@NO_JS
def test_the_first_page_is_lighter_without_javascript(first_visit):
    assert sum(map(transferred_bytes, first_visit)) <= 9.2 * KB


@pytest.mark.parametrize(
    ("file", "raw", "compressed"),
    [
        ("countersign.css", 14.3 * KB, 4.3 * KB),
        ("app.js", 7.1 * KB, 2.9 * KB),
        ("passkeys.js", 4 * KB, 2 * KB),
        ("icons.svg", 1.5 * KB, 0.6 * KB),
    ],
)
def test_a_static_file_is_small(file, raw, compressed):
    content = (STATIC / file).read_bytes()
    assert (len(content) <= raw, len(gzip.compress(content, 6)) <= compressed) == (True, True)


@HTMX
def test_the_next_page_loads_no_file_again(page, finished_requests, first_visit):
    page.goto("/accounts/signup/")
    page.wait_for_load_state("networkidle")
    assert {request.resource_type for request in finished_requests.take() if transferred_bytes(request)} == {
        "document"
    }


# Passkeys


@HTMX
def test_the_form_for_a_passkey_makes_the_sign_in_page_little_heavier(page, settings, site):
    with_form = len(page.request.get("/accounts/login/").body())
    settings.TWOFACTOR_BASE_URL = site.replace("localhost", "127.0.0.1")
    assert 0 < with_form - len(page.request.get("/accounts/login/").body()) <= 1.35 * KB


@HTMX
def test_only_pages_with_a_form_for_a_passkey_load_its_script(page, finished_requests, alice, phone):
    passkey = give_passkey(alice)
    open_session(page.context, alice, phone)
    with_script = []
    for path in (*WITHOUT_PASSKEY_FORM, *WITH_PASSKEY_FORM, f"/two-factor/passkeys/{passkey.pk}/rename/"):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        if any("/passkeys." in request.url for request in finished_requests.take()):
            with_script.append(path)
    assert with_script == WITH_PASSKEY_FORM


WITHOUT_PASSKEY_FORM = ["/", "/help/", "/two-factor/", "/two-factor/devices/", "/accounts/password_change/"]
WITH_PASSKEY_FORM = ["/two-factor/confirm/", "/two-factor/disable/", "/two-factor/backup-codes/"]


# Steps, compared with the whole page

JOURNEYS = [
    mistaking_the_password,
    signing_in,
    asking_for_a_code,
    setting_up,
    changing_the_settings,
    replacing_the_codes,
]
PAGE, STEP = 8 * KB, 2.5 * KB
COMPRESSED = 2 * KB
HEAVIER_COMPRESSED = {"setup": 3 * KB}  # a picture, a key and a challenge
HEAVIER_PAGES = {
    "setup": 11.1 * KB,
    "setup-verify": 8.6 * KB,
    "setup-verify-wrong": 8.6 * KB,
    "settings-on": 8.3 * KB,
    "settings-phone": 8.8 * KB,
    "settings-codes": 8.8 * KB,
}
HEAVIER_STEPS = {
    # The form for a passkey is 1.3 KB: what it says 0.4, its challenge 0.3, what it asks the browser 0.1.
    # The page for who has lost everything is linked from here: 0.1.
    "login-empty": 3.4 * KB,
    "login-wrong": 3.4 * KB,
    "login-last-try": 3.4 * KB,
    "setup": 7.9 * KB,
    "setup-verify": 5.6 * KB,  # with the picture, so that nobody goes back to see it
    "setup-verify-wrong": 5.6 * KB,
    # The settings have five sections, and grow with what these list. Of each row of activity, the icon and
    # the age are 150 bytes, and "this wasn't me" 250.
    "settings-on": 5.2 * KB,  # with the address for warnings
    "settings-codes": 5.6 * KB,
    "settings-phone": 5.7 * KB,
}
SETTINGS = {"settings-on", "settings-codes", "settings-phone"}
# A picture or a list makes up most of the page.
MOSTLY_CONTENT = {"setup", "setup-verify", "setup-verify-wrong", *SETTINGS}


@dataclass
class StepSize:
    part: bytes
    whole: int
    requests: int

    @property
    def share(self):
        return len(self.part) / self.whole


def measure(page, finished_requests, journey):
    """{screen: StepSize} for swaps, and {screen: bytes} for whole pages, which errors are, too."""
    steps, pages = {}, {}
    for name in journey(page):
        expect_content(page, name)
        *_, last = [request for request in finished_requests.take() if not is_file(request)]
        answer, body = last.response(), last.response().body()
        if is_step(last) and (answer.ok or answer.status == 422):
            pages[name] = len(page.request.get(page.url).body())
            steps[name] = StepSize(body, pages[name], requests_in_chain(last))
        else:
            pages[name] = len(body)
    for name, step in steps.items():
        part = len(step.part)
        print(f"{name:20} {step.requests} requests, {part:5} of {step.whole:5} bytes ({step.share:.0%})")
    return steps, pages


def is_file(request):
    return urlsplit(request.url).path.startswith("/static/")


def is_step(request):
    return request.resource_type in {"xhr", "fetch"}


def requests_in_chain(request):
    """1, and one more for each redirect before it."""
    return 1 + (requests_in_chain(request.redirected_from) if request.redirected_from else 0)


@HTMX
@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.__name__)
def test_steps_and_their_whole_pages_are_small(page, finished_requests, journey):
    """One test for all of it, because each journey takes seconds."""
    steps, pages = measure(page, finished_requests, journey)
    parts = {name: len(step.part) for name, step in steps.items()}
    assert {name: part for name, part in parts.items() if part > HEAVIER_STEPS.get(name, STEP)} == {}
    compressed = {name: len(gzip.compress(step.part, 6)) for name, step in steps.items()}
    heavy = {
        name: part for name, part in compressed.items() if part > HEAVIER_COMPRESSED.get(name, COMPRESSED)
    }
    assert heavy == {}
    assert {name: whole for name, whole in pages.items() if whole > HEAVIER_PAGES.get(name, PAGE)} == {}
    shares = {name: step.share for name, step in steps.items() if name not in MOSTLY_CONTENT}
    assert {name: share for name, share in shares.items() if share > 0.62} == {}
    assert {name: step.requests for name, step in steps.items() if step.requests > 2} == {}


# Whole flows


def documents_and_steps(page, finished_requests):
    """In their order. Asserts that no file was transferred twice."""
    page.wait_for_load_state("networkidle")
    requests = finished_requests.take()
    files = Counter(request.url for request in requests if is_file(request) and transferred_bytes(request))
    assert set(files.values()) == {1}
    return [f"{kind(request)} {urlsplit(request.url).path}" for request in requests if not is_file(request)]


def kind(request):
    return f"step {request.method}" if is_step(request) else request.resource_type


@HTMX
def test_a_sign_in_is_two_documents_and_two_steps(page, finished_requests, phone):
    enter_password(page)
    expect_heading(page, "Check your authenticator app")
    enter_code(page, phone.code())
    expect_heading(page, "Hello, Alice")
    assert documents_and_steps(page, finished_requests) == [
        "document /accounts/login/",
        "step POST /accounts/login/",
        "step GET /two-factor/verify/",
        "step POST /two-factor/verify/",
        "document /",
    ]


@HTMX
def test_a_set_up_is_one_document_and_four_steps(page, finished_requests, alice):
    open_session(page.context, alice)
    set_up(page)
    assert documents_and_steps(page, finished_requests) == [
        "document /two-factor/",
        "step GET /two-factor/setup/",
        "step GET /two-factor/setup/verify/",
        "step POST /two-factor/setup/verify/",
        "step GET /two-factor/setup/codes/",
        "step POST /two-factor/setup/codes/",
        "step GET /two-factor/",
    ]
