"""How many messages anybody can have us send: to one address, from one browser, from one network."""

import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from twofactor import sealing
from twofactor.clocks import HOUR
from twofactor.limits.allowances import Charge, Limit, take_all
from twofactor.outgoing.email_address import normalise
from twofactor.web import cookies
from twofactor.web.client_address import client_address, has_address

# Each kind of mail (to sign up, to reset a password, to confirm or change an address) is counted apart.
TO_ADDRESS = Limit("mails that strangers ask for to one address", 3, HOUR)
FROM_BROWSER = Limit("mails that strangers ask for from one browser", 10, HOUR)
FROM_NETWORK = Limit("mails that strangers ask for from one network", 100, HOUR)

COOKIE = "asking"
COOKIE_AGE = timedelta(days=1)
PURPOSE = "asking browser"


def may_send(kind: str, address: str, request: HttpRequest, now: datetime) -> bool:
    """Counted before anything is sent. Too much for the address: nobody is told, and the answer is the same.

    Too much from the browser or the network: TooOften, which says nothing about any account. The
    browser comes first, so that one alone does not use up what its whole network may ask for.
    """
    network, browser = client_address(request), asker(request)
    charges: list[Charge] = [(FROM_BROWSER, f"{kind}:{browser}")] if browser else []
    charges += [(FROM_NETWORK, f"{kind}:{network}")] if has_address(network) else []
    take_all(charges, now)
    to = hashlib.sha256(normalise(address).encode()).hexdigest()[:32]
    return TO_ADDRESS.take(f"{kind}:{to}", now)


def asker(request: HttpRequest) -> str | None:
    """Who is signed in, or the browser by the note that we gave it. Without one, only the network counts."""
    if request.user.is_authenticated:
        return f"user {request.user.pk}"
    try:
        found = sealing.unseal(PURPOSE, "", cookies.read(request, COOKIE), timezone.now(), COOKIE_AGE)
    except sealing.Unopenable:
        return None
    return str(found)


def gives_note(view: Callable[..., Any]) -> Callable[..., Any]:
    """Whoever opens the form gets the note, so that what is answered to its POST has no cookie to tell."""

    @wraps(view)
    def noted(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = view(request, *args, **kwargs)
        if request.method == "GET" and asker(request) is None:
            note = sealing.seal(PURPOSE, "", secrets.token_hex(8), timezone.now())
            cookies.write(response, COOKIE, note, max_age=int(COOKIE_AGE.total_seconds()))
        return response

    return noted
