"""Every URL of the site, for all tests that try each of them."""

import re

from django.urls import URLResolver, get_resolver


def routes(patterns, before=""):
    for pattern in patterns:
        route = before + str(pattern.pattern)
        yield from routes(pattern.url_patterns, route) if isinstance(pattern, URLResolver) else [route]


def example(route, value="1", uuid="0b9f1f0c-58a1-4b6c-9a53-1f5b2a9d7c11"):
    """A path that this route matches, with the value in place of each argument."""
    route = re.sub(r"<uuid:\w+>", str(uuid), route)
    route = re.sub(r"\(\?P<\w+>([^|)]+)[^)]*\)", r"\1", route).replace(".*", "no-such-page")
    return "/" + re.sub(r"<(?:\w+:)?\w+>", str(value), route).replace("^", "").replace("$", "")


ROUTES = list(routes(get_resolver("config.urls").url_patterns))
URLS = sorted({example(route) for route in ROUTES})
API_URLS = sorted(example(route) for route in routes(get_resolver("config.api").url_patterns, "api/"))
