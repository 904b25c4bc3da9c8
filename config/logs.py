"""One line of JSON for each thing that happened, without anything that belongs to a person."""

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

from twofactor.outgoing.timeout import in_background

# What our own lines carry beside the message.
FIELDS = ("event", "user", "session", "method", "channel", "by")

ERROR_MAIL = "error mail"
ERROR_MAILS = 30  # of one process
ERROR_MAILS_OF_A_KIND = 3
ERROR_MAILS_FOR_NEW_KINDS = 10  # of all: what repeats itself may not take these
ERROR_MAILS_IN = 3600  # seconds
LAST_MAIL = "(The last mail about this for an hour: the log has the others)"

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


Kind = tuple[str, str, str]


def kind_of(record: logging.LogRecord) -> Kind:
    """The logger, the exception, and the page by its route, or else the line that logged it."""
    match = getattr(getattr(record, "request", None), "resolver_match", None)
    raised = record.exc_info[0] if record.exc_info else None
    place = match.route if match else f"{record.pathname}:{record.lineno}"
    return record.name, raised.__qualname__ if raised else "", place


def with_note(record: logging.LogRecord) -> logging.LogRecord:
    noted = copy(record)
    noted.msg, noted.args = f"{record.getMessage()} {LAST_MAIL}", None
    return noted


class ErrorMail(AdminEmailHandler):
    """Beside the request, which would wait for the mail server; few, because a stranger may cause them.

    They are counted by kind, so that an error that anybody can cause hides no other. What Django calls a
    security matter is a request that it refused: any stranger can send those, and nothing is broken.

    Not through the outbox: the database may be what is broken.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.latest: deque[tuple[float, Kind]] = deque(maxlen=ERROR_MAILS)

    def emit(self, record: logging.LogRecord) -> None:
        if not settings.ADMINS or record.name.startswith("django.security"):
            return
        now, kind = time.time(), kind_of(record)
        recent = [mailed for at, mailed in self.latest if 0 <= now - at < ERROR_MAILS_IN]
        before, room = recent.count(kind), ERROR_MAILS - len(recent)
        if before:
            room = min(room - ERROR_MAILS_FOR_NEW_KINDS, ERROR_MAILS_OF_A_KIND - before)
        if room <= 0:
            return
        self.latest.append((now, kind))
        is_last = (
            before + 1 == ERROR_MAILS_OF_A_KIND or len(recent) + 1 >= ERROR_MAILS - ERROR_MAILS_FOR_NEW_KINDS
        )
        super().emit(with_note(record) if is_last else record)

    def send_mail(self, *args: Any, **kwargs: Any) -> None:
        """In a thread of its own, of which there are no more than mails."""
        in_background(partial(self.try_to_send, super().send_mail, *args, **kwargs), ERROR_MAIL)

    def try_to_send(self, send_mail: Callable[..., None], *args: Any, **kwargs: Any) -> None:
        """The log has the error already, so a mail server that is away is no further one."""
        with suppress(OSError):  # which smtplib's errors are; Django before 6.1 drops them by itself
            send_mail(*args, **kwargs)


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
