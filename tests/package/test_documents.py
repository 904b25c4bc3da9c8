"""What the documents tell people to install has the name that is published."""

import re
import shlex
import tomllib

import pytest
from packaging.requirements import Requirement

from tests.wheel import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "tests/requirements.txt").read_text()
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCED = re.compile(r"^ *```.*?\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


def commands(text: str) -> list[str]:
    """The lines of the blocks, and what stands between backticks, also across two lines."""
    blocks = [line for block in FENCED.findall(text) for line in block.splitlines()]
    return [*blocks, *(" ".join(code.split()) for code in re.findall(r"`([^`]+)`", FENCED.sub("", text)))]


def installed_by(command: str) -> list[str]:
    """The packages that a command with pip install names."""
    words = iter(shlex.split(command.partition("pip install ")[2], comments=True))
    named = []
    for word in words:
        if word in ("-r", "--requirement", "-c", "--constraint"):
            assert (ROOT / next(words)).exists(), command
        elif not word.startswith("-"):
            named.append(word)
    return named


INSTALLS = sorted(
    {
        (document.name, name)
        for document in DOCUMENTS
        for command in commands(document.read_text())
        for name in installed_by(command)
    }
)
OURS = [wanted for wanted in (Requirement(name) for _, name in INSTALLS) if wanted.name == PROJECT["name"]]


@pytest.mark.parametrize(("document", "name"), INSTALLS)
def test_what_a_document_installs_is_published_by_us_or_locked(document, name):
    wanted = Requirement(name)
    assert wanted in OURS or re.search(rf"^{re.escape(wanted.name)}(\[.+\])?==", LOCK, re.I | re.M)


def test_each_extra_is_told_and_no_other():
    assert set().union(*(wanted.extras for wanted in OURS)) == PROJECT["optional-dependencies"].keys()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
def test_what_is_to_be_installed_stands_in_code(document):
    """Otherwise it is not read above."""
    text = document.read_text()
    assert " ".join(commands(text)).count("pip install") == " ".join(text.split()).count("pip install")
