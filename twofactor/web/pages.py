"""Forms and pages of our own views."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from math import ceil
from typing import Any, TypeVar

from django.core.exceptions import BadRequest
from django.db import connections, transaction
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from twofactor.web import frame
from twofactor.web.redirects import see_other

T = TypeVar("T")
VARY = ["HX-Request", "HX-Target"]


def posted(request: HttpRequest) -> QueryDict | None:
    """The data to bind a form to. An empty POST is bound too, so that it is refused."""
    if request.method != "POST":
        return None
    refuse_doubles(request)
    return request.POST


def refuse_doubles(request: HttpRequest) -> None:
    """400 for a field that is sent twice: two readers could take different values of it."""
    if any(len(values) > 1 for _name, values in request.POST.lists()):
        raise BadRequest("a field was sent twice")


def page(
    request: HttpRequest,
    template: str,
    *,
    form: BaseForm | None = None,
    status: int = 200,
    has_secret: bool = False,
    **context: Any,
) -> HttpResponse:
    """Render the template: 422 if its form was refused, else the given status.

    Other errors are whole documents, of which htmx takes the main part. A page with a secret stands in our
    own frame, where no script of the site sees it.
    """
    if form is not None and form.is_bound and not form.is_valid():
        status = 422
    is_bare, is_framed = has_secret and frame.is_of_site(), not has_secret and frame.is_of_site()
    if wants_document(request, is_bare):
        return load_document(HttpResponse(), request.get_full_path())
    frames = {"is_bare": is_bare, "is_framed": is_framed}
    context = {"form": form, "is_wrong": status == 422, **frames, **context}
    if swapped_element(request) and (status < 400 or status == 422):
        context = {"layout": "twofactor/layout/_main.html", **context}
        response = render(request, template, context, status=status)
    elif is_framed:
        response = frame.render_in_base_template(request, template, context, status)
    else:
        context["layout"] = "twofactor/layout/page.html"
        response = render(request, template, context, status=status)
    patch_vary_headers(response, VARY)
    return frame.forbid_others(response) if is_bare else response


def swapped_element(request: HttpRequest) -> str:
    """The id of the element of a page of ours that htmx replaces with the answer; empty for all else."""
    htmx = getattr(request, "htmx", None)
    if not htmx or htmx.history_restore_request:
        return ""
    target = (htmx.target or "").rpartition("#")[2]  # htmx 4 sends main#tf-main
    return target if target.startswith("tf-") else ""


def wants_document(request: HttpRequest, is_bare: bool) -> bool:
    """Would htmx put a page of ours into one of the site, without our styles, or a script get a secret?"""
    if is_bare:
        return is_asked_by_script(request)
    return request.method == "GET" and is_asked_by_htmx(request) and not swapped_element(request)


def is_asked_by_script(request: HttpRequest) -> bool:
    """Or by a frame of a page. No script can write this header, and old browsers do not send it."""
    return is_asked_by_htmx(request) or request.headers.get("Sec-Fetch-Dest", "document") != "document"


def is_asked_by_htmx(request: HttpRequest) -> bool:
    htmx = getattr(request, "htmx", None)
    return htmx is not None and bool(htmx) and not htmx.history_restore_request


def load_document(response: HttpResponse, to: str) -> HttpResponse:
    """With status 200, because XMLHttpRequest follows a redirect before htmx can see it."""
    response.status_code = 200
    response.content = b""
    response.headers.pop("Location", None)
    response.headers["HX-Redirect"] = to
    return response


def seconds_until(moment: datetime) -> int:
    """Whole seconds, at least one, as Retry-After wants them."""
    return max(ceil((moment - timezone.now()).total_seconds()), 1)


def never_atomic(view: Callable[..., T]) -> Callable[..., T]:
    """Run outside the transaction of ATOMIC_REQUESTS, which would roll back a guess that was counted."""
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view


def post_only(page_name: str) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """For a view without a page of its own: a GET, for example after signing in, leads to the named page."""

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            return view(request, *args, **kwargs) if request.method == "POST" else see_other(page_name)

        return guarded

    return decorate
