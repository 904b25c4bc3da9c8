"""The mail that people of the tests get, and how they open what is in it."""

import re
import threading

from django.core import mail

from config.logs import ERROR_MAIL
from twofactor.outgoing.outbox import send_due


def letters():
    """Everything that was sent, once nothing is waiting any more."""
    send_due()
    return mail.outbox


def sent_subjects():
    return [letter.subject for letter in letters()]


def error_mails():
    """Those that went to the administrators, once their threads have ended."""
    for thread in threading.enumerate():
        if thread.name == ERROR_MAIL:
            thread.join()
    return mail.outbox


def link(letter=None) -> str:
    """The path that the newest letter, or this one, leads to."""
    return re.search(r"http://testserver(/\S+)", (letter or letters()[-1]).body)[1]


def html_part(letter):
    [(content, kind)] = letter.alternatives
    assert kind == "text/html"
    return content
