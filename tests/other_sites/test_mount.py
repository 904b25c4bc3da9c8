"""The wheel, in a fresh environment, in a project just started by Django, with the lines of the README."""

from pathlib import Path

import pytest
from django.core.management import call_command

from tests.docs.blocks import ROOT, blocks_of
from tests.other_sites.projects import Project
from tests.wheel import surroundings

WHERE = """
from importlib.util import find_spec
for name in ("twofactor", "accounts", "config", "tests"):
    found = find_spec(name)
    print(name, found and found.origin)
"""
LINES = [block for block in blocks_of(ROOT / "README.md") if block.language == "python"]


@pytest.fixture(scope="module")
def project(tmp_path_factory, installed):
    folder = tmp_path_factory.mktemp("foreign")
    call_command("startproject", "mysite", folder)
    project = Project(folder, surroundings() | {"PYTHONWARNINGS": "error"}, installed().executable)
    for block in LINES:
        project.append(block.file, block.text)
    settings = folder / "mysite/settings.py"
    settings.write_text(settings.read_text().replace("…", project.run("twofactor", "generate-key").strip()))
    project.run("migrate")
    return project


def test_the_checks_find_nothing_wrong_and_every_step_works(project):
    project.run("check", "--fail-level", "ERROR")
    assert "walked" in project.run_script("use_every_step.py")


def test_the_app_is_the_installed_one_and_nothing_else_of_ours_is_there(project, installed):
    lines = project.run("shell", "--no-imports", text=WHERE).splitlines()
    found = dict(line.split(" ", 1) for line in lines if line)
    assert Path(found.pop("twofactor")).is_relative_to(installed().folder / "lib")
    assert found == {"accounts": "None", "config": "None", "tests": "None"}
