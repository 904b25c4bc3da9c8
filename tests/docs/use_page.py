"""Run inside the project of a page: what the page says loads and passes the checks, and its commands work."""

import json
import os
from importlib import import_module
from pathlib import Path

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.template.loader import get_template
from django.urls import get_resolver
from django.utils import timezone

from twofactor import drafts, factor_changes
from twofactor.factors import totp
from twofactor.models import Draft

NOT_ITS_OWN = {"manage", "twofactor"}


def load_everything(folder):
    call_command("check", "--fail-level", "ERROR")
    assert get_resolver().url_patterns
    for file in sorted(folder.rglob("*.py")):
        parts = file.relative_to(folder).with_suffix("").parts
        if parts[0] not in NOT_ITS_OWN:
            import_module(".".join(parts))
    templates = folder / "elsewhere/templates"
    for file in templates.rglob("*.*"):
        get_template(str(file.relative_to(templates)))


def enrol_ann():
    """A person with two-factor authentication, whom commands name."""
    ann = get_user_model().objects.create_superuser("ann", "ann@example.com", "correct horse battery")
    now = timezone.now()
    draft = drafts.start(ann, Draft.Kind.SETUP, now)
    drafts.confirm(draft, totp.code_at(draft.key, totp.step_at(now)), now)
    factor_changes.turn_on(ann, draft, None, now)


load_everything(Path.cwd())
if commands := json.loads(os.environ["COMMANDS"]):
    call_command("migrate", verbosity=0)
    enrol_ann()
for command in commands:
    call_command(*command)
print("used")
