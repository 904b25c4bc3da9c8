"""Run inside a project from which the app was taken out again: people sign in with the password alone."""

from importlib.util import find_spec

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

assert find_spec("twofactor") is None
ann = User.objects.get(username="ann")
before = ann.last_login
client = Client()
answer = client.post("/admin/login/?next=/admin/", {"username": "ann", "password": "correct horse battery"})
assert answer.url == "/admin/"
assert client.get("/admin/").status_code == 200
ann.refresh_from_db()
assert ann.last_login != before
assert [name for name in connection.introspection.table_names() if "twofactor" in name] == []
token = client.post("/token/", {"username": "ann", "password": "correct horse battery"})
assert token.json()["token"]
ann.delete()
print("signed in")
