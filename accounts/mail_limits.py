"""How many mails strangers can ask for: to one address, from one browser, from one network."""

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
from twofactor.limits.allowances import Charge, Limit, charge_all
from twofactor.outgoing.email_address import normalise
from twofactor.web import cookies
from twofactor.web.client_address import client_address, has_address

# Each kind of mail (to sign up, to reset a password, to confirm or change an address) is counted apart.
TO_ADDRESS = Limit("mails that strangers ask for to one address", 3, HOUR)
FROM_BROWSER = Limit("mails that strangers ask for from one browser", 10, HOUR)
FROM_NETWORK = Limit("mails that strangers ask for from one network", 100, HOUR)

COOKIE = "accounts_asking"
COOKIE_AGE = timedelta(days=1)
PURPOSE = "asking browser"


def may_send(kind: str, address: str, request: HttpRequest, now: datetime) -> bool:
    """Count one mail before it is sent.

    False if the address has had enough: the caller then answers as if the mail had been sent, so that the
    answer does not tell whether there is such an account. TooOften if the browser or the network asked too
    often, which tells nothing about accounts. The browser is counted before the network, so that one browser
    alone cannot use up what the others of its network may ask for.
    """
    browser, network = user_or_browser(request), client_address(request)
    charges: list[Charge] = [(FROM_BROWSER, f"{kind}:{browser}")] if browser else []
    charges += [(FROM_NETWORK, f"{kind}:{network}")] if has_address(network) else []
    charge_all(charges, now)
    digest = hashlib.sha256(normalise(address).encode()).hexdigest()[:32]
    return TO_ADDRESS.charge(f"{kind}:{digest}", now)


def user_or_browser(request: HttpRequest) -> str | None:
    """The signed-in user, or the number in the browser's cookie. None without either."""
    if request.user.is_authenticated:
        return f"user {request.user.pk}"
    try:
        number = sealing.unseal(PURPOSE, "", cookies.read(request, COOKIE), timezone.now(), COOKIE_AGE)
    except sealing.UnsealError:
        return None
    return str(number)


def sets_browser_cookie(view: Callable[..., Any]) -> Callable[..., Any]:
    """Set the cookie with the form, on GET: a cookie in the answer to the POST could tell what happened."""

    @wraps(view)
    def with_cookie(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = view(request, *args, **kwargs)
        if request.method == "GET" and user_or_browser(request) is None:
            token = sealing.seal(PURPOSE, "", secrets.token_hex(8), timezone.now())
            cookies.write(response, COOKIE, token, max_age=int(COOKIE_AGE.total_seconds()))
        return response

    return with_cookie
