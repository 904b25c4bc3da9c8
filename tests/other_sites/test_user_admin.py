"""TwoFactorUserAdmin with Django's own user model and its UserAdmin, as the documentation has it."""

import pytest

from tests.docs.blocks import ROOT, blocks_of
from tests.other_sites.projects import start_project

PAGE = ROOT / "docs/how-to/own-adminsite.md"
PLAIN = """
from django.contrib import admin
from django.contrib.auth.models import User
from twofactor.admin import TwoFactorUserAdmin

admin.site.unregister(User)


@admin.register(User)
class Plain(TwoFactorUserAdmin):
    {}
"""


@pytest.fixture
def project(tmp_path, installed):
    project = start_project(tmp_path, installed(), 'INSTALLED_APPS += ["people"]\n')
    project.append("people/__init__.py", "")
    return project


def test_it_adds_columns_a_filter_and_the_link_to_help(project):
    block = next(block for block in blocks_of(PAGE) if block.file == "people_admin.py")
    project.append("people/admin.py", block.text)
    project.run("migrate")
    assert "walked" in project.run_script("use_user_admin.py")
    assert "W007" not in project.run("check")


@pytest.mark.parametrize(
    ("body", "shows_hash"),
    [
        ("pass", True),
        ('fields = ["username", ("email", "password")]', True),
        ('fieldsets = [(None, {"fields": ["password"]})]', True),
        ('fields = ["username"]', False),
        ('exclude = ["password"]', False),
        ('readonly_fields = ["password"]', True),  # the whole hash stands there as text
    ],
)
def test_the_check_says_where_the_hash_can_be_read(project, body, shows_hash):
    project.append("people/admin.py", PLAIN.format(body))
    assert ("twofactor.W007" in project.run("check")) is shows_hash
