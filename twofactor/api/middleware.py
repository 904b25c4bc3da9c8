"""Removes cookies from requests to /api/, and turns HTML error pages there into JSON.

Another site can make a browser send our cookies, but not an Authorization header (ASVS 3.5.2). So the header
alone authenticates here. The cookies are removed before SessionMiddleware, so that no session is loaded,
kept alive or held for a code.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _

__all__ = ["ApiMiddleware"]

PREFIX = "/api/"
DOCS = "/api/docs/"  # a page for browsers like any other
CODES = {404: "not_found", 503: "unavailable"}


class ApiMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(PREFIX) or request.path == DOCS:
            return self.get_response(request)
        request.COOKIES.clear()
        response = self.get_response(request)
        is_html = response.headers.get("Content-Type", "").startswith("text/html")
        return json_error(response) if is_html and response.status_code >= 400 else response


def json_error(page: HttpResponse) -> HttpResponse:
    """In place of the HTML page for an error outside the API's own views, such as an unknown path."""
    status = page.status_code
    if status == 404:
        sentence = _("Page not found")
    else:
        sentence = _("There's a problem with this service. Try again later.")
    response = JsonResponse({"detail": sentence, "code": CODES.get(status, "error")}, status=status)
    if "Retry-After" in page.headers:
        response.headers["Retry-After"] = page.headers["Retry-After"]
    return response
