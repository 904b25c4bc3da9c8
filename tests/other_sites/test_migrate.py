"""migrate works when models have new columns: no check queries a column that does not exist yet."""

import shutil

import pytest

from tests.other_sites.projects import NO_CACHE, ROOT, copy_site, start_project

MEMBER = """
from django.contrib.auth.models import AbstractUser
from django.db import models


class Member(AbstractUser):
    pass
"""
ONE_MORE_COLUMN = """
for model in list(vars().values()):
    if isinstance(model, type) and issubclass(model, models.Model) and not model._meta.abstract:
        if model.__module__ == __name__:
            model.add_to_class("added", models.CharField(max_length=9, default=""))
"""
MINE = 'INSTALLED_APPS += ["people"]\nAUTH_USER_MODEL = "people.Member"\nTWOFACTOR_REQUIRED_FOR = "staff"\n'


def mounted(folder, environment):
    """With a copy of the app, which Python finds before the installed one: the test changes its models."""
    project = start_project(folder, environment, MINE)
    shutil.copytree(ROOT / "twofactor", folder / "twofactor", ignore=NO_CACHE)
    project.append("people/__init__.py", "")
    project.append("people/models.py", MEMBER)
    project.run("makemigrations", "people")
    project.run("migrate")
    project.create_administrator(DJANGO_SUPERUSER_USERNAME="ann", DJANGO_SUPERUSER_EMAIL="ann@example.com")
    return project, "people"


def whole(folder, _environment):
    """Our own site is no package that could be installed."""
    project = copy_site(folder)
    project.environment["TWOFACTOR_REQUIRED_FOR"] = "staff"
    project.run("migrate")
    project.create_administrator(DJANGO_SUPERUSER_EMAIL="ann@example.com")
    return project, "accounts"


@pytest.mark.parametrize("start", [mounted, whole])
def test_every_model_can_have_a_new_column(start, tmp_path, installed):
    project, people = start(tmp_path, installed())
    for app in (people, "twofactor"):
        project.append(f"{app}/models.py", ONE_MORE_COLUMN)
    assert "twofactor.I002" in project.run("migrate")  # with nothing to apply yet, and no column
    project.run("makemigrations", people, "twofactor")
    assert "twofactor.I002" in project.run("migrate")
    assert "twofactor.I002" not in project.run("check", "--database", "default")
