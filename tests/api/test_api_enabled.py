"""Without API_ENABLED there is no API, and none of its packages are loaded."""

import re
import shutil
import subprocess
import sys

import pytest
from django.conf import settings

from tests.deployment import Site

LOADED = """
import sys, django, os
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
django.setup()
from django.urls import get_resolver
get_resolver().url_patterns
print(*sorted({"rest_framework", "rest_framework_simplejwt", "drf_spectacular", "jwt"} & sys.modules.keys()))
"""
HIDDEN = """
import importlib.util, runpy, sys
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == "drf_spectacular" else found(name, *more)
sys.argv = ["manage.py", "check"]
runpy.run_path("manage.py", run_name="__main__")
"""


def python(deployment, code, **changes):
    env = {**deployment.env, **changes}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=deployment.folder, env=env, capture_output=True, text=True
    )
    return done.returncode, done.stdout.strip(), done.stderr


def test_without_it_nothing_of_it_is_loaded(deployment):
    assert python(deployment, LOADED) == (0, "", "")


def test_with_it_everything_is(deployment):
    said = python(deployment, LOADED, API_ENABLED="true")[1]
    assert said == "drf_spectacular jwt rest_framework rest_framework_simplejwt"


def test_without_its_packages_the_start_is_refused_in_one_line(deployment):
    code, _, said = python(deployment, HIDDEN, API_ENABLED="true")
    assert code != 0
    command = r"\S+ -m pip install --require-hashes -r requirements-all.txt"
    assert re.fullmatch(
        rf"Countersign cannot start: API_ENABLED needs packages that are not installed: {command}; .+\n", said
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("API_ENABLED", "perhaps"),
        ("TOTP_TOKEN_MAX_AGE", "601"),
        ("TOTP_TOKEN_MAX_AGE", "29"),
        ("TOTP_TOKEN_MAX_AGE", "two minutes"),
        ("TOTP_THROTTLE_RATE", "10"),
        ("TOTP_THROTTLE_RATE", "0/minute"),
        ("TOTP_THROTTLE_RATE", "ten/minute"),
        ("TOTP_THROTTLE_RATE", "10/fortnight"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_in_one_line(deployment, name, value):
    code, said = deployment.manage("check", **{"API_ENABLED": "true", name: value})
    assert code != 0
    assert re.fullmatch(rf"Countersign cannot start: {name} .+; for example {name}=.+\n", said)


def test_production_settings_leave_nothing_to_warn_of(deployment):
    code, said = deployment.manage("check", "--deploy", "--fail-level=WARNING", API_ENABLED="true")
    assert (code, said) == (0, "")


@pytest.fixture(scope="module")
def site(deployment):
    deployment.manage("migrate")
    shutil.copytree(settings.STATIC_ROOT, deployment.folder / "staticfiles", dirs_exist_ok=True)
    site = Site(deployment, API_ENABLED="true")
    yield site
    site.stop()


@pytest.mark.proves("3.4.1", "3.4.4")
@pytest.mark.parametrize("path", ["schema/", "docs/", "jwt/create/", "totp/status/", "nowhere/"])
def test_a_deployed_api_is_armoured_as_the_pages_are(site, path):
    headers = site.ask(f"/api/{path}").headers
    assert headers["Strict-Transport-Security"].startswith("max-age=31536000")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store, private"
