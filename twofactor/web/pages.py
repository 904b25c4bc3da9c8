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

from twofactor.web.redirects import see_other

T = TypeVar("T")


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
    request: HttpRequest, template: str, *, form: BaseForm | None = None, status: int = 200, **context: Any
) -> HttpResponse:
    """Render the template: 422 if its form was refused, else the given status.

    Other errors are whole documents, of which htmx takes the main part.
    """
    if form is not None and form.is_bound and not form.is_valid():
        status = 422
    elif status >= 400 and status != 422:
        context["layout"] = "twofactor/layout/page.html"
    return render(request, template, {"form": form, **context}, status=status)


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
