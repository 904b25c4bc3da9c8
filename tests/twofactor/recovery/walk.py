"""How a person goes through a recovery, and which mails they get of it."""

import re
from datetime import timedelta
from io import StringIO
from urllib.parse import urlsplit

from django.core import mail
from django.core.management import call_command
from django.test import Client

from tests.people import PASSWORD, give_password
from tests.twofactor.setup_steps import CODES, SAVED, confirm_key
from twofactor.models import GuessBudget, Recovery
from twofactor.outgoing.outbox import send_due

RECOVERY = "/two-factor/recovery/"
STOP_WITH_FACTOR = "/two-factor/recovery/stop/"
WAIT = timedelta(hours=72)


def ask(client=None):
    """A browser that has asked, after the password."""
    client = client or Client()
    give_password(client)
    client.post(RECOVERY)
    return client


def send():
    """What the timer of a site does."""
    call_command("twofactor", "send", stdout=StringIO())


def path_in(text, step):
    """Of the link that stops or finishes it, or nothing."""
    found = re.search(rf"https?://\S+/recovery/{step}/\S+", text)
    return urlsplit(found[0]).path if found else ""


def letters_to(address="alice@example.com"):
    send_due()
    return [letter for letter in mail.outbox if letter.to == [address]]


def stop_link(address="alice@example.com"):
    """Of the newest letter that has one."""
    return next(filter(None, [path_in(each.body, "stop") for each in reversed(letters_to(address))]), "")


def finish_link(address="alice@example.com"):
    return next(filter(None, [path_in(each.body, "finish") for each in reversed(letters_to(address))]), "")


def wait(clock, span=WAIT):
    clock.shift(span)
    send()


def open_setup(client, password=PASSWORD):
    return client.post(finish_link(), {"password": password})


def bind(client):
    """The new phone."""
    phone = confirm_key(client)
    client.post(CODES, SAVED)
    return phone


def recovery_of(user):
    return Recovery.objects.get(pk=user.pk)


def shut_mailed_codes(user):
    """As after a new password: until a factor is given again, none goes out."""
    GuessBudget.objects.filter(pk=user.pk).update(proven_password_digest="")
