"""Logs one line of JSON for each record, without personal data, and mails errors to the administrators."""

import json
import logging
import re
import time
import uuid
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from copy import copy
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.log import AdminEmailHandler
from django.views.debug import SafeExceptionReporterFilter

from twofactor.outgoing.timeout import run_in_background

# Extra fields that records of this app have.
FIELDS = ("event", "user", "session", "method", "channel", "by")

ERROR_MAIL = "error mail"  # the name of the threads
ERROR_MAILS = 30  # of one process, in ERROR_MAILS_IN
ERROR_MAILS_OF_A_KIND = 3
ERROR_MAILS_FOR_NEW_KINDS = 10  # of those: reserved for the first error of each kind
ERROR_MAILS_IN = 3600  # seconds
LAST_MAIL = "(The last email about this for an hour. The log has the others.)"

request_id: ContextVar[str] = ContextVar("request_id", default="")


class RequestId:
    """Gives each request an id, which its log lines and its response carry."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = request_id.set(uuid.uuid4().hex)
        vars(request)["id"] = request_id.get()  # Django logs a 4xx after this middleware has returned
        try:
            response = self.get_response(request)
            response.headers["X-Request-ID"] = request_id.get()
            return response
        finally:
            request_id.reset(token)


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        request = getattr(record, "request", None)
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": without_path(record.getMessage(), request),
            "request": request_id.get() or getattr(request, "id", ""),
        }
        line |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)  # escapes line breaks, so that nobody can forge a line


def without_path(message: str, request: Any) -> str:
    """With the route in place of the path, which may contain the token of a link or an email address."""
    path = getattr(request, "path", "")
    match = getattr(request, "resolver_match", None)
    return message.replace(path, f"/{match.route}" if match else "(no such page)") if path else message


ErrorKind = tuple[str, str, str]


def kind_of(record: logging.LogRecord) -> ErrorKind:
    """Logger, exception, and the route of the page or, outside of a request, the line that logged it."""
    match = getattr(getattr(record, "request", None), "resolver_match", None)
    exception = record.exc_info[0] if record.exc_info else None
    place = match.route if match else f"{record.pathname}:{record.lineno}"
    return record.name, exception.__qualname__ if exception else "", place


def with_last_mail_note(record: logging.LogRecord) -> logging.LogRecord:
    changed = copy(record)
    changed.msg, changed.args = f"{record.getMessage()} {LAST_MAIL}", None
    return changed


class ErrorMailHandler(AdminEmailHandler):
    """Mails errors in a thread, so that no request waits for the mail server, and limits how many.

    Each kind of error is counted by itself, so that one that any client can cause does not hide the others.
    Records of django.security are left out: they mean that Django refused a request, and nothing is broken.
    The outbox is not used, because the database may be what is broken.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.latest: deque[tuple[float, ErrorKind]] = deque(maxlen=ERROR_MAILS)

    def emit(self, record: logging.LogRecord) -> None:
        if not settings.ADMINS or record.name.startswith("django.security"):
            return
        now, kind = time.time(), kind_of(record)
        recent = [mailed_kind for at, mailed_kind in self.latest if 0 <= now - at < ERROR_MAILS_IN]
        same, left = recent.count(kind), ERROR_MAILS - len(recent)
        if same:
            left = min(left - ERROR_MAILS_FOR_NEW_KINDS, ERROR_MAILS_OF_A_KIND - same)
        if left <= 0:
            return
        self.latest.append((now, kind))
        is_last = (
            same + 1 == ERROR_MAILS_OF_A_KIND or len(recent) + 1 >= ERROR_MAILS - ERROR_MAILS_FOR_NEW_KINDS
        )
        super().emit(with_last_mail_note(record) if is_last else record)

    def send_mail(self, *args: Any, **kwargs: Any) -> None:
        """One thread for each mail; emit() limits how many there are."""
        run_in_background(partial(self.try_to_send, super().send_mail, *args, **kwargs), ERROR_MAIL)

    def try_to_send(self, send_mail: Callable[..., None], *args: Any, **kwargs: Any) -> None:
        """A mail server that does not answer is ignored, because the log has the error already."""
        with suppress(OSError):  # includes the errors of smtplib; Django before 6.1 ignores them itself
            send_mail(*args, **kwargs)


class HideUserInput(SafeExceptionReporterFilter):
    """Keeps form values, cookies and local variables out of error mails."""

    hidden_settings = re.compile("API|AUTH|TOKEN|KEY|SECRET|PASS|SIGNATURE|COOKIE|DATABASE|EMAIL", re.I)

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        return dict.fromkeys(request.POST, self.cleansed_substitute) if request else {}

    def get_safe_cookies(self, request: HttpRequest | None) -> dict[str, Any]:
        return dict.fromkeys(request.COOKIES, self.cleansed_substitute) if request else {}

    def get_traceback_frame_variables(self, request: Any, tb_frame: Any) -> Any:
        variables = super().get_traceback_frame_variables(request, tb_frame)
        if not self.is_active(request):
            return variables
        return [(name, self.cleansed_substitute) for name, _ in variables]
