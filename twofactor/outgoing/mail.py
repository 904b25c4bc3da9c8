"""Mail that a person gets: text and HTML from templates that a site can override by file name."""

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
from twofactor.outgoing.timeout import TookTooLong, in_background, within

log = logging.getLogger("countersign.mail")

PATIENCE = 5.5  # seconds for a mail server; a page that waits for it is due within six
Templates = str | list[str]  # of several, the first that exists


class NotSent(Exception):
    """With the name of what went wrong, and whether it is about this one letter or the server is away.

    A server that was reached and then says nothing may be waiting for that of the recipient.
    """

    def __init__(self, failure: BaseException, *, server_was_reached: bool = False) -> None:
        super().__init__(type(failure).__name__)
        refusals = (SMTPRecipientsRefused, SMTPSenderRefused, SMTPDataError)
        self.was_refused = isinstance(failure, refusals) or not is_of_mail_servers(failure)
        self.is_about_the_letter = self.was_refused or server_was_reached


def is_of_mail_servers(failure: BaseException) -> bool:
    """Or of a site's own back-end, or of what is in the letter."""
    return isinstance(failure, (SMTPException, OSError))


class Message(EmailMultiAlternatives):
    """Is not sent after its time, when whoever wanted it has been told that it was not."""

    ends_at = float("inf")
    server_was_reached = False

    def message(self, **kwargs: Any) -> Any:
        """Asked for by a mail back-end that has reached its server."""
        if time.monotonic() > self.ends_at:
            raise TookTooLong
        return super().message(**kwargs)


def spoken(language: str) -> str:
    """The person's own, else that of the page they are on."""
    return language or translation.get_language() or settings.LANGUAGE_CODE


def send(template: Templates, to: str, language: str, **context: Any) -> bool:
    """Whether the mail server took it, for mail that the person is waiting for."""
    try:
        hand_over(compose(template, to, spoken(language), context))
    except NotSent as failure:
        log.error("mail not sent: %s", failure)
        return False
    return True


def compose(template: Templates, to: str, language: str, context: dict[str, Any]) -> Message:
    names = [template] if isinstance(template, str) else template
    with translation.override(language):
        context |= {"site_name": conf.site_name(), "base_url": conf.base_url(), "to": to}
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


def hand_over(message: Message, seconds: float = PATIENCE) -> None:
    """Comes back as soon as the server has the letter; nobody waits for the goodbye."""
    message.ends_at = time.monotonic() + seconds
    try:
        message.to = [to_mail(address) for address in message.to]
        server = within(seconds, partial(deliver, message, seconds))
    except Exception as failure:  # a site's own back-end may raise anything, and the next letter is another
        if not is_of_mail_servers(failure):
            # Not with its text, in which may be the address or the code.
            at = traceback.extract_tb(failure.__traceback__)[-1]
            log.error("mail not sent: %s at line %s of %s", type(failure).__name__, at.lineno, at.filename)
        raise NotSent(failure, server_was_reached=message.server_was_reached) from failure
    in_background(partial(close, server))


def deliver(message: Message, seconds: float) -> Any:
    """A server that is there may take its time: one that answers late has the letter."""
    server = mailer()
    with ExitStack() as after_failure:
        after_failure.callback(close, server)
        server.open()
        if socket := getattr(getattr(server, "connection", None), "sock", None):
            socket.settimeout(seconds)
            message.server_was_reached = True
        server.send_messages([message])
        after_failure.pop_all()
    return server


def close(server: Any) -> None:
    with suppress(OSError):  # of which smtplib's are
        server.close()


def mailer() -> Any:
    """The site's own; since Django 6.1 it has a name."""
    return django_mail.mailers.default if hasattr(django_mail, "mailers") else django_mail.get_connection()
