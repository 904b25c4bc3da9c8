"""The wheel, and empty environments to install it into, without asking a package registry.

    environment = installed("api", "sms", add=["django-allauth[mfa]"])  # a fixture of tests/conftest.py
    environment.python("-m", "django", "--version")

A package comes with what it asks for, at the version that runs these tests. Nothing else can be imported
there. start_project() in tests/other_sites/projects.py starts a project that runs in it.
"""

import fcntl
import os
import subprocess
import sys
import venv
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import Distribution, PathDistribution, distribution
from pathlib import Path
from zipfile import Path as InsideZip

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PIP = [sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check"]  # no machine's settings


def surroundings() -> dict[str, str]:
    """The environment without the variables that these tests and pytest set for this run."""
    own = ("PYTEST_", "DJANGO_", "TWOFACTOR_", "DATABASE_URL", "SECRET_KEY", "BASE_URL", "DEBUG", "EMAIL_URL")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    kept.pop("PYTHONPATH", None)  # it may lead to this tree
    return kept


def once(folder: Path, make: Callable[[], object]) -> None:
    """The first process of a test run that comes here makes the folder, and the others wait for it."""
    complete = folder.with_name(f"{folder.name}.complete")
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists():
            make()
            complete.touch()


def run(*command: str | Path, folder: Path, text: str = "") -> str:
    done = subprocess.run(command, cwd=folder, env=surroundings(), input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(folder: Path, target: str = "wheel", source: Path = ROOT) -> Path:
    """Builds "wheel" or "sdist", from this tree or from an unpacked sdist."""
    run(
        *(sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", folder),
        folder=source,
    )
    return next(folder.glob("*.whl" if target == "wheel" else "*.tar.gz"))


def metadata(wheel: Path) -> Distribution:
    return PathDistribution(next(file for file in InsideZip(wheel).iterdir() if file.suffix == ".dist-info"))


def requirements(package: Distribution, extras: set[str]) -> Iterator[Requirement]:
    for wanted in map(Requirement, package.requires or []):
        if not wanted.marker or any(wanted.marker.evaluate({"extra": extra}) for extra in {"", *extras}):
            yield wanted


class Environment:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.executable = folder / "bin" / "python"

    def python(self, *arguments: str | Path, text: str = "") -> str:
        return run(self.executable, *arguments, folder=self.folder, text=text)

    def pip(self, *arguments: str) -> str:
        return run(*PIP, "--python", self.executable, *arguments, folder=self.folder)

    def create(self, wheel: Path, extras: Iterable[str], others: Iterable[str]) -> None:
        """pip has no registry here, and fails if one package asks for another that is not there."""
        venv.create(self.folder, clear=True, symlinks=True)
        for package in [*map(str, requirements(metadata(wheel), set(extras))), *others]:
            self.add(package)
        self.pip("install", "--no-index", f"{wheel}[{','.join(extras)}]" if extras else str(wheel))
        self.pip("check")

    def add(self, package: str) -> None:
        wanted = Requirement(package)
        found = distribution(wanted.name)
        self.link(found)
        for needed in requirements(found, wanted.extras):
            self.add(str(needed))

    def link(self, package: Distribution) -> None:
        """A link to each of its folders: copying thousands of files takes seconds."""
        packages = next(self.folder.glob("lib/python*/site-packages"))
        for name in {file.parts[0] for file in package.files or []} - {"..", "__pycache__"}:
            link = packages / name
            if not link.exists():
                link.symlink_to(package.locate_file(name))
