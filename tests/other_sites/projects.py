"""A project of another site, or a copy of this site, in a folder where a test can change it."""

import shutil
import subprocess
import sys
from pathlib import Path

from django.core.management import call_command

from tests.mailers import NO_MAIL
from tests.settings import TWOFACTOR_KEYS
from tests.wheel import Environment, surroundings

ROOT = Path(__file__).parent.parent.parent
NO_CACHE = shutil.ignore_patterns("__pycache__")

MOUNT = f"""
INSTALLED_APPS += ["twofactor"]
MIDDLEWARE += ["twofactor.middleware.TwoFactor"]
TWOFACTOR_KEYS = {TWOFACTOR_KEYS!r}
TWOFACTOR_BASE_URL, TWOFACTOR_SITE_NAME = "http://testserver", "Elsewhere"
LOGIN_URL, LOGIN_REDIRECT_URL, ALLOWED_HOSTS = "admin:login", "admin:index", ["testserver"]
{NO_MAIL}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
"""
URLS = """
from django.urls import include
urlpatterns += [path("two-factor/", include("twofactor.urls"))]
"""


class Project:
    def __init__(self, folder: Path, environment: dict[str, str], python: Path | None = None) -> None:
        self.folder = folder
        self.environment = environment
        self.python = python or sys.executable

    def append(self, file: str, text: str) -> None:
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((path.read_text() if path.exists() else "") + text)

    def ask(self, *arguments: str, text: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs manage.py with these arguments. The caller checks the return code."""
        return self.ask_python("manage.py", *arguments, text=text, **environment)

    def ask_python(
        self, *arguments: str, text: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.python, *arguments],
            cwd=self.folder,
            env=self.environment | environment,
            input=text,
            capture_output=True,
            text=True,
        )

    def run(self, *arguments: str, text: str = "", **environment: str) -> str:
        done = self.ask(*arguments, text=text, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def run_script(self, script: str, **environment: str) -> str:
        """Runs a script of this folder inside the project."""
        text = Path(__file__).with_name(script).read_text()
        return self.run("shell", "--no-imports", text=text, **environment)

    def create_administrator(self, *arguments: str, **names: str) -> None:
        self.run(
            "createsuperuser",
            "--noinput",
            *arguments,
            DJANGO_SUPERUSER_PASSWORD="correct horse battery",
            **names,
        )


def start_project(folder: Path, environment: Environment, settings: str = "", urls: str = "") -> Project:
    """A project made by startproject, with twofactor mounted, which is installed in the environment."""
    call_command("startproject", "elsewhere", folder)
    project = Project(folder, surroundings(), environment.executable)
    project.append("elsewhere/settings.py", MOUNT + settings)
    project.append("elsewhere/urls.py", URLS + urls)
    return project


def copy_site(folder: Path) -> Project:
    """The site itself, with a database of its own."""
    for name in ("accounts", "config", "templates", "twofactor"):
        shutil.copytree(ROOT / name, folder / name, ignore=NO_CACHE)
    shutil.copy(ROOT / "manage.py", folder)
    keys = {"SECRET_KEY": TWOFACTOR_KEYS[0], "TWOFACTOR_KEYS": TWOFACTOR_KEYS[0]}
    site = {"DEBUG": "true", "EMAIL_URL": "console:", **keys}
    return Project(folder, surroundings() | site)
