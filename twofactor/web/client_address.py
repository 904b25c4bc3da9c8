"""How our own views answer."""

import logging
from functools import cache

from django.http import HttpRequest

from twofactor import conf
from twofactor.web import ip

NO_ADDRESS = "0.0.0.0"  # noqa: S104 - which nobody has; nothing is bound to it
log = logging.getLogger("countersign.security")


def remote_address(request: HttpRequest) -> ip.Address | None:
    """Where a request comes from: what the site's own function says, else REMOTE_ADDR."""
    resolve = conf.client_address()
    return ip.parse(str(resolve(request) if resolve else request.META.get("REMOTE_ADDR", "")))


def client_address(request: HttpRequest) -> str:
    """Whom limits count by. Limits that count by the address alone do not count NO_ADDRESS (has_address)."""
    address = remote_address(request)
    if address is None:
        warn_of_no_address()
        return NO_ADDRESS
    return ip.customer(address)


def has_address(client: str) -> bool:
    """All who come without one would share a limit, and one of them could use it up for everybody."""
    return client != NO_ADDRESS


@cache
def warn_of_no_address() -> None:
    """Once for a process, not for every request."""
    log.warning(
        "REMOTE_ADDR is no address, so no limit counts by address. Behind a unix socket, let the proxy set "
        "X-Real-IP, and set TRUSTED_PROXIES=unix (in a site of your own: TWOFACTOR_CLIENT_ADDRESS)"
    )
