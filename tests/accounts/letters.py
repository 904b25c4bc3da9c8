"""The emails that a test has caused, and the links in them."""

import re
import threading

from django.core import mail

from config.logs import ERROR_MAIL
from twofactor.outgoing.outbox import send_due


def letters():
    """Sends what waits in the outbox, and returns all emails."""
    send_due()
    return mail.outbox


def sent_subjects():
    return [letter.subject for letter in letters()]


def error_mails():
    """The emails to the administrators, after the threads that send them have ended."""
    for thread in threading.enumerate():
        if thread.name == ERROR_MAIL:
            thread.join()
    return mail.outbox


def link(letter=None) -> str:
    """The path of the link in the newest email, or in this one."""
    return re.search(r"http://(?:testserver|localhost)(/\S+)", (letter or letters()[-1]).body)[1]


def html_part(letter):
    [(content, kind)] = letter.alternatives
    assert kind == "text/html"
    return content
