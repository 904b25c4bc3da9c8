"""Finds the client of a request that has come through proxies: TWOFACTOR_TRUSTED_PROXIES.

The client is in X-Real-IP, which the proxy must set, or in X-Forwarded-For, to which each proxy appends:
there it is the first from the right that is not a trusted proxy. The client may have written the rest.
"""

import logging
from collections.abc import Mapping
from functools import cache
from typing import Any

from twofactor import conf, ip

# All requests through a socket whose headers disagree share it in limits. Nobody has this address.
DISPUTED = ip.parse("0.0.0.1")

log = logging.getLogger("countersign.security")


def client_of(meta: Mapping[str, Any]) -> ip.Address | None:
    """From the META of a request. None if the server names no address, as on a Unix socket."""
    peer = peer_of(meta)
    return (address_from_headers(meta, peer) or peer) if is_from_proxy(meta) else peer


def peer_of(meta: Mapping[str, Any]) -> ip.Address | None:
    return ip.parse(meta.get("REMOTE_ADDR", ""))


def is_from_proxy(meta: Mapping[str, Any]) -> bool:
    """Only then are the headers of proxies believed, because anyone can send them."""
    return is_trusted(peer_of(meta)) or (not meta.get("REMOTE_ADDR") and conf.trusts_unix_socket())


def is_trusted(address: ip.Address | None) -> bool:
    return address is not None and any(address in network for network in conf.trusted_networks())


def address_from_headers(meta: Mapping[str, Any], peer: ip.Address | None) -> ip.Address | None:
    """The peer if the two headers disagree: a proxy that sets one may pass on the other from the client.

    So does a list that ends in no address, such as "unknown": it was not the client who wrote the end.
    X-Real-IP may name the outer of two proxies; the inner one has then put it at the end of the list, too.
    """
    real_ip = ip.parse(meta.get("HTTP_X_REAL_IP", "").strip())
    hops = meta.get("HTTP_X_FORWARDED_FOR", "")
    forwarded_for = client_of_hops(hops)
    if real_ip and hops and real_ip not in {forwarded_for, ip.parse_hop(hops.rpartition(",")[2])}:
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
        "X-Real-IP and X-Forwarded-For do not name the same client, so neither is believed: "
        "let the proxy set both, or set one and remove the other"
    )
