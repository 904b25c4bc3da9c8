"""How our own views answer."""

import logging
from collections.abc import Callable
from datetime import datetime
from functools import cache, wraps
from math import ceil
from typing import Any, TypeVar
from urllib.parse import urlencode, urljoin, urlsplit

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.exceptions import BadRequest
from django.db import connections, transaction
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render, resolve_url
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from twofactor import conf, ip

T = TypeVar("T")

NO_ADDRESS = "0.0.0.0"  # noqa: S104 - which nobody has; nothing is bound to it

log = logging.getLogger("countersign.security")


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
        context["layout"] = "layout/page.html"
    return render(request, template, {"form": form, **context}, status=status)


def remote_address(request: HttpRequest) -> ip.Address | None:
    """Where a request comes from: what the site's own function says, else REMOTE_ADDR."""
    resolve = conf.client_address()
    return ip.parse(str(resolve(request) if resolve else request.META.get("REMOTE_ADDR", "")))


def client_address(request: HttpRequest) -> str:
    """Whom limits count by. Limits that count by the address alone do not count NO_ADDRESS (has_address)."""
    address = remote_address(request)
    if address is None:
        warn_of_no_address()
        return NO_ADDRESS
    return ip.customer(address)


def has_address(client: str) -> bool:
    """All who come without one would share a limit, and one of them could use it up for everybody."""
    return client != NO_ADDRESS


@cache
def warn_of_no_address() -> None:
    """Once for a process, not for every request."""
    log.warning(
        "REMOTE_ADDR is no address, so no limit counts by address. Behind a unix socket, let the proxy set "
        "X-Real-IP, and set TRUSTED_PROXIES=unix (in a site of your own: TWOFACTOR_CLIENT_ADDRESS)"
    )


def seconds_until(moment: datetime) -> int:
    """For Retry-After: whole seconds, at least one."""
    return max(ceil((moment - timezone.now()).total_seconds()), 1)


def see_other(to: str) -> HttpResponse:
    """The next step is a GET: 303 says so, where 302 leaves it to custom.

    A path, the name of a page, or what LOGIN_URL or LOGIN_REDIRECT_URL says, which may be on another host.
    """
    return HttpResponseRedirect(resolve_url(to), status=303)


def with_next(page: str, back: str) -> str:
    """The address of the page, and where to go on to from there: in full if the page is on another host."""
    url = urlsplit(resolve_url(page))
    query = QueryDict(url.query, mutable=True)
    query[REDIRECT_FIELD_NAME] = urljoin(conf.base_url(), back) if url.netloc else back
    return url._replace(query=query.urlencode()).geturl()


def is_sign_in(url: str) -> bool:
    """Does it lead to LOGIN_URL, whatever stands behind the question mark?"""
    return urlsplit(url)[:3] == urlsplit(resolve_url(settings.LOGIN_URL))[:3]


def path_of(url: str) -> str:
    """Without scheme and host; nothing where somebody wrote what is no address at all."""
    try:
        return urlsplit(url)._replace(scheme="", netloc="").geturl()
    except ValueError:
        return ""


def own_page(request: HttpRequest, to: str | None) -> str:
    """Where to go on to, if that is a page of ours."""
    path = (to or "").removeprefix(f"{request.scheme}://{request.get_host()}")
    safe = url_has_allowed_host_and_scheme(path, {request.get_host()}, require_https=request.is_secure())
    return path if path.startswith("/") and safe else resolve_url(settings.LOGIN_REDIRECT_URL)


def safe_next(request: HttpRequest, to: str | None) -> str:
    """Where a person asked to go on to. Not to the page that asks: that would go round in circles."""
    page = own_page(request, to)
    circle = page.partition("?")[0] == request.path
    return resolve_url(settings.LOGIN_REDIRECT_URL) if circle else page


def onward(request: HttpRequest) -> str:
    """The end of a link to the next step: whoever was led here from another page is led back there."""
    return f"?{urlencode({'next': request.GET['next']})}" if request.GET.get("next") else ""


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
