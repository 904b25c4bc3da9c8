"""Run inside the project of a page: what the page says loads and passes the checks, and its commands work."""

import json
import os
from importlib import import_module
from pathlib import Path

from django.core.management import call_command
from django.template.loader import get_template
from django.urls import get_resolver


def load_everything(folder):
    call_command("check", "--fail-level", "ERROR")
    assert get_resolver().url_patterns
    for file in sorted(folder.rglob("*.py")):
        if file.name != "manage.py":
            import_module(".".join(file.relative_to(folder).with_suffix("").parts))
    templates = folder / "templates"
    for file in templates.rglob("*.*"):
        get_template(str(file.relative_to(templates)))


load_everything(Path.cwd())
for command in json.loads(os.environ["COMMANDS"]):
    call_command(*command)
print("used")
