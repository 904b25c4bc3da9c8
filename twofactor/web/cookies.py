"""Our own cookies: HttpOnly, SameSite=Lax, and Secure wherever the session's cookie is."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse

DRAFT = "twofactor_draft"  # views/drafts.py writes it, and signing out drops it


def name(short: str) -> str:
    """With the prefix __Host-, so that a subdomain cannot set it. Browsers accept it over HTTPS only."""
    return f"__Host-{short}" if settings.SESSION_COOKIE_SECURE else short


def read(request: HttpRequest, short: str) -> str:
    return request.COOKIES.get(name(short), "")


def write(response: HttpResponse, short: str, value: str, max_age: int | None = None) -> None:
    """Until the browser is closed, unless an age is given."""
    secure = bool(settings.SESSION_COOKIE_SECURE)
    response.set_cookie(name(short), value, max_age=max_age, secure=secure, httponly=True, samesite="Lax")


def drop(response: HttpResponse, short: str) -> None:
    write(response, short, "", max_age=0)
