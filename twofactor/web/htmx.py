"""Which answers htmx swaps into the page, and which load a new document. The middleware calls it.

The navigation bar and the CSRF token are those of the person the document was made for.
"""

from typing import Literal, cast
from urllib.parse import parse_qs, quote, urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME, SESSION_KEY
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django_htmx.http import push_url
from django_htmx.middleware import HtmxDetails

from twofactor import conf
from twofactor.web.pages import VARY, is_asked_by_htmx, load_document, swapped_element
from twofactor.web.redirects import is_sign_in, path_of, with_next
from twofactor.web.rows import RowResponse, asked_row

PAGE_OF = "X-Page-Of"  # whom the document was made for; nobody is the empty name
USER_BEFORE = "twofactor_user_before"  # who was signed in when the request came

# Milliseconds without an answer, after which the person is told. The scripts of the pages read it, too.
TIMEOUT = 15_000

# {version of htmx: its configuration}; {% htmx_config %} writes it into the page.
HTMX_CONFIG: dict[int, dict[str, object]] = {
    2: {
        "allowEval": False,  # the content security policy forbids it
        "allowScriptTags": False,  # no answer of ours brings a script
        "includeIndicatorStyles": False,  # the policy forbids a <style> element
        "attributesToSettle": ["class", "width", "height"],  # not "style", which the policy forbids
        "historyCacheSize": 0,  # pages with keys and codes are not kept in the browser's storage
        "refreshOnHistoryMiss": True,  # Back loads the whole page from the server
        "historyRestoreAsHxRequest": False,  # and the server sends no part of a page for it
        "timeout": TIMEOUT,
        "responseHandling": [
            {"code": "204", "swap": False},  # what the page shows is still true
            {"code": "[23]..", "swap": True},
            {"code": "422", "swap": True},  # the form, with its errors
            {  # an error is a whole page: its main part takes the place of ours
                "code": "[45]..",
                "swap": True,
                "error": True,
                "target": "#tf-main",
                "select": "#tf-main",
                "swapOverride": "outerHTML",
            },
        ],
    },
    4: {  # has no responseHandling: app.js does the same for error pages
        "includeIndicatorCSS": False,  # no style but that of our style sheets
        "history": "reload",  # Back loads the whole page from the server
        "defaultTimeout": TIMEOUT,
    },
}


class HtmxRequest(HttpRequest):
    htmx: HtmxDetails


def before(request: HttpRequest) -> HttpResponse | None:
    """Gives the request its htmx, unless the middleware of django-htmx has done so.

    Answers itself if the page that asks was made for another person.
    """
    if not hasattr(request, "htmx"):
        cast(HtmxRequest, request).htmx = HtmxDetails(request)
    if not is_asked_by_htmx(request):
        return None
    vars(request)[USER_BEFORE] = request.session.get(SESSION_KEY)
    if request.method == "GET" and is_page_of_someone_else(request):
        return load_document(HttpResponse(), whole_page(cast(HtmxRequest, request)))
    return None


def after(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Loads a new document when another person is signed in. Leaves pages of the site as they are."""
    if not is_asked_by_htmx(request):
        if request.method == "POST" and asks_to_sign_in(request, response):
            response.headers["Location"] = sign_in_again(request)
        return response
    patch_vary_headers(response, VARY)
    if "HX-Redirect" in response.headers:
        return response
    if "Location" in response.headers:
        return instead_of_redirect(request, response)
    return as_part(request, response) if swapped_element(request) else response


def instead_of_redirect(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    target = response.headers["Location"]
    if asks_to_sign_in(request, response):
        return load_document(response, sign_in_again(request))
    is_elsewhere = is_sign_in(target) or urlsplit(target).netloc
    if is_elsewhere or request.session.get(SESSION_KEY) != vars(request)[USER_BEFORE]:
        return load_document(response, target)
    return response


def as_part(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    if request.method == "POST" and response.status_code >= 400:
        return push_url(response, page_of_refusal(request, response))
    if is_of_site(response):
        return load_document(without_content(response), request.get_full_path())
    if asked_row(request) and not isinstance(response, RowResponse):
        return in_main_part(response, request.get_full_path())
    return response


def in_main_part(response: HttpResponse, page: str) -> HttpResponse:
    """A row's action led to a page of its own, for example to the one that asks for password and code."""
    response.headers["HX-Retarget"] = "#tf-main"
    response.headers["HX-Reswap"] = "innerHTML show:window:top"
    return push_url(response, page)


def is_page_of_someone_else(request: HttpRequest) -> bool:
    """Has another person signed in since? The token of a form says so too, and a link has none."""
    now, then = request.session.get(SESSION_KEY), request.headers.get(PAGE_OF)
    return now is not None and then is not None and then != name_in_header(now)


def name_in_header(pk: object) -> str:
    """A header takes no other characters."""
    return quote("" if pk is None else str(pk), safe="")


def whole_page(request: HtmxRequest) -> str:
    """The page that was asked for; or the one that the person is looking at, if a part of it was."""
    page = current_page(request).partition("#")[0]
    return page if page.partition("?")[0] == request.path else request.get_full_path()


def page_of_refusal(request: HttpRequest, response: HttpResponse) -> str | Literal[False]:
    """The address to push, or False: a refused form is no step in the history if it shows the same page."""
    page = response.headers.get("Content-Location", "")
    return page if page and page != current_page(request) else False


def is_of_site(response: HttpResponse) -> bool:
    """A page of the site or its admin, or a file: it cannot be swapped into a page of ours."""
    if response.status_code != 200 or isinstance(response, RowResponse):
        return False
    return response.streaming or not response.content.lstrip().startswith(b"<title>")


def without_content(response: HttpResponse) -> HttpResponse:
    """A response that streams takes no other content, so it is replaced."""
    if not response.streaming:
        return response
    response.close()
    replacement = HttpResponse()
    replacement.cookies = response.cookies
    return replacement


def asks_to_sign_in(request: HttpRequest, response: HttpResponse) -> bool:
    """Does it lead to the login page and back here? Signing out leads there too, but not back."""
    target = response.headers.get("Location", "")
    back = parse_qs(urlsplit(target).query).get(REDIRECT_FIELD_NAME)
    here = request.get_full_path()
    return is_sign_in(target) and back in ([here], [request.build_absolute_uri()], [conf.base_url() + here])


def tell_why(request: HttpRequest) -> None:
    if not vars(request).get("told_why"):
        messages.info(request, _("You were signed out. Sign in to continue."))


def current_page(request: HttpRequest) -> str:
    """The path of the page that the person is looking at, if htmx or the browser tells one of this site."""
    htmx = getattr(request, "htmx", None)
    page = (htmx.current_url if htmx else request.headers.get("Referer")) or ""
    path = path_of(page) if page.startswith(f"{request.scheme}://{request.get_host()}/") else ""
    return path if url_has_allowed_host_and_scheme(path, None) else ""  # //somewhere.else is no path of ours


def sign_in_again(request: HttpRequest) -> str:
    """The login page, and from there back to the page, not to the form or part of it that was asked for."""
    tell_why(request)
    page = current_page(request) or ("/" if getattr(request, "htmx", None) else request.get_full_path())
    return with_next(settings.LOGIN_URL, page)
