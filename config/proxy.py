"""Finds the address and scheme of a client behind proxies."""

import logging
from collections.abc import Callable
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from twofactor.web import ip

UNIX = "unix"  # in TRUSTED_PROXIES: trust every client of the Unix socket, which has no addresses

# All requests through a socket whose headers disagree share it in limits. Nobody has this address.
DISPUTED = ip.parse("0.0.0.1")

log = logging.getLogger("countersign.security")


class TrustedProxy:
    """Accept X-Forwarded-Proto and the client's address only from TRUSTED_PROXIES.

    The address is in X-Real-IP, which the proxy must set, or in X-Forwarded-For, to which each proxy appends.
    There it is the first from the right that is not a trusted proxy; the client may have written the rest.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        text = request.META.get("REMOTE_ADDR", "")
        address = ip.parse(text)
        if is_trusted(address) or (not text and UNIX in settings.TRUSTED_PROXIES):
            if request.META.get("HTTP_X_FORWARDED_PROTO") == "https":
                request.META["wsgi.url_scheme"] = "https"  # the dictionary that request.is_secure() reads
            address = address_from_headers(request.META, address) or address
        if address:
            request.META["REMOTE_ADDR"] = str(address)
        return self.get_response(request)


def is_trusted(address: ip.Address | None) -> bool:
    networks = (network for network in settings.TRUSTED_PROXIES if network != UNIX)
    return address is not None and any(address in network for network in networks)


def address_from_headers(meta: dict[str, Any], peer: ip.Address | None) -> ip.Address | None:
    """The peer if the two headers disagree: a proxy that sets one may pass on the other from the client.

    X-Real-IP may name the outer of two proxies; the inner one has then put it at the end of the list, too.
    """
    real_ip = ip.parse(meta.get("HTTP_X_REAL_IP", "").strip())
    hops = meta.get("HTTP_X_FORWARDED_FOR", "")
    forwarded_for = client_of_hops(hops)
    if real_ip and forwarded_for and real_ip not in {forwarded_for, ip.parse_hop(hops.rpartition(",")[2])}:
        warn_of_two_addresses()
        return peer or DISPUTED  # else one header more would leave a client without any limit by address
    return forwarded_for or real_ip


def client_of_hops(hops: str) -> ip.Address | None:
    """Stops at an entry that is no address, because only entries to its right come from our proxies."""
    client = None
    for hop in reversed(hops.split(",")):
        address = ip.parse_hop(hop)
        if address is None:
            return client
        client = address
        if not is_trusted(address):
            return client
    return client


@cache
def warn_of_two_addresses() -> None:
    """Logged once for each process, because any client can cause it."""
    log.warning(
        "X-Real-IP and X-Forwarded-For name different clients, so neither is believed: "
        "let the proxy set both, or set one and remove the other"
    )
