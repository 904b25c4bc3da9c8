"""Middleware for a site behind proxies: the client's address in REMOTE_ADDR, and whether it uses HTTPS."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from twofactor.web import proxies


class TrustedProxy:
    """Believes X-Forwarded-Proto, and what tells the client's address, from trusted proxies only.

    For what knows nothing of TWOFACTOR_TRUSTED_PROXIES: django-axes, and Django's request.is_secure().
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        is_https = request.META.get("HTTP_X_FORWARDED_PROTO") == "https"
        if is_https and proxies.is_from_proxy(request.META):
            request.META["wsgi.url_scheme"] = "https"  # the dictionary that request.is_secure() reads
        address = proxies.client_of(request.META)
        if address:
            request.META["REMOTE_ADDR"] = str(address)
        return self.get_response(request)
