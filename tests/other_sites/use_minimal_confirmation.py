"""Run inside a project whose user model has only a name and a password: a code that confirms a sign-in."""

import re
import uuid

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import mail
from django.test import Client
from django.test.utils import setup_test_environment

setup_test_environment()  # letters stay in mail.outbox
people = get_user_model()._default_manager
name = f"eva{uuid.uuid4().hex[:8]}"
eva = people.model(name=name)
eva.set_password("correct horse battery")
people.bulk_create([eva])

browser = Client()
assert browser.get(f"/in/?name={name}")["Location"] == "/two-factor/verify/sent/"
assert "_auth_user_id" not in browser.session
[letter] = mail.outbox
assert letter.to == [f"{name}@example.com"]
code = re.search(r"\b\d{6}\b", letter.body)[0]

other = Client()
assert other.post("/two-factor/verify/sent/", {"code": code})["Location"].startswith("/in/")
answer = browser.post("/two-factor/verify/sent/", {"code": code})
assert answer["Location"] == "/two-factor/", answer.text
assert browser.get("/two-factor/").status_code == 200
assert browser.session["twofactor_amr"] == "confirmed"

is_remembered = settings.TWOFACTOR_CODE_WITHOUT_APP == "new-browsers"
browser.cookies.pop(settings.SESSION_COOKIE_NAME)
again = browser.get(f"/in/?name={name}")["Location"]
assert again == ("/two-factor/" if is_remembered else "/two-factor/verify/sent/"), again
print("confirmed")
