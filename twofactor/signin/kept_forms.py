"""Forms that were sent when the step-up had run out: kept until it is made again, then offered for sending.

In the session, so for nobody else, and each as long as a step-up lasts: from when it was sent, and once more
from the confirmation. Each has a random id, which the redirect after it puts into the address of the confirm
page. So a form that was sent with a stolen cookie is not offered to the owner of the account, who confirms
without that id.
"""

import json
import re
import secrets
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.text import Truncator

from twofactor import conf

KEPT_FORMS = "twofactor_kept_forms"  # in the session: {id: form}, the oldest first
ID_FIELD = "kept"  # in the query of the confirm page
MAX_BYTES = 16 * 1024  # of all together: the session is read at each request
SHOWN_CHARACTERS = 200
FORM_TYPES = {"application/x-www-form-urlencoded", "multipart/form-data"}
CSRF_FIELD = "csrfmiddlewaretoken"
SECRET_FIELD = re.compile(  # after "auth" not "or", as in author, unless it is authorize
    r"pass|pwd|secret|token|credential|recovery|verif|sms|mfa|2fa|cv[cv]|auth(?!or(?!i[sz]))"
    r"|(security|api|private)[-_ ]?(code|key)"
    r"|(^|[-_])(otp|totp|pin)\d*([-_]|$)|(^|-)((backup|input|sent)_)?code$",
    re.IGNORECASE,
)


def keep(request: HttpRequest) -> str:
    """Without files, passwords and codes. Its id, or "" if it is not kept, as when nothing of it is left."""
    sent = [(name, values) for name, values in request.POST.lists() if name != CSRF_FIELD]
    fields = [[name, value] for name, values in sent if not is_secret(request, name) for value in values]
    had_secrets = any(is_secret(request, name) and any(values) for name, values in sent)
    if request.content_type not in FORM_TYPES or (sent and not fields):
        return ""
    form_id, path = secrets.token_urlsafe(16), request.get_full_path()
    left_out = {"had_files": bool(request.FILES), "had_secrets": had_secrets}
    form = {"path": path, "at": now(), "fields": fields, "confirmed": False, **left_out}
    if size({form_id: form}) > MAX_BYTES:
        return ""
    kept = {**find_all(request), form_id: form}
    while size(kept) > MAX_BYTES:
        del kept[next(iter(kept))]
    store(request, kept)
    return form_id


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


def find(request: HttpRequest, path: str) -> dict[str, Any] | None:
    """The form with the id in the query, if it was sent to the path."""
    form = find_all(request).get(request.GET.get(ID_FIELD, ""))
    return form if form and form["path"] == path else None


def confirm(request: HttpRequest, path: str) -> str:
    """The id of the form for this path, which may be sent from now on. "" if there is none."""
    form = find(request, path)
    if not form:
        return ""
    form_id = request.GET[ID_FIELD]
    store(request, {**find_all(request), form_id: {**form, "at": now(), "confirmed": True}})
    return form_id


def find_confirmed(request: HttpRequest, path: str) -> dict[str, Any] | None:
    form = find(request, path)
    return form if form and form["confirmed"] else None


def shown_fields(form: dict[str, Any]) -> list[tuple[str, str]]:
    """For reading: without the spaces that would push the rest of a long value out of sight."""
    return [(shorten(name), shorten(value)) for name, value in form["fields"]]


def shorten(text: str) -> str:
    return Truncator(" ".join(text.split())).chars(SHOWN_CHARACTERS)


def find_all(request: HttpRequest) -> dict[str, dict[str, Any]]:
    kept = request.session.get(KEPT_FORMS, {})
    oldest, newest = now() - conf.step_up_age().total_seconds(), now()
    return {form_id: form for form_id, form in kept.items() if oldest <= form["at"] <= newest}


def forget(request: HttpRequest) -> None:
    """When it has been sent again."""
    if request.method == "POST" and KEPT_FORMS in request.session:
        path = request.get_full_path()
        store(request, {key: form for key, form in find_all(request).items() if form["path"] != path})


def forget_old(request: HttpRequest) -> None:
    """At each request."""
    if KEPT_FORMS in request.session and find_all(request) != request.session[KEPT_FORMS]:
        store(request, find_all(request))


def now() -> int:
    return int(timezone.now().timestamp())
