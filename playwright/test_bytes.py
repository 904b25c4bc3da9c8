"""What the screens weigh, as the browser counts it. `pytest playwright/test_bytes.py -s` prints the table."""

import gzip
from pathlib import Path

import pytest
from journeys import setting_up, signing_in
from modes import HTMX, NO_JS
from steps import arrive

KB = 1024
STATIC = Path(__file__).parent.parent / "static"


class Scales:
    """Weighs what has been answered since the last time."""

    def __init__(self, page):
        self.asked = []
        page.on("requestfinished", lambda request: self.asked.append(request))

    def weigh(self):
        """Of each answer: what was asked for, the bytes of its body, and those that came over the line."""
        asked, self.asked[:] = self.asked[:], []
        return [(request, len(body(request)), request.sizes()["responseBodySize"]) for request in asked]


def body(request):
    answer = request.response()
    return b"" if 300 <= answer.status < 400 else answer.body()


@pytest.fixture
def scales(page):
    return Scales(page)


@pytest.fixture
def first_visit(page, scales):
    page.goto("/accounts/login/")
    page.wait_for_load_state("networkidle")
    return scales.weigh()


# The first page


@HTMX
def test_the_first_page_takes_five_requests(first_visit):
    assert len(first_visit) <= 5


@HTMX
def test_the_first_page_is_light(first_visit):
    assert sum(line for *_, line in first_visit) <= 26 * KB


@HTMX
def test_no_font_is_loaded(first_visit):
    assert [request.url for request, *_ in first_visit if request.resource_type == "font"] == []


@NO_JS
def test_without_javascript_it_is_lighter_still(first_visit):
    assert sum(line for *_, line in first_visit) <= 8 * KB


@pytest.mark.parametrize(
    ("file", "raw", "compressed"), [("countersign.css", 12 * KB, 4 * KB), ("app.js", 6 * KB, 2.5 * KB)]
)
def test_a_file_of_ours_is_small(file, raw, compressed):
    content = (STATIC / file).read_bytes()
    assert (len(content) <= raw, len(gzip.compress(content, 6)) <= compressed) == (True, True)


# The steps, with what the same page weighs as a whole


def weighed(page, scales, journey):
    """{screen: (requests, bytes, bytes of the whole page)} of every screen that was swapped in."""
    found = {}
    for name in journey(page):
        arrive(page, name)
        *_, (request, part, _line) = [answer for answer in scales.weigh() if not is_icon(answer[0])]
        if request.resource_type in {"xhr", "fetch"}:
            found[name] = (links(request), part, len(page.request.get(page.url).body()))
    for name, (requests, part, whole) in found.items():
        print(f"{name:20} {requests} requests, {part:5} of {whole:5} bytes ({part / whole:.0%})")
    return found


def is_icon(request):
    return request.url.endswith(".svg")  # which a browser takes from its cache at every new address


def links(request):
    """Of the chain of redirects that ends here."""
    return 1 + (links(request.redirected_from) if request.redirected_from else 0)


@HTMX
def test_set_up_is_light_in_parts_and_as_pages(page, scales):
    """One walk for all, as each takes two seconds."""
    found = weighed(page, scales, setting_up)
    limits = {"setup": 6.5 * KB, "setup-verify": 2.5 * KB, "setup-codes": 2.5 * KB, "settings-on": 4 * KB}
    assert {name: found[name][1] for name, limit in limits.items() if found[name][1] > limit} == {}
    assert {name: asked for name, (asked, *_) in found.items() if asked > 2} == {}
    shares = {name: found[name][1] / found[name][2] for name in ("setup-codes", "settings-on")}
    assert {name: share for name, share in shares.items() if share > 0.6} == {}
    whole = {name: size for name, (*_, size) in found.items()}
    assert {name: size for name, size in whole.items() if size > (10 if name == "setup" else 8) * KB} == {}


@HTMX
def test_a_step_of_signing_in_is_light(page, scales):
    found = weighed(page, scales, signing_in)
    assert {name: part for name, (_, part, _) in found.items() if part > 2.5 * KB} == {}
    assert {name: asked for name, (asked, *_) in found.items() if asked > 2} == {}
