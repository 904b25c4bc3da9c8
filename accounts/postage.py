"""How many messages anybody can have us send to one address, and from one place."""

import hashlib
from datetime import datetime, timedelta

from django.http import HttpRequest

from twofactor import budget
from twofactor.email_address import normalise
from twofactor.http import client_address

TO_ONE_ADDRESS = 3
FROM_ONE_PLACE = 10
WINDOW = timedelta(hours=1)


def may_send(kind: str, address: str, request: HttpRequest, now: datetime) -> bool:
    """Counted before it is sent. Who is refused gets the same answer as who is not."""
    to = hashlib.sha256(normalise(address).encode()).hexdigest()[:32]
    here = f"{kind}-from:{client_address(request)}"
    return budget.take(here, FROM_ONE_PLACE, WINDOW, now) and budget.take(
        f"{kind}-to:{to}", TO_ONE_ADDRESS, WINDOW, now
    )
