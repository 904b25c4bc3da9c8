"""Which row of the list of devices a request belongs to: its session, or its sign-in over the API."""

from uuid import UUID, uuid4

from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest

from twofactor.sessions.contents import TRUSTED_BROWSER

DEVICE_ID = "twofactor_device_id"  # an attribute of the request


def id_of_device(request: HttpRequest) -> UUID | None:
    """None for someone who is not signed in, and for a session of another engine than twofactor.sessions."""
    set_here: UUID | None = vars(request).get(DEVICE_ID)
    return set_here or id_of_session(request)


def id_of_session(request: HttpRequest) -> UUID | None:
    session_id: UUID | None = getattr(getattr(request, "session", None), "device_id", None)
    return session_id


def trusted_browser_of(request: HttpRequest) -> int | None:
    """The key of the row in TrustedBrowser that the session was opened with, or has made."""
    key: int | None = getattr(request, "session", {}).get(TRUSTED_BROWSER)
    return key


def set_id(request: HttpRequest, device_id: UUID) -> None:
    vars(request)[DEVICE_ID] = device_id


def choose_id(request: HttpRequest) -> None:
    """For a sign-in that is recorded before there is a session: the id that it will have.

    A session of nobody keeps its id. One that another person has left does not: login() makes a new one.
    """
    if DEVICE_ID not in vars(request):  # the API has its own
        is_nobodys = SESSION_KEY not in getattr(request, "session", {})
        set_id(request, (id_of_session(request) if is_nobodys else None) or uuid4())


def give_to_session(request: HttpRequest) -> None:
    """After login(), the id that was chosen before it."""
    if DEVICE_ID in vars(request) and hasattr(request.session, "take_device_id"):
        request.session.take_device_id(vars(request)[DEVICE_ID])
