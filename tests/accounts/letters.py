"""The mail that people of the tests get, and how they open what is in it."""

import re

from django.core import mail

from twofactor.outbox import send_due


def letters():
    """Everything that was sent, once nothing is waiting any more."""
    send_due()
    return mail.outbox


def link(letter=None) -> str:
    """The path that the newest letter, or this one, leads to."""
    return re.search(r"http://testserver(/\S+)", (letter or letters()[-1]).body)[1]
