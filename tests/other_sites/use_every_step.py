"""Run inside another project: signs in, sets up, signs in with the code, ends the other session."""

import re
import time

import pyotp
from django.contrib.auth.models import User
from django.test import Client

PASSWORD = "correct horse battery"
User.objects.create_superuser("ann", "ann@example.com", PASSWORD)


def password(client):
    return client.post("/admin/login/?next=/admin/", {"username": "ann", "password": PASSWORD})


first = Client(SERVER_NAME="localhost")
assert password(first)["Location"] == "/admin/"
page = first.get("/two-factor/setup/").text
app = pyotp.TOTP("".join(re.findall(r"<span>([A-Z2-7]{4})</span>", page)))
assert first.post("/two-factor/setup/verify/", {"code": app.at(time.time())}).status_code == 303
assert "<code" in first.get("/two-factor/setup/codes/").text
assert first.post("/two-factor/setup/codes/", {"saved": "on"})["Location"] == "/two-factor/"
assert first.get("/two-factor/").status_code == 200

second = Client(SERVER_NAME="localhost")
assert password(second)["Location"] == "/two-factor/verify/?next=%2Fadmin%2F"
assert "_auth_user_id" not in second.session
assert second.get("/admin/").status_code == 302
assert second.post("/two-factor/verify/", {"code": app.at(time.time() + 30)})["Location"] == "/admin/"
assert second.get("/admin/").status_code == 200

assert second.post("/two-factor/sessions/end/").status_code == 303
assert second.get("/two-factor/").status_code == 200
assert first.get("/two-factor/")["Location"].startswith("/accounts/login/")
print("walked")
