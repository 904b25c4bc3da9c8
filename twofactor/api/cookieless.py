"""Under /api/ the Authorization header says who somebody is, and nothing else; and every answer is JSON.

A page of another site can make a browser send our cookies, but not this header (ASVS 3.5.2). So cookies are
taken off before anybody reads them: no session is opened, kept alive or asked for a code here.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _

PREFIX = "/api/"
PAGE = "/api/docs/"  # read in a browser like any other
CODES = {404: "not_found", 503: "unavailable"}


class Cookieless:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(PREFIX) or request.path == PAGE:
            return self.get_response(request)
        request.COOKIES.clear()
        response = self.get_response(request)
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        return without_page(response) if is_page and response.status_code >= 400 else response


def without_page(page: HttpResponse) -> HttpResponse:
    """What went wrong outside the API's own views."""
    status = page.status_code
    if status == 404:
        sentence = _("There is no such page")
    else:
        sentence = _("There is a problem with this service. Try again later.")
    response = JsonResponse({"detail": sentence, "code": CODES.get(status, "error")}, status=status)
    if "Retry-After" in page.headers:
        response.headers["Retry-After"] = page.headers["Retry-After"]
    return response
