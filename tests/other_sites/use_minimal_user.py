"""Run inside a project whose user model has only a name and a password: every step."""

import re
import time
from uuid import UUID

import pyotp
from django.contrib.auth import get_user_model
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from twofactor.urls import urlpatterns

people = get_user_model()._default_manager
ann = people.model(name="ann")
ann.set_password("correct horse battery")
people.bulk_create([ann])

for pattern in urlpatterns:
    if pattern.name in {"not_me", "recovery_stop", "recovery_stop_with_factor", "recovery_finish"}:
        continue  # from a mail, or for someone who cannot sign in
    path = str(pattern.pattern).replace("<int:pk>", "1").replace("<uuid:pk>", str(UUID(int=1)))
    address = f"/two-factor/{path}"
    for answer in (Client().get(address), Client().post(address)):
        assert answer.headers["Location"].startswith("/in/"), address

first = Client()
assert first.get("/in/")["Location"] == "/two-factor/"
assert first.get("/two-factor/")["Location"].startswith("/two-factor/setup/")  # everyone must have it
page = first.get("/two-factor/setup/").text
app = pyotp.TOTP("".join(re.findall(r"<span>([A-Z2-7]{4})</span>", page)))
assert first.post("/two-factor/setup/verify/", {"code": app.at(time.time())}).status_code == 303
assert first.post("/two-factor/setup/codes/", {"saved": "on"})["Location"] == "/two-factor/"

second = Client()
assert second.get("/in/")["Location"] == "/two-factor/verify/"
assert second.get("/two-factor/verify/other/").status_code == 200
body = {"code": app.at(time.time() + 30), "trust_browser": "on"}
assert second.post("/two-factor/verify/", body)["Location"] == "/two-factor/"
assert second.get("/two-factor/").status_code == 200
assert second.get("/in/")["Location"] == "/two-factor/"  # the browser is trusted

for path, count in {"devices/": 4, "": 9}.items():  # one more each than with SecurityMixin: our row instead
    with CaptureQueriesContext(connection) as asked:
        assert second.get(f"/two-factor/{path}").status_code == 200
    assert len(asked) == count, (path, [query["sql"] for query in asked.captured_queries])

assert second.post("/two-factor/sessions/end/").status_code == 303
ended = first.get("/two-factor/")
assert ended["Location"].startswith("/in/")
*_earlier, told = get_messages(ended.wsgi_request)
assert str(told) == "You were signed out. Sign in to continue."
print("walked")
