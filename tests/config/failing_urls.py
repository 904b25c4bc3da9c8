"""The URLs of the site, and one that fails in each way there is an error page for."""

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_POST

from config.urls import handler400, handler403, handler404, handler500, urlpatterns

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


def raising(exception):
    @login_not_required
    def view(request):
        raise exception

    return view


@login_not_required
def shows(request, status):
    return render(request, f"{status}.html", status=status)


@login_not_required
@require_POST
def takes_a_post(request):
    return HttpResponse("taken")


urlpatterns = [
    *urlpatterns,
    path("broken/400/", raising(SuspiciousOperation("what an attacker typed"))),
    path("broken/403/", raising(PermissionDenied("a secret reason"))),
    path("broken/out-of-date/", takes_a_post),
    path("broken/500/", raising(RuntimeError("a secret reason"))),
    path("broken/503/", raising(OperationalError("a secret reason"))),
    path("broken/503-too/", raising(InterfaceError("a secret reason"))),
    path("broken/<int:status>/", shows),
]
