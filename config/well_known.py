"""Addresses that programs know: how to report a security problem, and where a password is changed."""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone

from twofactor import conf
from twofactor.web.redirects import see_other

VALID_FOR = timedelta(days=180)  # RFC 9116: less than a year, so that nobody writes to an old contact
TEXT = "text/plain; charset=utf-8"


@login_not_required
def security_txt(request: HttpRequest) -> HttpResponse:
    if not settings.SECURITY_CONTACTS:
        raise Http404
    lines = [
        *(f"Contact: {contact}" for contact in settings.SECURITY_CONTACTS),
        f"Expires: {timezone.now() + VALID_FOR:%Y-%m-%dT00:00:00Z}",  # the same all day
        "Preferred-Languages: en",
        f"Canonical: {conf.base_url()}{request.path}",
    ]
    return HttpResponse("".join(f"{line}\n" for line in lines), content_type=TEXT)


@login_not_required
def change_password(request: HttpRequest) -> HttpResponse:
    """For password managers, who send people here (W3C, A Well-Known URL for Changing Passwords)."""
    return see_other("password_change")
