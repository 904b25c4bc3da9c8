"""What a new password or address changes, with Django's own user model."""

import json

import pytest

from tests.other_sites.projects import Project
from tests.settings import TWOFACTOR_KEYS
from tests.wheel import surroundings

SETTINGS = f"""
SECRET_KEY, ROOT_URLCONF, ALLOWED_HOSTS, USE_TZ = "elsewhere", "urls", ["testserver"], True
CONTRIB = ["auth", "contenttypes", "sessions"]
INSTALLED_APPS = [*[f"django.contrib.{{name}}" for name in CONTRIB], "twofactor"]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD, TWOFACTOR_SITE_NAME, TWOFACTOR_BASE_URL = "django.db.models.AutoField", "Elsewhere", "http://testserver"
TWOFACTOR_KEYS = {TWOFACTOR_KEYS!r}
"""
BEFORE = """
import django
django.setup()
from django.contrib.auth.models import User
from django.core.management import call_command
from django.utils import timezone
from twofactor.factors import sent_codes
from twofactor.limits import guesses
from twofactor.models import GuessBudget, SecurityRecord
from twofactor.shortcuts import confirm_address, forget_confirmation
call_command("migrate", verbosity=0)
now = timezone.now()
user = User.objects.create_user("ann", "ann@example.com", "one")
SecurityRecord.objects.create(user=user, email_verified_at=now)
def fresh():
    return User.objects.get()
def prove():
    guesses.charge(fresh(), now)
    guesses.reset_after_success(fresh(), with_factor=True)
def new_password():
    user = fresh()
    user.set_password("two")
    user.save()
def helps():
    print(sent_codes.may_email(fresh()))
def guess():
    try:
        return guesses.charge(fresh(), now)
    except guesses.Locked as lock:
        return lock.until
def stop():
    guess()
    GuessBudget.objects.update(failures=99)
    guess()
    GuessBudget.objects.update(locked_until=None)
"""
FACTS = {
    "a hundred wrong codes are the last": "stop(); print(guess())  # None",
    "a new password lifts the stop": "stop(); new_password(); print(guess())  # 100",
    "and gives back no other guess": "[guess() for _ in range(4)]; new_password(); print(guess())  # 5",
    "a code by mail helps": "prove(); helps()  # True",
    "not before a factor was given": "helps()  # False",
    "not to an address that the site has changed": "prove(); forget_confirmation(fresh()); helps()  # False",
    "but once it is confirmed": (
        "prove(); forget_confirmation(fresh()); print(confirm_address(fresh()), end=' '); helps()"
        "  # True True"
    ),
    "and it is the same": (
        "user = fresh(); User.objects.update(email='eve@example.com'); print(confirm_address(user))  # False"
    ),
    "not after a new password": "prove(); new_password(); helps()  # False",
    "nor after a new address": ("prove(); User.objects.update(email='eve@example.com'); helps()  # False"),
    "an outdated hash is no new password": (
        "from django.test import override_settings as other\n"
        "prove(); stop()\n"
        "with other(PASSWORD_HASHERS=['django.contrib.auth.hashers.PBKDF2PasswordHasher',"
        " 'django.contrib.auth.hashers.MD5PasswordHasher']):\n"
        "    before = fresh().password; fresh().check_password('one')\n"
        "    print(before == fresh().password, guess(), sent_codes.may_email(fresh()))"
        "  # False None True"
    ),
}


# Django starts once, which takes longer than all that is asked. Each fact has a copy of the process, and so a
# database of its own, because it is in memory.
EACH = """
import json
import os
for fact, script in json.loads(%r).items():
    print(fact, end=": ", flush=True)
    if not os.fork():
        exec(script)
        raise SystemExit
    os.wait()
"""


@pytest.mark.proves("D-2", "L-4")
def test_with_the_user_model_of_django(tmp_path, installed):
    (tmp_path / "elsewhere.py").write_text(SETTINGS)
    (tmp_path / "urls.py").write_text("urlpatterns = []")
    there = surroundings() | {"DJANGO_SETTINGS_MODULE": "elsewhere"}
    project = Project(tmp_path, there, installed().executable)
    scripts, expected = {}, {}
    for fact, line in FACTS.items():
        scripts[fact], expected[fact] = line.rsplit("  # ", 1)
    done = project.ask_python("-c", BEFORE + EACH % json.dumps(scripts))
    assert done.stderr == ""
    assert dict(line.split(": ") for line in done.stdout.splitlines()) == expected
