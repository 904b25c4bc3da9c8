"""The wheel, in a fresh environment, in a project that Django has just started, with its own user model."""

import pytest
from django.core.management import call_command

from tests.mailers import NO_MAIL
from tests.other_sites.projects import URLS, Project
from tests.settings import TWOFACTOR_KEYS
from tests.wheel import surroundings

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


@pytest.fixture(scope="module")
def project(tmp_path_factory, installed):
    folder = tmp_path_factory.mktemp("foreign")
    call_command("startproject", "elsewhere", folder)
    project = Project(folder, surroundings() | {"PYTHONWARNINGS": "error"}, installed().executable)
    project.append("elsewhere/settings.py", MOUNT + THEIRS)
    project.append("elsewhere/urls.py", URLS)
    project.run("migrate")
    return project


def test_the_checks_find_nothing_wrong_and_every_step_works(project):
    project.run("check", "--fail-level", "ERROR")
    assert "walked" in project.run_script("use_every_step.py")
