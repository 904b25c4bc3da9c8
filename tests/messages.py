"""Every message that stands in the sources, as translators get it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("accounts", "config", "twofactor", "templates")
CATALOGUES = ("locale", "twofactor/locale")  # of the site, and of the app, which is that of other sites, too


def gnu(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", **more)


def extract(folder: Path) -> Path:
    """The templates of the catalogues, made in this folder, and all.pot, which has the messages of both."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("locale"))
    for name in CATALOGUES:
        (folder / name).mkdir()
    command = [sys.executable, "-m", "django", "makemessages", "--all", "--keep-pot", "--no-location"]
    made = gnu(*command, cwd=folder, env={**os.environ, "DJANGO_SETTINGS_MODULE": ""})
    assert made.returncode == 0, made.stderr
    both = [folder / name / "django.pot" for name in CATALOGUES]
    merged = gnu("msgcat", "--use-first", "--output-file", folder / "all.pot", *both)
    assert merged.returncode == 0, merged.stderr
    return folder / "all.pot"


def sentences(template: Path) -> set[str]:
    """Singular and plural, without the contexts."""
    found = re.findall(r'^msgid(?:_plural)? ((?:".*"\n)+)', template.read_text(), re.MULTILINE)
    return {"".join(re.findall(r'"(.*)"', quoted)) for quoted in found} - {""}
