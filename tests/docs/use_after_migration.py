"""Run inside a project that came from django-two-factor-auth: ann signs in with what she has there."""

import time
from base64 import b32encode

import pyotp
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

app = pyotp.TOTP(b32encode(b"12345678901234567890").decode())


def after_password():
    client = Client()
    answer = client.post("/account/login/", {"username": "ann", "password": "correct horse battery"})
    assert answer.url == "/two-factor/verify/", answer.url
    return client


client = after_password()
assert client.post("/two-factor/verify/", {"code": app.at(time.time())}).url == "/two-factor/"
assert client.get("/two-factor/").status_code == 200
assert after_password().post("/two-factor/verify/backup/", {"code": "abcdefgh"}).url == "/two-factor/"
assert [
    name for name in connection.introspection.table_names() if name.startswith(("otp_", "two_factor_"))
] == []
User.objects.get().delete()
print("signed in")
