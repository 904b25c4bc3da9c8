"""python -m tests.matrix [PYTHON-DJANGO…]: the server tests and the mounted walk on each pair, as 3.12-6.0.

Pairs are those of the classifiers in pyproject.toml. Each has an environment of its own, with everything that
is locked for the tests. One that this machine has no interpreter for is left out, and named at the end.
--short: the newest pair alone, and the tests that meet most of Django.
"""

import hashlib
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from glob import glob
from itertools import product
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = Path(os.environ.get("MATRIX_FOLDER", ROOT / ".venv" / "matrix"))
LOCK = ROOT / "tests" / "requirements.txt"  # which has Django 5.2
OLDEST_PYTHON = {"5.2": (3, 10), "6.0": (3, 12), "6.1": (3, 12)}
SHORT = [
    "tests/foreign",
    "tests/config",
    "tests/operations",
    *(f"tests/twofactor/test_{name}.py" for name in ("checks", "gate", "setup", "verify")),
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
    folder, other = ENVIRONMENTS / "-".join(pair), ROOT / "tests" / "matrix" / f"django-{pair[1]}.txt"
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


def results(wanted: list[Pair], tests: list[str]) -> Iterator[tuple[Pair, str]]:
    for pair in wanted:
        python = interpreter(pair[0])
        if python is None:
            yield pair, "left out: there is no such Python on this machine"
        else:
            yield pair, "passed" if passes(pair, python, tests) else "FAILED"


def main(arguments: list[str]) -> int:
    known = pairs()
    named = [tuple(argument.split("-")) for argument in arguments if not argument.startswith("--")]
    if unknown := set(named) - set(known):
        print(f"There is no pair {unknown}; there are {', '.join(map('-'.join, known))}.", file=sys.stderr)
        return 2
    wanted = [pair for pair in known if pair in named] if named else known
    tests = ["tests"]
    if "--short" in arguments:
        tests, here = SHORT, [pair for pair in wanted if interpreter(pair[0])]
        wanted = (
            [max(here, key=lambda pair: [*map(int, ".".join(reversed(pair)).split("."))])] if here else wanted
        )
    found = list(results(wanted, tests))
    print(
        "", *(f"Python {python}, Django {django}: {result}" for (python, django), result in found), sep="\n"
    )
    not_asked = [
        f"Python {python}, Django {django}" for python, django in known if (python, django) not in wanted
    ]
    print(*(f"{pair}: not asked for" for pair in not_asked), sep="\n")
    return 1 if any(result == "FAILED" for _, result in found) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
