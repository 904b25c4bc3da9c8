"""Forms that were sent when the step-up had run out: kept until it is made again, then offered for sending.

In the session, so for nobody else, and each as long as a step-up lasts: from when it was sent, and once more
from the confirmation.
"""

import json
import re
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from twofactor.signin.step_up import STEP_UP_AGE

KEPT_FORMS = "twofactor_kept_forms"  # in the session: {path: form}, the oldest first
MAX_BYTES = 16 * 1024  # of all together: the session is read at each request
FORM_TYPES = {"application/x-www-form-urlencoded", "multipart/form-data"}
CSRF_FIELD = "csrfmiddlewaretoken"
SECRET_FIELD = re.compile(
    r"passw|passphrase|secret|token|(^|[-_])(otp|totp|pin)\d*([-_]|$)|(^|-)((backup|input|sent)_)?code$",
    re.IGNORECASE,
)


def keep(request: HttpRequest) -> None:
    """Without files, passwords and codes. A form of which nothing is left is not kept."""
    sent = [(name, values) for name, values in request.POST.lists() if name != CSRF_FIELD]
    fields = [[name, value] for name, values in sent if not is_secret(request, name) for value in values]
    if request.content_type not in FORM_TYPES or (sent and not fields):
        return
    path = request.get_full_path()
    form = {"at": now(), "fields": fields, "had_files": bool(request.FILES), "confirmed": False}
    if size({path: form}) > MAX_BYTES:
        return
    kept = find_all(request)
    kept.pop(path, None)
    kept[path] = form
    while size(kept) > MAX_BYTES:
        del kept[next(iter(kept))]
    store(request, kept)


def size(kept: dict[str, Any]) -> int:
    return len(json.dumps(kept))


def store(request: HttpRequest, kept: dict[str, Any]) -> None:
    if kept:
        request.session[KEPT_FORMS] = kept
    else:
        request.session.pop(KEPT_FORMS, None)


def is_secret(request: HttpRequest, name: str) -> bool:
    """By its name, or because the site says so with Django's sensitive_post_parameters."""
    named = getattr(request, "sensitive_post_parameters", ())
    return named == "__ALL__" or name in named or bool(SECRET_FIELD.search(name))


def confirm(request: HttpRequest, path: str) -> bool:
    """Is there a form for this path? If so, it may be sent from now on."""
    kept = find_all(request)
    if path not in kept:
        return False
    store(request, {**kept, path: {**kept[path], "at": now(), "confirmed": True}})
    return True


def find_confirmed(request: HttpRequest, path: str) -> dict[str, Any] | None:
    form = find_all(request).get(path)
    return form if form and form["confirmed"] else None


def find_all(request: HttpRequest) -> dict[str, dict[str, Any]]:
    kept = request.session.get(KEPT_FORMS, {})
    oldest, newest = now() - STEP_UP_AGE.total_seconds(), now()
    return {path: form for path, form in kept.items() if oldest <= form["at"] <= newest}


def forget(request: HttpRequest) -> None:
    """When it has been sent again."""
    if request.method == "POST" and KEPT_FORMS in request.session:
        kept = find_all(request)
        kept.pop(request.get_full_path(), None)
        store(request, kept)


def forget_old(request: HttpRequest) -> None:
    """At each request."""
    if KEPT_FORMS in request.session and find_all(request) != request.session[KEPT_FORMS]:
        store(request, find_all(request))


def now() -> int:
    return int(timezone.now().timestamp())
