"""Mail to a person, as text and HTML, from templates that a site can override by file name."""

import logging
import time
import traceback
from contextlib import ExitStack, suppress
from functools import partial
from smtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused, SMTPSenderRefused
from typing import Any

from django.conf import settings
from django.core import mail as django_mail
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import translation

from twofactor import conf
from twofactor.outgoing.email_address import to_mail
from twofactor.outgoing.timeout import PAGE_SECONDS, TookTooLong, run_in_background, run_within

log = logging.getLogger("countersign.mail")

Templates = str | list[str]  # a list: the first that exists


class NotSent(Exception):
    """Says what went wrong, and whether because of this mail, or because no mail server answers.

    A server that was reached and then says nothing may be waiting for the server of the recipient.
    """

    def __init__(self, failure: BaseException, *, server_was_reached: bool = False) -> None:
        super().__init__(type(failure).__name__)
        refusals = (SMTPRecipientsRefused, SMTPSenderRefused, SMTPDataError)
        self.was_refused = isinstance(failure, refusals) or not is_server_failure(failure)
        self.is_about_the_letter = self.was_refused or server_was_reached


def is_server_failure(failure: BaseException) -> bool:
    """Anything else comes from a site's own mail backend, or from the contents of the mail."""
    return isinstance(failure, (SMTPException, OSError))


class Message(EmailMultiAlternatives):
    """Refuses to be sent after its time, when the person has been told that it was not sent."""

    ends_at = float("inf")
    server_was_reached = False

    def message(self, **kwargs: Any) -> Any:
        """Called by a mail backend that has reached its server."""
        if time.monotonic() > self.ends_at:
            raise TookTooLong
        return super().message(**kwargs)


def language_for(language: str) -> str:
    """The person's own language, or that of the page they are on."""
    return language or translation.get_language() or settings.LANGUAGE_CODE


def send(template: Templates, to: str, language: str, **context: Any) -> bool:
    """For mail that a page waits for. Returns whether the mail server took it."""
    try:
        deliver(compose(template, to, language_for(language), context))
    except NotSent as failure:
        log.error("mail not sent: %s", failure)
        return False
    return True


def compose(template: Templates, to: str, language: str, context: dict[str, Any]) -> Message:
    names = [template] if isinstance(template, str) else template
    with translation.override(language):
        context = context | {"site_name": conf.site_name(), "base_url": conf.base_url(), "to": to}
        message = Message(
            " ".join(render_to_string([f"{name}_subject.txt" for name in names], context).split()),
            render_to_string([f"{name}_message.txt" for name in names], context),
            to=[to],
            headers={"Auto-Submitted": "auto-generated"},
        )
        message.attach_alternative(
            render_to_string([f"{name}_message.html" for name in names], context), "text/html"
        )
    return message


def deliver(message: Message, seconds: float = PAGE_SECONDS) -> None:
    """Returns as soon as the server has the mail, before the connection is closed. Or NotSent."""
    message.ends_at = time.monotonic() + seconds
    try:
        message.to = [to_mail(address) for address in message.to]
        connection = run_within(seconds, partial(open_and_send, message, seconds))
    except Exception as failure:  # a site's own mail backend may raise anything
        if not is_server_failure(failure):
            # Without the text of the exception, which may contain the address or the code.
            at = traceback.extract_tb(failure.__traceback__)[-1]
            log.error("mail not sent: %s at line %s of %s", type(failure).__name__, at.lineno, at.filename)
        raise NotSent(failure, server_was_reached=message.server_was_reached) from failure
    run_in_background(partial(close, connection))


def open_and_send(message: Message, seconds: float) -> Any:
    """Once the server is reached it gets the full time for each answer: a late one may still mean success."""
    connection = get_connection()
    with ExitStack() as after_failure:
        after_failure.callback(close, connection)
        connection.open()
        if socket := getattr(getattr(connection, "connection", None), "sock", None):
            socket.settimeout(seconds)
            message.server_was_reached = True
        connection.send_messages([message])
        after_failure.pop_all()
    return connection


def close(connection: Any) -> None:
    with suppress(OSError):  # smtplib's exceptions are OSErrors, too
        connection.close()


def get_connection() -> Any:
    """Of the site's mail backend, which has a name since Django 6.1."""
    return django_mail.mailers.default if hasattr(django_mail, "mailers") else django_mail.get_connection()
