"""Run inside a project with django-allauth: which address of a person gets a code at the sign-in."""

from allauth.account.models import EmailAddress
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client

from twofactor.testing import enrol

PASSWORD = "correct horse battery"
user = User.objects.create_user("ann", "ann@example.com", PASSWORD)
phone = enrol(user, unsafe=True)


def mailed_to():
    """Who gets a code, if someone asks for one after the password."""
    mail.outbox = []
    browser = Client()
    browser.post("/accounts/login/", {"login": "ann", "password": PASSWORD})
    browser.post("/two-factor/verify/send/", {"channel": "email"})
    return [letter.to for letter in mail.outbox]


def give_code():
    browser = Client()
    browser.post("/accounts/login/", {"login": "ann", "password": PASSWORD})
    browser.post("/two-factor/verify/", {"code": phone.code()})
    assert "_auth_user_id" in browser.session


address = EmailAddress.objects.create(user=user, email="ann@home.example", primary=True, verified=False)
print("not confirmed:", mailed_to())
EmailAddress.objects.update(verified=True)
print("confirmed since the last factor:", mailed_to())
give_code()
EmailAddress.objects.create(user=user, email="ann@work.example", primary=False, verified=True)
print("confirmed:", mailed_to())
