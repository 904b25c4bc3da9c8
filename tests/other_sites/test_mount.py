"""The wheel, in a fresh environment, in a project that Django has just started, with its own user model."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mailers import NO_MAIL
from tests.settings import TWOFACTOR_KEYS

ROOT = Path(__file__).parent.parent.parent
WALK = Path(__file__).with_name("use_every_step.py").read_text()

# The five lines of the README, and the optional one.
MOUNT = f"""
INSTALLED_APPS += ["twofactor", "django_htmx"]
MIDDLEWARE += ["django_htmx.middleware.HtmxMiddleware", "twofactor.middleware.Htmx", "twofactor.middleware.TwoFactor"]
TEMPLATES[0]["OPTIONS"]["context_processors"] += ["twofactor.context_processors.layout"]
TWOFACTOR_KEYS = {TWOFACTOR_KEYS!r}
TWOFACTOR_BASE_URL, TWOFACTOR_SITE_NAME = "http://testserver", "Elsewhere"
MIDDLEWARE += ["django.contrib.auth.middleware.LoginRequiredMiddleware"]
"""  # noqa: E501
# What every project has to set: where people sign in, and which hosts are allowed.
THEIRS = f"""
LOGIN_URL, LOGIN_REDIRECT_URL, ALLOWED_HOSTS = "admin:login", "admin:index", ["testserver"]
{NO_MAIL}
DATABASES["default"]["OPTIONS"] = {{"transaction_mode": "IMMEDIATE", "timeout": 20}}
"""


def run(*command, cwd, **kwargs):
    theirs = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
    done = subprocess.run(command, cwd=cwd, env=theirs, capture_output=True, text=True, **kwargs)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("foreign")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    run(*pip, "wheel", "--no-build-isolation", "--no-deps", "--wheel-dir", folder, ROOT, cwd=folder)
    run(sys.executable, "-m", "venv", "--without-pip", folder / "env", cwd=folder)
    python = folder / "env/bin/python"
    (folder / "constraints.txt").write_text(run(*pip, "freeze", cwd=folder))  # the same versions as here
    into = [*pip, "--python", python, "install", "--no-compile", "-c", "constraints.txt"]
    run(*into, *folder.glob("*.whl"), cwd=folder)
    run(python, "-m", "django", "startproject", "elsewhere", folder, cwd=folder)
    settings, urls = folder / "elsewhere/settings.py", folder / "elsewhere/urls.py"
    settings.write_text(settings.read_text() + MOUNT + THEIRS)
    mounted = urls.read_text().replace("import path", "import include, path")
    urls.write_text(
        mounted.replace("urlpatterns = [", 'urlpatterns = [path("two-factor/", include("twofactor.urls")),')
    )
    run(python, "manage.py", "migrate", cwd=folder)
    return folder


def test_the_checks_find_nothing_wrong_and_every_step_works(project):
    """One test, because two could land in two processes, and each would build the environment."""
    python = project / "env/bin/python"
    run(python, "manage.py", "check", "--fail-level", "ERROR", cwd=project)
    assert "walked" in run(python, "manage.py", "shell", "--no-imports", cwd=project, input=WALK)
