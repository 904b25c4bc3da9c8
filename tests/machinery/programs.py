"""The programs that tests need beside Python packages: finds them, or installs them as root on Debian.

python -m tests.machinery.programs runs first in make test. With CI set, a missing one is an error.
"""

import os
import shutil
import subprocess
import sys
from functools import cache
from glob import glob
from pathlib import Path

SHELL = "chromium-headless-shell"  # Chromium without windows takes a third of the time
BROWSERS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def quick_chromium() -> str | None:
    return os.environ.get("CHROMIUM") or shutil.which(SHELL) or chromium()


def chromium() -> str | None:
    """The full browser, which also has the back-forward cache."""
    named = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if named:
        return named
    from playwright.sync_api import sync_playwright  # not installed where only PostgreSQL is needed

    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


def postgres(program: str = "postgres") -> str | None:
    """Debian does not put the programs of the server on the PATH."""
    folders = sorted(glob("/usr/lib/postgresql/*/bin"), reverse=True)
    return shutil.which(program, path=os.pathsep.join([os.environ["PATH"], *folders]))


def nginx() -> str | None:
    return shutil.which("nginx", path=os.pathsep.join([os.environ["PATH"], "/usr/sbin"]))


@cache
def apt_update() -> None:
    """Runs once. Errors are ignored, because one package source may fail while another has the package."""
    subprocess.call(["apt-get", "update", "--quiet"])


def apt_install(package: str) -> None:
    if IS_ROOT and shutil.which("apt-get"):
        install = ["apt-get", "install", "--yes", "--quiet", package]
        unasked = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        if subprocess.call(install, env=unasked) != 0:
            apt_update()
            subprocess.call(install, env=unasked)


def playwright_install() -> None:
    libraries_too = ["--with-deps"] if IS_ROOT else []
    subprocess.call([sys.executable, "-m", "playwright", "install", *libraries_too, "chromium"])


def main() -> int:
    if not chromium():
        apt_install("chromium")
    if not chromium():
        playwright_install()
    if not os.environ.get("CHROMIUM") and not shutil.which(SHELL):
        apt_install(SHELL)
    if not postgres():
        apt_install("postgresql")
    if not shutil.which("xgettext"):
        apt_install("gettext")
    missing = []
    if not chromium():
        missing.append("Browser tests are skipped: install Chromium, or set CHROMIUM to where it is.")
    if not postgres():
        missing.append("Tests on PostgreSQL are skipped: install the PostgreSQL server.")
    if not shutil.which("xgettext"):
        missing.append("Tests of the translations are skipped: install GNU gettext.")
    print(*missing, sep="\n", end="\n" * bool(missing), file=sys.stderr)
    return 1 if missing and os.environ.get("CI") else 0


if __name__ == "__main__":
    sys.exit(main())
