"""The wheel, in a fresh environment, in a project just started by Django, with the lines of the README."""

import pytest
from django.core.management import call_command

from tests.docs.blocks import ROOT, blocks_of
from tests.other_sites.projects import Project
from tests.wheel import surroundings

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
