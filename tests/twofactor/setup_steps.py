"""The three steps of set-up, as a person goes through them."""

import re

import pyotp

from tests.people import Phone
from twofactor.models import Authenticator, BackupCode, Event, GuessBudget

SETUP = "/two-factor/setup/"
VERIFY = "/two-factor/setup/verify/"
CODES = "/two-factor/setup/codes/"
SAVED = {"saved": "on"}


def scan_key(client):
    """The phone that has scanned the key which the page shows."""
    address = re.search(r'href="(otpauth:[^"]+)"', client.get(SETUP).text)[1]
    return Phone(pyotp.parse_uri(address.replace("&amp;", "&")).secret)


def confirm_key(client):
    """The first two steps."""
    phone = scan_key(client)
    client.post(VERIFY, {"code": phone.code()})
    return phone


def shown_codes(client, page=CODES):
    """The backup codes on the page."""
    return re.findall(r"<code>([^<]+)</code>", client.get(page).text)


def set_up(client):
    """All three steps."""
    phone = confirm_key(client)
    client.post(CODES, SAVED)
    return phone


def stored_rows(user):
    """What set-up may change in the database when it is finished, and not before."""
    rows = [Authenticator, BackupCode, GuessBudget, Event]
    return [list(model.objects.values()) for model in rows], user.security_epoch
