"""The three steps of setup, as a person goes through them."""

import re

import pyotp

from tests.people import Phone
from twofactor.models import Authenticator, BackupCode, Event, GuessBudget, TwoFactor

SETUP = "/two-factor/setup/"
VERIFY = "/two-factor/setup/verify/"
CODES = "/two-factor/setup/codes/"
ADD = "/two-factor/apps/add/"
SAVED = {"saved": "on"}


def scan_key(client, page=SETUP):
    """A phone that scanned the key on the page."""
    address = re.search(r'href="(otpauth:[^"]+)"', client.get(page).text)[1]
    return Phone(pyotp.parse_uri(address.replace("&amp;", "&")).secret)


def confirm_key(client):
    """Steps 1 and 2; the phone."""
    phone = scan_key(client)
    client.post(VERIFY, {"code": phone.code()})
    return phone


def shown_codes(client, page=CODES):
    """The backup codes on the page."""
    return re.findall(r"<code>([^<]+)</code>", client.get(page).text)


def set_up(client):
    """Steps 1 to 3; the phone."""
    phone = confirm_key(client)
    client.post(CODES, SAVED)
    return phone


def add_app(client, name="New phone", replaces=()):
    """One more app, in place of others; the phone that it is on."""
    phone = scan_key(client, ADD)
    boxes = {f"remove-{app.pk}": "on" for app in replaces}
    client.post(ADD, {"code": phone.code(), "name": name, **boxes})
    return phone


def stored_rows(user):
    """Everything that setup changes in the database, but only when it is finished."""
    rows = [TwoFactor, Authenticator, BackupCode, GuessBudget, Event]
    return [list(model.objects.values()) for model in rows], user.security_epoch
