"""How our own views answer."""

from urllib.parse import urlencode, urljoin, urlsplit

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme

from twofactor import conf


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
