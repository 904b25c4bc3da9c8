"""Run where the wheel is installed: imports all of twofactor, and all that its functions import.

Prints each name with the package that is missing for it, or null.
"""

import ast
import importlib
import json
import sys
from pathlib import Path

import django
from django.conf import settings

CONTRIB = ("admin", "auth", "contenttypes", "messages", "sessions")
settings.configure(
    INSTALLED_APPS=[*(f"django.contrib.{name}" for name in CONTRIB), "twofactor"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    SECRET_KEY=sys.argv[1],  # SimpleJWT reads it when it is imported
    TWOFACTOR_KEYS=sys.argv[1:],
)
django.setup()
import twofactor  # noqa: E402

FOLDER = Path(twofactor.__file__).parent
FILES = sorted(FOLDER.rglob("*.py"))


def module(file):
    return ".".join(file.relative_to(FOLDER.parent).with_suffix("").parts).removesuffix(".__init__")


def packages_in(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.partition(".")[0]


def missing(name):
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as failure:
        return failure.name.partition(".")[0]


packages = {name for file in FILES for name in packages_in(file)} - sys.stdlib_module_names - {"twofactor"}
print(json.dumps({name: missing(name) for name in [*map(module, FILES), *packages]}))
