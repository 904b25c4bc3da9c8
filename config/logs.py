"""One line of JSON for each thing that happened, without anything that belongs to a person."""

import json
import logging
import re
import time
import uuid
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.log import AdminEmailHandler
from django.views.debug import SafeExceptionReporterFilter

from twofactor.deadline import in_background

# What our own lines carry beside the message.
FIELDS = ("event", "user", "session", "method", "channel", "by")

ERROR_MAIL = "error mail"
ERROR_MAILS = 10  # of one process
ERROR_MAILS_IN = 3600  # seconds

request_id: ContextVar[str] = ContextVar("request_id", default="")


class RequestId:
    """What ties the lines of one request together; the answer carries it too, for whoever asks for help."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = request_id.set(uuid.uuid4().hex)
        vars(request)["id"] = request_id.get()  # Django logs its 4xx when the answer has left us already
        try:
            response = self.get_response(request)
            response.headers["X-Request-ID"] = request_id.get()
            return response
        finally:
            request_id.reset(token)


class JsonLines(logging.Formatter):
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
        return json.dumps(line, default=str)  # which escapes whatever could begin a line of its own


def without_path(message: str, request: Any) -> str:
    """The page by its route: in the path itself may be the token of a link, or an address somebody typed."""
    path = getattr(request, "path", "")
    match = getattr(request, "resolver_match", None)
    return message.replace(path, f"/{match.route}" if match else "(no such page)") if path else message


class ErrorMail(AdminEmailHandler):
    """Beside the request, which would wait for the mail server; few, because a stranger may cause them.

    Not through the outbox: the database may be what is broken.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.latest: deque[float] = deque(maxlen=ERROR_MAILS)

    def emit(self, record: logging.LogRecord) -> None:
        now = time.time()
        is_full = len(self.latest) == ERROR_MAILS and 0 <= now - self.latest[0] < ERROR_MAILS_IN
        if settings.ADMINS and not is_full:
            self.latest.append(now)
            super().emit(record)

    def send_mail(self, *args: Any, **kwargs: Any) -> None:
        """In a thread of its own, of which there are no more than mails."""
        in_background(partial(super().send_mail, *args, **kwargs), ERROR_MAIL)


class NothingTyped(SafeExceptionReporterFilter):
    """Error mails say where it went wrong, not what anybody typed or which cookies they had."""

    hidden_settings = re.compile("API|AUTH|TOKEN|KEY|SECRET|PASS|SIGNATURE|COOKIE|DATABASE|EMAIL", re.I)

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        return dict.fromkeys(request.POST, self.cleansed_substitute) if request else {}

    def get_safe_cookies(self, request: HttpRequest | None) -> dict[str, Any]:
        return dict.fromkeys(request.COOKIES, self.cleansed_substitute) if request else {}

    def get_traceback_frame_variables(self, request: Any, tb_frame: Any) -> Any:
        shown = super().get_traceback_frame_variables(request, tb_frame)
        return [(name, self.cleansed_substitute) for name, _ in shown] if self.is_active(request) else shown
