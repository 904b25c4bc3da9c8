"""Run inside the project of the tutorial: what its reader does in the browser, up to the first code."""

import re
import time

import pyotp
from django.contrib.auth.models import User
from django.test import Client

PASSWORD = "correct horse battery"
STEPS = {
    "setup": "/two-factor/setup/",
    "verify": "/two-factor/setup/verify/",
    "codes": "/two-factor/setup/codes/",
}


def give_password(client, name):
    return client.post("/admin/login/?next=/admin/", {"username": name, "password": PASSWORD})


def set_up(client):
    page = client.get(STEPS["setup"]).text
    app = pyotp.TOTP("".join(re.findall(r"<span>([A-Z2-7]{4})</span>", page)))
    assert client.post(STEPS["verify"], {"code": app.at(time.time())}).url == STEPS["codes"]
    assert len(re.findall(r"<code", client.get(STEPS["codes"]).text)) >= 10
    assert client.post(STEPS["codes"], {"saved": "on"}).url == "/two-factor/"
    return app


def first_code():
    User.objects.create_superuser("ann", "ann@example.com", PASSWORD)
    client = Client()
    assert give_password(client, "ann").url == "/admin/"
    assert client.get("/admin/").status_code == 200
    app = set_up(client)
    client.post("/admin/logout/")
    assert give_password(client, "ann").url == "/two-factor/verify/"
    assert client.get("/admin/").status_code == 302
    assert client.post("/two-factor/verify/", {"code": app.at(time.time() + 30)}).url == "/admin/"
    assert client.get("/admin/").status_code == 200


def guarded_page():
    User.objects.create_superuser("bob", "bob@example.com", PASSWORD)
    client = Client()
    give_password(client, "bob")
    assert client.get("/admin/").status_code == 200
    assert client.get("/treasury/").url.startswith(STEPS["setup"])
    set_up(client)
    assert client.get("/treasury/").text == "gold"


def required_of_staff():
    User.objects.create_superuser("eve", "eve@example.com", PASSWORD)
    client = Client()
    give_password(client, "eve")
    assert client.get("/admin/").url.startswith(STEPS["setup"])
    set_up(client)
    assert client.get("/admin/").status_code == 200
