"""How our own views answer."""

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
    """What a form is bound to: an empty POST is a refused form, not a fresh one."""
    if request.method != "POST":
        return None
    refuse_doubles(request)
    return request.POST


def refuse_doubles(request: HttpRequest) -> None:
    """No form of ours has a field twice. Which of two codes counts must not depend on who reads them."""
    if any(len(values) > 1 for _name, values in request.POST.lists()):
        raise BadRequest("a field was sent twice")


def page(
    request: HttpRequest, template: str, *, form: BaseForm | None = None, status: int = 200, **context: Any
) -> HttpResponse:
    """200 unless the view says otherwise, or 422 when it shows a form that was refused.

    What any other refusal shows is a whole page, of which htmx takes the main part.
    """
    if form is not None and form.is_bound and not form.is_valid():
        status = 422
    elif status >= 400 and status != 422:
        context["layout"] = "twofactor/layout/page.html"
    return render(request, template, {"form": form, **context}, status=status)


def seconds_until(moment: datetime) -> int:
    """For Retry-After: whole seconds, at least one."""
    return max(ceil((moment - timezone.now()).total_seconds()), 1)


def never_atomic(view: Callable[..., T]) -> Callable[..., T]:
    """Outside the transaction that ATOMIC_REQUESTS opens: an error page would roll a counted guess back."""
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view


def post_only(page_name: str) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """For a view that only acts: whoever arrives by GET, after signing in, is led to its page."""

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            return view(request, *args, **kwargs) if request.method == "POST" else see_other(page_name)

        return guarded

    return decorate
