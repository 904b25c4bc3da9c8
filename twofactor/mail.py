"""Mail that a person gets: text and HTML from templates that a site can override by file name."""

import logging
import threading
from queue import Full, Queue
from smtplib import SMTPException
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import translation

from twofactor import conf
from twofactor.deadline import TookTooLong, within

log = logging.getLogger("countersign.mail")

PATIENCE = 5.5  # seconds for a mail server; a page that waits for it is due within six
THREAD = "outgoing mail"
Templates = str | list[str]  # of several, the first that exists

Letter = tuple[Templates, str, str, dict[str, Any]]
outgoing: Queue[Letter] = Queue(maxsize=1000)
starting = threading.Lock()


def site_has_mail() -> bool:
    """EMAIL_URL=none: says that it has not."""
    return bool(getattr(settings, "SITE_HAS_MAIL", True))


def site_name() -> str:
    return conf.site_name()


def issuer() -> str:
    return conf.issuer()


def base_url() -> str:
    return conf.base_url()


def send(template: Templates, to: str, language: str, **context: Any) -> bool:
    """Whether the mail server took it, for mail that the person is waiting for."""
    return hand_over(compose(template, to, spoken(language), context))


def queue(template: Templates, to: str, language: str, **context: Any) -> None:
    """For mail that nobody waits for: a slow mail server holds up no page, and its time tells nothing."""
    with starting:
        if not any(thread.name == THREAD for thread in threading.enumerate()):
            threading.Thread(target=deliver, name=THREAD, daemon=True).start()
    try:
        outgoing.put_nowait((template, to, spoken(language), context))
    except Full:
        log.error("mail not sent: %s: too many are waiting", template)


def finish() -> None:
    """For a process that is about to end: the letters that wait are sent first, if the server takes them."""
    with outgoing.all_tasks_done:
        outgoing.all_tasks_done.wait_for(lambda: not outgoing.unfinished_tasks, PATIENCE * 2)
    if outgoing.unfinished_tasks:
        log.error("%d mails not sent: the mail server is too slow", outgoing.unfinished_tasks)


def spoken(language: str) -> str:
    """The person's own, else that of the page they are on."""
    return language or translation.get_language() or settings.LANGUAGE_CODE


def deliver() -> None:
    while True:
        letter = outgoing.get()
        try:
            hand_over(compose(*letter))
        except Exception:  # whatever is wrong with somebody's own text, the next letter is another
            log.exception("mail not sent: it can not be written")
        finally:
            outgoing.task_done()


def compose(template: Templates, to: str, language: str, context: dict[str, Any]) -> EmailMultiAlternatives:
    names = [template] if isinstance(template, str) else template
    with translation.override(language):
        context |= {"site_name": site_name(), "base_url": base_url(), "to": to}
        message = EmailMultiAlternatives(
            " ".join(render_to_string([f"{name}_subject.txt" for name in names], context).split()),
            render_to_string([f"{name}_message.txt" for name in names], context),
            to=[to],
            headers={"Auto-Submitted": "auto-generated"},
        )
        message.attach_alternative(
            render_to_string([f"{name}_message.html" for name in names], context), "text/html"
        )
    return message


def hand_over(message: EmailMultiAlternatives) -> bool:
    try:
        within(PATIENCE, message.send)
    except (SMTPException, OSError, ValueError, TookTooLong) as failure:
        log.error("mail not sent: %s", type(failure).__name__)
        return False
    return True
