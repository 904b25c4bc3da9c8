"""A browser with passkeys: it reads the forms of a page, answers them as passkeys.js does, and sends them."""

import html
import json
import re
import secrets
from datetime import timedelta

from django.test import Client
from django.utils import timezone

from tests.people import FIREFOX, give_password
from tests.soft import BACKED_UP, BACKUP_ELIGIBLE, PRESENT, VERIFIED, SoftPasskey, encoded
from twofactor.factors import ceremony, enrolled, passkeys
from twofactor.factors.challenges import Challenge
from twofactor.factors.passkeys import NewPasskey

ORIGIN = "http://localhost"
FORM = re.compile(r"<form[^>]*data-passkey=.*?</form>", re.DOTALL)
FIELD = re.compile(r'<input[^>]*name="(\w[\w-]*)"(?:[^>]*value="([^"]*)")?')


class Form:
    def __init__(self, text):
        self.action = html.unescape(re.search(r'action="([^"]*)"', text)[1])
        self.kind = re.search(r'data-passkey="(\w+)"', text)[1]
        self.options = json.loads(html.unescape(re.search(r"data-options='([^']*)'", text)[1]))
        fields = {name: html.unescape(value) for name, value in FIELD.findall(text)}
        fields.pop("csrfmiddlewaretoken", None)
        self.fields = {name: value for name, value in fields.items() if name not in {"account", "password"}}


def forms_of(response):
    return [Form(text) for text in FORM.findall(response.content.decode())]


class Browser(Client):
    """Of one person, who has these passkeys in it."""

    def __init__(self, **kwargs):
        super().__init__(HTTP_HOST="localhost", HTTP_USER_AGENT=FIREFOX, **kwargs)

    def answer(self, form, passkey, **false):
        """What is sent. `false` changes the answer, as SoftPasskey does."""
        make = passkey.register if form.kind == "create" else passkey.sign
        return {**form.fields, "credential": make(form.options, **false)}

    def use(self, form, passkey, more=None, **false):
        return self.post(form.action, {**self.answer(form, passkey, **false), **(more or {})})

    def sign_in(self, passkey, **false):
        return self.use(forms_of(self.get("/accounts/login/"))[0], passkey, **false)

    def give_password(self, email="alice@example.com"):
        """The form for the passkey that is asked for then."""
        give_password(self, email)
        return forms_of(self.get("/two-factor/verify/"))[0]


def new_passkey(**fields):
    return SoftPasskey(**{"origin": ORIGIN, **fields})


def new_key(**fields):
    """An old security key: it is touched, it counts, and no name finds it."""
    flags = PRESENT
    return new_passkey(**{"flags": flags, "sign_count": 1, "discoverable": False, **fields})


def next_use(passkey):
    passkey.sign_count += 1
    return passkey


def not_synced(**fields):
    return new_passkey(
        **{"flags": new_passkey().flags & ~BACKUP_ELIGIBLE & ~BACKED_UP, "sign_count": 1, **fields}
    )


def registration(passkey, handle):
    question = {"user": {"id": encoded(handle)}, "rp": {"id": "localhost"}, "challenge": encoded(bytes(16))}
    text = passkey.register(question)
    must_verify = bool(passkey.flags & VERIFIED)
    return ceremony.verify_registration(text, passkeys.site(), bytes(16), must_verify=must_verify)


def store(user, passkey, **fields):
    """As if it had been added long ago."""
    now = timezone.now() - timedelta(days=2)
    handle = enrolled.overview_of(user).handle or secrets.token_bytes(passkeys.HANDLE_LENGTH)
    passkeys.keep_handle(user, handle)
    made = registration(passkey, handle)
    is_key = not made.verified
    row = NewPasskey(made, Challenge(b"", handle), is_key, fields.pop("name", "Laptop")).row(user, now)
    row.full_from = now
    for name, value in fields.items():
        setattr(row, name, value)
    row.save()
    return row
