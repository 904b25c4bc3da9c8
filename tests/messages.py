"""Every message that stands in the sources, as translators get it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("accounts", "config", "twofactor", "templates")


def gnu(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", **more)


def extract(folder: Path) -> Path:
    """The template of the catalogues, made in this folder."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name)
    (folder / "locale").mkdir()
    command = [sys.executable, "-m", "django", "makemessages", "--all", "--keep-pot", "--no-location"]
    made = gnu(*command, cwd=folder, env={**os.environ, "DJANGO_SETTINGS_MODULE": ""})
    assert made.returncode == 0, made.stderr
    return folder / "locale" / "django.pot"


def sentences(template: Path) -> set[str]:
    """Singular and plural, without the contexts."""
    found = re.findall(r'^msgid(?:_plural)? ((?:".*"\n)+)', template.read_text(), re.MULTILINE)
    return {"".join(re.findall(r'"(.*)"', quoted)) for quoted in found} - {""}
