"""htmx follows a redirect from a page of ours to whatever the site answers. That is loaded as a document."""

import pytest
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path

from config.urls import handler400, handler403, handler404, handler500, urlpatterns
from tests.htmx import HTMX

__all__ = ["handler400", "handler403", "handler404", "handler500"]


def export(request):
    answer = StreamingHttpResponse(["a,b\n", "1,2\n"], content_type="text/csv")
    answer.set_cookie("exported", "yes")
    return answer


urlpatterns = [
    *urlpatterns,
    path("site/text/", lambda request: HttpResponse("Everything is deleted.")),
    path("site/json/", lambda request: JsonResponse({"deleted": 3})),
    path("site/export/", export),
]


@pytest.fixture(autouse=True)
def site(settings):
    settings.ROOT_URLCONF = __name__


@pytest.mark.parametrize("address", ["/site/text/", "/site/json/", "/site/export/"])
def test_what_is_no_part_of_our_page_is_loaded_as_a_document(as_alice, address):
    answer = as_alice.get(address, headers=HTMX)
    assert (answer.status_code, answer["HX-Redirect"], answer.content) == (200, address, b"")


def test_its_cookies_are_kept(as_alice):
    assert as_alice.get("/site/export/", headers=HTMX).cookies["exported"].value == "yes"


def test_without_htmx_it_is_what_the_site_answers(as_alice):
    assert as_alice.get("/site/text/").content == b"Everything is deleted."
    assert b"".join(as_alice.get("/site/export/")) == b"a,b\n1,2\n"
