"""The address that limits count by and that the audit log keeps."""

import logging
from functools import cache

from django.http import HttpRequest

from twofactor import conf, ip
from twofactor.web import proxies

NO_ADDRESS = "0.0.0.0"  # noqa: S104 - in place of an address; no socket is bound to it
log = logging.getLogger("countersign.security")


def remote_address(request: HttpRequest) -> ip.Address | None:
    """From the function that TWOFACTOR_CLIENT_ADDRESS names, else as TWOFACTOR_TRUSTED_PROXIES has it."""
    resolve = conf.client_address()
    return ip.parse(str(resolve(request))) if resolve else proxies.client_of(request.META)


def client_address(request: HttpRequest) -> str:
    """The key for limits: an IPv4 address or a network of IPv6. Ask has_address() before it is used alone."""
    address = remote_address(request)
    if address is None:
        warn_of_no_address()
        return NO_ADDRESS
    return ip.customer(address)


def has_address(client: str) -> bool:
    """False for NO_ADDRESS: all who come without one would share a limit, and one could use it up."""
    return client != NO_ADDRESS


@cache
def warn_of_no_address() -> None:
    """Once in each process."""
    log.warning(
        "REMOTE_ADDR is no address, so no limit counts by address. Behind a unix socket, let the proxy set "
        'X-Real-IP, and put "unix" into TWOFACTOR_TRUSTED_PROXIES'
    )
