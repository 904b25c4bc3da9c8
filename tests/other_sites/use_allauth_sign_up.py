"""Run inside a project with django-allauth: people sign up there, and confirm their address or not."""

import re

from django.contrib.auth import get_user_model
from django.core import mail
from django.test import Client, override_settings

PASSWORD = "correct horse battery"
NEW = {"password1": PASSWORD, "password2": PASSWORD}
people = get_user_model().objects


def sign_up(name, browser=None):
    browser = browser or Client()
    browser.post("/accounts/signup/", {"username": name, "email": f"{name}@example.com", **NEW})
    return browser


def link():
    return re.search(r"/accounts/confirm-email/\S+", mail.outbox[-1].body)[0]


def tell(what, name, browser):
    """Whether the address counts as confirmed, and where the first page of the setup leads."""
    person = people.get(username=name)
    confirmed = person.unconfirmed_since is None, person.email_verified_at is not None
    print(what, *confirmed, browser.get("/two-factor/setup/").headers.get("Location", "").partition("?")[0])


ann = sign_up("ann")
tell("signed up:", "ann", ann)
Client().post(link())
tell("confirmed elsewhere:", "ann", ann)
ann.post("/accounts/login/", {"login": "ann", "password": PASSWORD})
tell("signed in again:", "ann", ann)

kim = sign_up("kim")
kim.post("/accounts/email/", {"action_add": "", "email": "own@example.com"})
kim.post(link())
tell("another address:", "kim", kim)
kim.post("/accounts/email/", {"action_primary": "", "email": "own@example.com"})
kim.post("/accounts/login/", {"login": "kim", "password": PASSWORD})
tell("which is theirs now:", "kim", kim)

with override_settings(ACCOUNT_EMAIL_VERIFICATION="mandatory"):
    bob = sign_up("bob")
    bob.post(link())
    bob.post("/accounts/login/", {"login": "bob", "password": PASSWORD})
    tell("by link, before anything:", "bob", bob)

BY_CODE = {"ACCOUNT_EMAIL_VERIFICATION": "mandatory", "ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED": True}
with override_settings(**BY_CODE):
    eve = sign_up("eve")
    code = re.search(r"^([A-Z0-9-]{6,9})$", mail.outbox[-1].body, re.MULTILINE)[1]
    eve.post("/accounts/confirm-email/", {"code": code})
    tell("by code, before anything:", "eve", eve)

with override_settings(ACCOUNT_EMAIL_VERIFICATION="none"):
    tell("a site that confirms nothing:", "dan", sign_up("dan"))
