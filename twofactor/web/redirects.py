"""Where to go on to: redirects, and what a request may say about them in ?next=."""

from urllib.parse import urlencode, urljoin, urlsplit

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme

from twofactor import conf


def see_other(to: str) -> HttpResponse:
    """303, after which every client sends a GET; with 302 they may not.

    `to` is a path, the name of a URL, or the value of LOGIN_URL, which may be on another host.
    """
    return HttpResponseRedirect(resolve_url(to), status=303)


def with_next(page: str, back: str) -> str:
    """The address of the page with ?next=, which is an absolute URL if the page is on another host."""
    url = urlsplit(resolve_url(page))
    query = QueryDict(url.query, mutable=True)
    query[REDIRECT_FIELD_NAME] = urljoin(conf.base_url(), back) if url.netloc else back
    return url._replace(query=query.urlencode()).geturl()


def is_sign_in(url: str) -> bool:
    """Is it LOGIN_URL, whatever its query string?"""
    return urlsplit(url)[:3] == urlsplit(resolve_url(settings.LOGIN_URL))[:3]


def path_of(url: str) -> str:
    """Without scheme and host; empty if it cannot be parsed."""
    try:
        return urlsplit(url)._replace(scheme="", netloc="").geturl()
    except ValueError:
        return ""


def own_page(request: HttpRequest, to: str | None) -> str:
    """The path if it is one of this site, else LOGIN_REDIRECT_URL. `to` may come from the request."""
    path = (to or "").removeprefix(f"{request.scheme}://{request.get_host()}")
    safe = url_has_allowed_host_and_scheme(path, {request.get_host()}, require_https=request.is_secure())
    return path if path.startswith("/") and safe else resolve_url(settings.LOGIN_REDIRECT_URL)


def safe_next(request: HttpRequest, to: str | None) -> str:
    """As own_page(), but never the page that is asked for, which would redirect to itself."""
    page = own_page(request, to)
    circle = page.partition("?")[0] == request.path
    return resolve_url(settings.LOGIN_REDIRECT_URL) if circle else page


def next_or(request: HttpRequest, page: str) -> str:
    """The page of this site that ?next= names, or else the given one."""
    return safe_next(request, request.GET["next"]) if request.GET.get("next") else page


def onward(request: HttpRequest) -> str:
    """?next= of this request, to be added to the links of the next step."""
    return f"?{urlencode({'next': request.GET['next']})}" if request.GET.get("next") else ""
