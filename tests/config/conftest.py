import re

import pytest


@pytest.fixture
def htmx():
    """The headers that htmx sends from a page of ours."""

    def headers(page="/", **more):
        here = {"HX-Current-URL": f"http://testserver{page}", "HX-Target": "tf-main"}
        return {"HX-Request": "true", **here, **more}

    return headers


@pytest.fixture
def panel():
    """The contents of #main of a page, or a whole part, without CSRF token and focus, which differ."""

    def inner(response):
        text = response.text
        main = re.search(r'<main id="tf-main" tabindex="-1">(.*)</main>', text, re.DOTALL)
        without = r' value="[A-Za-z0-9]{64}"|( tabindex="-1")? autofocus'
        return re.sub(without, "", main[1] if main else text).strip()

    return inner
