"""The wheel, in a fresh environment, in a project just started by Django, with the lines of the README."""

import re
from pathlib import Path

import pytest
from django.core.management import call_command

from tests.other_sites.projects import Project
from tests.wheel import surroundings

README = (Path(__file__).parent.parent.parent / "README.md").read_text()
[LINES] = re.findall(r"```python\n(INSTALLED_APPS.*?)```", README, re.DOTALL)
SETTINGS, _, URLS = LINES.partition("\n\n")


@pytest.fixture(scope="module")
def project(tmp_path_factory, installed):
    folder = tmp_path_factory.mktemp("foreign")
    call_command("startproject", "elsewhere", folder)
    project = Project(folder, surroundings() | {"PYTHONWARNINGS": "error"}, installed().executable)
    project.append("elsewhere/settings.py", SETTINGS)
    settings, urls = folder / "elsewhere/settings.py", folder / "elsewhere/urls.py"
    settings.write_text(settings.read_text().replace("…", project.run("twofactor", "generate-key").strip()))
    urls.write_text(urls.read_text().replace("import path", "import include, path") + URLS)
    project.run("migrate")
    return project


def test_the_checks_find_nothing_wrong_and_every_step_works(project):
    project.run("check", "--fail-level", "ERROR")
    assert "walked" in project.run_script("use_every_step.py")
