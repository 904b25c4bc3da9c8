"""Run inside another project: signs in through every view, with the password only and with the code."""

import json
import time

import pyotp
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from twofactor.factors import authenticator_app, totp
from twofactor.models import Authenticator, GuessBudget

PASSWORD = "correct horse battery"
APP, BROWSER = "/_allauth/app/v1/", "/_allauth/browser/v1/"
facts = {}
User.objects.create_user("bob", "bob@example.com", PASSWORD)
ann = User.objects.create_user("ann", "ann@example.com", PASSWORD)
key = totp.generate_key()
authenticator = Authenticator(user=ann, name="Phone", last_step=0, added_at=timezone.now())
authenticator_app.seal_key(authenticator, key, timezone.now())
authenticator.save()
GuessBudget.objects.create(user=ann)


def post(client, path, data, **more):
    return client.post(path, data, content_type="application/json", **more)


def app(name):
    """Signs in through allauth's app client, and uses the session token."""
    answer = post(Client(), f"{APP}auth/login", {"username": name, "password": PASSWORD})
    body = answer.json() if answer.headers.get("Content-Type") == "application/json" else {}
    token = body.get("meta", {}).get("session_token")
    keys = [token] if token else []
    used = [Client(headers={"X-Session-Token": key}).get(f"{APP}auth/session").status_code for key in keys]
    return [answer.status_code, "session_token" in answer.content.decode(), used]


facts["app ann"], facts["app bob"] = app("ann"), app("bob")
facts["sessions that authenticate ann"] = sum(
    row.get_decoded().get("_auth_user_id") == str(ann.pk) for row in Session.objects.all()
)

browser = Client()
answer = post(browser, f"{BROWSER}auth/login", {"username": "ann", "password": PASSWORD})
facts["browser ann"] = [answer.status_code, answer.headers.get("Location", "").partition("?")[0]]
facts["browser ann before"] = browser.get(f"{BROWSER}auth/session").status_code
browser.post("/two-factor/verify/", {"code": pyotp.TOTP(key).at(time.time())})
facts["browser ann after"] = browser.get(f"{BROWSER}auth/session").status_code

pages = Client()
answer = pages.post("/accounts/login/", {"login": "ann", "password": PASSWORD})
facts["pages ann"] = [answer.status_code, answer.headers.get("Location", "").partition("?")[0]]

for view in ("token", "token-of-drf", "token-without-request", "session"):
    for name in ("ann", "bob"):
        client = Client(raise_request_exception=False)
        before = Session.objects.count()
        answer = client.post(f"/{view}/", {"username": name, "password": PASSWORD})
        made = Session.objects.count() - before
        facts[f"{view} {name}"] = [answer.status_code, "secret" in answer.text, made, sorted(client.cookies)]

print(json.dumps(facts))
