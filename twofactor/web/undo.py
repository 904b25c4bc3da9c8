"""What people can take back for a while. It waits in their session, under a random id.

The message that offers it has that id among its tags, and nothing more: a site may print those into a page.
"""

import secrets
from typing import Any

from django.contrib.messages.storage.base import Message
from django.http import HttpRequest
from django.utils import timezone

from twofactor.clocks import HOUR

KEY = "twofactor_undo"  # in the session
TAG = "tf-undo-"
UNDO_FOR = HOUR
MOST = 10  # in one session; the oldest make room


class TooLate(Exception):
    """It waits no more, or what it would take back has changed meanwhile."""


def offer(request: HttpRequest, to: str, row: str, **what: Any) -> str:
    """Returns the tag for the message. `to` is the view that calls take(), `row` what its answer replaces."""
    tag = TAG + secrets.token_hex(8)
    others = list(request.session.get(KEY, {}).items())[1 - MOST :]
    new = {"to": to, "row": row, "at": timezone.now().timestamp(), **what}
    request.session[KEY] = {**dict(others), tag: new}
    return tag


def find(request: HttpRequest, tag: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = request.session.get(KEY, {}).get(tag)
    if found and 0 <= timezone.now().timestamp() - found["at"] < UNDO_FOR.total_seconds():
        return found
    return None


def take(request: HttpRequest, to: str) -> dict[str, Any]:
    """What was offered to that view under the tag in the form. Raises TooLate."""
    tag = request.POST.get("undo", "")
    found = find(request, tag)
    if found is None or found["to"] != to:
        raise TooLate
    others = {each: what for each, what in request.session[KEY].items() if each != tag}
    request.session[KEY] = others
    return found


def offered_by(request: HttpRequest, message: Message) -> dict[str, Any] | None:
    """What the button in the message takes back, and its tag."""
    for tag in (message.extra_tags or "").split():
        if tag.startswith(TAG) and (found := find(request, tag)):
            return {**found, "tag": tag}
    return None
