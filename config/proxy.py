"""Who is asking, and over which scheme, when a proxy stands in front."""

from collections.abc import Callable
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse


class TrustedProxy:
    """Believe X-Forwarded-Proto and X-Real-IP, but only from the addresses in TRUSTED_PROXIES.

    X-Forwarded-For is not read: its left end is whatever the client wrote, and which of its other entries
    to believe depends on how many proxies append to it. The proxy must *set* X-Real-IP, not pass it on.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if self.trusts(request.META.get("REMOTE_ADDR", "")):
            if request.META.get("HTTP_X_FORWARDED_PROTO") == "https":
                request.META["wsgi.url_scheme"] = "https"  # the dictionary that request.is_secure() reads
            claimed = request.META.get("HTTP_X_REAL_IP", "").strip()
            if is_address(claimed):
                request.META["REMOTE_ADDR"] = claimed
        return self.get_response(request)

    def trusts(self, address: str) -> bool:
        return is_address(address) and any(ip_address(address) in net for net in settings.TRUSTED_PROXIES)


def is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
