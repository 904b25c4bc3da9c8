"""For load balancers. Anyone can request these pages, so they give no details."""

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse

TEXT = "text/plain; charset=utf-8"


@login_not_required
def live(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type=TEXT)


@login_not_required
def ready(request: HttpRequest) -> HttpResponse:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return HttpResponse("unavailable\n", status=503, content_type=TEXT)
    return HttpResponse("ok\n", content_type=TEXT)
