"""What the list of devices shows of a request."""

from typing import Any

from django.http import HttpRequest

from twofactor.web import browser_names
from twofactor.web.client_address import remote_address


def browser_and_address(request: HttpRequest) -> dict[str, Any]:
    """As columns of models.Device. The address is None if the server has put something else there."""
    address = remote_address(request)
    return {
        "browser": browser_names.describe(request.headers.get("User-Agent", "")),
        "ip_address": str(address) if address else None,
    }
