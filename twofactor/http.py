"""How our own views answer."""

from typing import Any

from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render


def page(
    request: HttpRequest, template: str, *, form: BaseForm | None = None, **context: Any
) -> HttpResponse:
    """200, or 422 when it shows a form that was refused."""
    refused = form is not None and form.is_bound and not form.is_valid()
    return render(request, template, {"form": form, **context}, status=422 if refused else 200)


def see_other(to: str, **kwargs: Any) -> HttpResponse:
    """The next step is a GET: 303 says so, where 302 leaves it to custom."""
    response = redirect(to, **kwargs)
    response.status_code = 303
    return response
