"""Who is asking, and over which scheme, when a proxy stands in front."""

import logging
from collections.abc import Callable
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from twofactor.web import ip

UNIX = "unix"  # in TRUSTED_PROXIES: whoever reaches the socket of the site, which tells no address

log = logging.getLogger("countersign.security")


class TrustedProxy:
    """Believe X-Forwarded-Proto and the client's address, but only from who is in TRUSTED_PROXIES.

    The address is in X-Real-IP, which the proxy must set, or in X-Forwarded-For, to which each proxy appends:
    read from the right, the first that is no proxy of ours. What stands left of it, the client wrote.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        text = request.META.get("REMOTE_ADDR", "")
        address = ip.parse(text)
        if is_trusted(address) or (not text and UNIX in settings.TRUSTED_PROXIES):
            if request.META.get("HTTP_X_FORWARDED_PROTO") == "https":
                request.META["wsgi.url_scheme"] = "https"  # the dictionary that request.is_secure() reads
            address = told_by_proxy(request.META) or address
        if address:
            request.META["REMOTE_ADDR"] = str(address)
        return self.get_response(request)


def is_trusted(address: ip.Address | None) -> bool:
    networks = (network for network in settings.TRUSTED_PROXIES if network != UNIX)
    return address is not None and any(address in network for network in networks)


def told_by_proxy(meta: dict[str, Any]) -> ip.Address | None:
    """A proxy that sets one of the two headers may pass the other on as the client wrote it: if they say
    different things, nobody knows which to believe.

    X-Real-IP may name the outer of two proxies, but then the inner one has put it at the end of the list.
    """
    alone = ip.parse(meta.get("HTTP_X_REAL_IP", "").strip())
    hops = meta.get("HTTP_X_FORWARDED_FOR", "")
    from_list = read_from_the_right(hops)
    if alone and from_list and alone not in {from_list, ip.parse_hop(hops.rpartition(",")[2])}:
        warn_of_two_addresses()
        return None
    return from_list or alone


def read_from_the_right(hops: str) -> ip.Address | None:
    """Nothing beyond an entry that is no address: as far as there, proxies of ours have told."""
    found = None
    for hop in reversed(hops.split(",")):
        address = ip.parse_hop(hop)
        if address is None:
            return found
        found = address
        if not is_trusted(address):
            return found
    return found


@cache
def warn_of_two_addresses() -> None:
    """Once, because any client can cause it."""
    log.warning(
        "X-Real-IP and X-Forwarded-For name different clients, so neither is believed: "
        "let the proxy set both, or set one and remove the other"
    )
