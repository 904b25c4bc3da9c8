"""Run inside a project with django-allauth: which name of a person the pages show."""

import json
import re
import time
from urllib.parse import unquote

import pyotp
from django.contrib.auth import get_user_model
from django.core import mail
from django.test import Client, override_settings
from django.test.utils import setup_test_environment

ADDRESS, PASSWORD = "bob@example.com", "correct horse battery"
BY_ADDRESS = {"ACCOUNT_LOGIN_METHODS": {"email"}}
BY_BOTH = {"ACCOUNT_LOGIN_METHODS": {"email", "username"}}


def names_on(text):
    """Those that people read: the form also says, unseen, whose sign-in it is for."""
    return sorted({name for name in [ADDRESS, "bob"] if re.search(rf"(?<![\w>]){name}(?![\w@])", text)})


def shown_on(page):
    seen = re.sub(r'<input type="hidden"[^>]*>', "", page)
    return names_on(re.sub(r"<[^>]*>", " ", seen))


setup_test_environment()  # keeps the context of each page
told = {}
with override_settings(**BY_ADDRESS):
    client = Client()
    new = {"email": ADDRESS, "password1": PASSWORD, "password2": PASSWORD}
    client.post("/accounts/signup/", new)
    told["username"] = get_user_model().objects.get().get_username()
    client.get("/two-factor/setup/")  # shows once what allauth says, with its own ACCOUNT_USER_DISPLAY
    page = client.get("/two-factor/setup/")
    told["key"], told["link"] = shown_on(page.text), names_on(unquote(page.context["address"]))
    app = pyotp.TOTP(page.context["draft"].key)
    client.post("/two-factor/setup/verify/", {"code": app.at(time.time())})
    codes = client.get("/two-factor/setup/codes/")
    told["codes"], told["file"] = shown_on(codes.text), names_on(unquote(codes.context["file"]))
    client.post("/two-factor/setup/codes/", {"saved": "on"})
    told["letter"] = names_on(re.search(r"^Account: .*", mail.outbox[-1].body, re.MULTILINE)[0])
    form = client.get("/two-factor/confirm/").text
    told["password form"] = re.search(r'name="account" value="(.*?)"', form)[1]

for name, settings, typed in [
    ("by address", BY_ADDRESS, ADDRESS),
    ("by both, username", BY_BOTH, "bob"),
    ("by both, address", BY_BOTH, ADDRESS),
]:
    with override_settings(**settings):
        browser = Client()
        assert browser.post("/accounts/login/", {"login": typed, "password": PASSWORD}).status_code == 303
        told[name] = shown_on(browser.get("/two-factor/verify/").text)
print(json.dumps(told))
