"""python -m tests.machinery.matrix [PAIR…], or make matrix: the server tests on each pair, such as 3.12-6.0.

The pairs are those of the classifiers in pyproject.toml. Each has an environment of its own with the locked
packages. A pair without an interpreter on this machine is left out and named at the end. --short runs only
the newest pair, and only the tests that use most of Django.
"""

import hashlib
import os
import subprocess
import sys
import tomllib
from glob import glob
from itertools import product
from pathlib import Path

ROOT = Path(__file__).parents[3]
ENVIRONMENTS = Path(os.environ.get("MATRIX_FOLDER", ROOT / ".venv" / "matrix"))
LOCK = ROOT / "tests" / "requirements.txt"  # which has Django 5.2
OLDEST_PYTHON = {"5.2": (3, 10), "6.0": (3, 12), "6.1": (3, 12)}
SHORT = [
    "tests/other_sites",  # one of them installs the wheel, and walks through every step
    *sorted(f"tests/operations/{file.name}" for file in (ROOT / "tests/operations").glob("test_admin_*.py")),
    "tests/operations/test_commands.py",
    *(f"tests/twofactor/{name}.py" for name in ("test_checks", "test_middleware", "views/test_verify")),
]

Pair = tuple[str, str]


def pairs() -> list[Pair]:
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    pythons, djangos = (
        [line.removeprefix(start) for line in classifiers if line.removeprefix(start)[:1].isdigit()]
        for start in ("Programming Language :: Python :: 3.", "Framework :: Django :: ")
    )
    return [
        (f"3.{python}", django)
        for python, django in product(pythons, djangos)
        if (3, int(python)) >= OLDEST_PYTHON[django]
    ]


def interpreter(version: str) -> str | None:
    """From the PATH, or one of pyenv's, whose own commands on the PATH may lead nowhere."""
    folders = os.environ["PATH"].split(os.pathsep)
    pyenv = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    candidates = [os.path.join(folder, f"python{version}") for folder in folders]
    for candidate in [*filter(os.path.exists, candidates), *glob(f"{pyenv}/versions/{version}.*/bin/python")]:
        asked = [candidate, "-c", "import ensurepip, sys; print('%d.%d' % sys.version_info[:2])"]
        if subprocess.run(asked, capture_output=True, text=True).stdout.strip() == version:
            return candidate
    return None


def environment(python: str, pair: Pair) -> Path:
    """Made anew when a lock has changed."""
    folder, other = ENVIRONMENTS / "-".join(pair), Path(__file__).parent / f"django-{pair[1]}.txt"
    locks = [LOCK, *([other] if other.exists() else [])]
    digest = hashlib.sha256(b"".join(lock.read_bytes() for lock in locks)).hexdigest()
    made = folder / "made-of"
    if not made.exists() or made.read_text() != digest:
        subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
        pip = [folder / "bin" / "pip", "--quiet", "--disable-pip-version-check"]
        for lock in locks:
            others = ["--no-deps"] if lock is other else []
            subprocess.run([*pip, "install", "--require-hashes", *others, "--requirement", lock], check=True)
        subprocess.run([*pip, "check"], check=True)
        made.write_text(digest)
    return folder / "bin" / "python"


def passes(pair: Pair, python: str, tests: list[str]) -> bool:
    print(f"\nPython {pair[0]}, Django {pair[1]}", flush=True)
    try:
        own = environment(python, pair)
    except subprocess.CalledProcessError as failure:
        print(failure)
        return False
    pytest = [own, "-m", "pytest", "-p", "no:cacheprovider", "--numprocesses=2", "--dist=worksteal"]
    return subprocess.call([*pytest, *tests], cwd=ROOT) == 0


def result(pair: Pair, wanted: list[Pair], tests: list[str]) -> str:
    python = interpreter(pair[0])
    if python is None:
        return "left out: there is no such Python on this machine"
    if pair not in wanted:
        return "not asked for"
    return "passed" if passes(pair, python, tests) else "FAILED"


def newest(known: list[Pair]) -> list[Pair]:
    """Of those that can be had, and are not what make test runs on."""
    usual = ("{}.{}".format(*sys.version_info), "5.2")
    here = [pair for pair in known if pair != usual and interpreter(pair[0])]
    return sorted(
        here, key=lambda pair: [int(number) for part in reversed(pair) for number in part.split(".")]
    )[-1:]


def main(arguments: list[str]) -> int:
    known, tests = pairs(), ["tests", "-m", "not long"]  # with the sites of others
    wanted = [pair for pair in known if "-".join(pair) in arguments] or known
    if "--short" in arguments:
        wanted, tests = newest(known), SHORT
    elif unknown := set(arguments) - set(map("-".join, known)):
        print(f"There is no {unknown}; there are {', '.join(map('-'.join, known))}.", file=sys.stderr)
        return 2
    found = {pair: result(pair, wanted, tests) for pair in known}
    print("", *(f"Python {pair[0]}, Django {pair[1]}: {what}" for pair, what in found.items()), sep="\n")
    return 1 if "FAILED" in found.values() else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
