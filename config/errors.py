"""Error pages, which need no database. They are whole pages for htmx, too, which takes #main out of them."""

import json
import logging
import sys

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt  # noqa: TID251 - browsers send reports without a token
from django.views.decorators.http import require_POST

from twofactor.clocks import HOUR
from twofactor.limits.allowances import Limit
from twofactor.web.client_address import client_address
from twofactor.web.htmx import current_page

RETRY_SECONDS = 30
READ_ONLY = "25006"  # PostgreSQL's error code; Django has no exception for it
REPORT_BYTES = 4096
REPORTS_FROM_NETWORK = Limit("content security policy reports from one network", 20, HOUR)

log = logging.getLogger("countersign.csp")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if database_is_down(exception):  # Django reports a session it could not write as gone
        return service_unavailable(request)
    if isinstance(exception, SessionInterrupted):  # another tab has ended this session meanwhile
        return render(request, "409.html", status=409)
    return render(request, "400.html", status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "403.html", status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    if database_is_down(sys.exc_info()[1]):
        return service_unavailable(request)
    return render(request, "500.html", status=500)


def database_is_down(error: BaseException | None) -> bool:
    """It cannot be reached, is full, or is read-only, as a PostgreSQL primary after a failover."""
    if error is None:
        return False
    read_only = getattr(error, "sqlstate", "") == READ_ONLY
    if read_only or isinstance(error, OperationalError | InterfaceError):
        return True
    return database_is_down(error.__cause__ or error.__context__)


def service_unavailable(request: HttpRequest) -> HttpResponse:
    response = render(request, "503.html", status=503)
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


@login_not_required
def out_of_date(request: HttpRequest, reason: str = "") -> HttpResponse:
    """For a wrong CSRF token, usually after a sign-in in another tab. Leads back to the page of the form."""
    no_cookie = settings.CSRF_COOKIE_NAME not in request.COOKIES
    context = {"carry_on": current_page(request) or "/", "no_cookie": no_cookie}
    return render(request, "out_of_date.html", context, status=403)


@csrf_exempt  # browsers send these reports without a token
@login_not_required
@require_POST
def csp_report(request: HttpRequest) -> HttpResponse:
    """What a browser refused to load: a bug in a page, or an injected script."""
    if not REPORTS_FROM_NETWORK.charge(client_address(request), timezone.now()):
        return HttpResponse(status=204)  # not 429, which Django would log each time
    try:
        report = json.loads(request.read(REPORT_BYTES))["csp-report"]
        blocked = {key: str(report[key])[:200] for key in ("effective-directive", "blocked-uri")}
    except (ValueError, KeyError, TypeError, RecursionError):
        return HttpResponse(status=400)
    log.warning("content security policy violated: %s", json.dumps(blocked))
    return HttpResponse(status=204)
