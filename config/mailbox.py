"""Mail sent in development, readable in the browser. These pages exist only with DEBUG."""

import email.policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse

from twofactor.web.pages import page

SEPARATOR = b"-" * 79 + b"\n"  # Django's file backend writes this after each message


def messages() -> list[EmailMessage]:
    """Oldest first, so that the number of a message does not change."""
    folder = mail_folder()
    files = sorted(Path(folder).glob("*.log"), key=lambda file: file.stat().st_mtime_ns) if folder else []
    raw = [part for file in files for part in file.read_bytes().split(SEPARATOR) if part.strip()]
    return [email.message_from_bytes(part, policy=email.policy.default) for part in raw]


def mail_folder() -> Any:
    mailers = getattr(settings, "MAILERS", None)  # Django 6.1 and later
    if mailers:
        return mailers["default"].get("OPTIONS", {}).get("file_path")
    return getattr(settings, "EMAIL_FILE_PATH", None)


@login_not_required
def inbox(request: HttpRequest) -> HttpResponse:
    return page(request, "mailbox/inbox.html", mails=list(enumerate(messages()))[::-1])


@login_not_required
def message(request: HttpRequest, number: int) -> HttpResponse:
    mails = messages()
    if number >= len(mails):
        raise Http404
    body = mails[number].get_body(("plain",))
    text = body.get_content() if body else ""
    return page(request, "mailbox/message.html", mail=mails[number], text=text)
