"""A project in which the blocks of a page stand where the page puts them, and the commands of a page."""

import json
import re
import shlex
import tomllib
from importlib.util import find_spec
from pathlib import Path

from django.core.management import call_command

from tests.docs.blocks import ROOT, TEMPLATE, Block
from tests.mailers import NO_MAIL
from tests.other_sites.projects import Project, start_project
from tests.settings import TWOFACTOR_KEYS
from tests.wheel import Environment, surroundings

HERE = Path(__file__).parent
OURS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
TARGETS = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
MOUNTS_IT = 'include("twofactor.urls")'
TEMPLATES_OF_SITE = 'TEMPLATES[0]["DIRS"] += [BASE_DIR / "templates"]\n'
FOR_TESTS = f"""
ALLOWED_HOSTS = ["testserver"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
{NO_MAIL}
"""


def project_with(folder: Path, environment: Environment, blocks: list[Block]) -> Project:
    """A project with what is in these blocks. It is mounted already, unless they do that."""
    run = [block for block in blocks if not block.why_not]
    mounts_it = any(MOUNTS_IT in block.text for block in run)
    project = (bare_project if mounts_it else start_project)(folder, environment)
    if any(block.language in TEMPLATE for block in run):
        project.append(f"{package_of(project)}/settings.py", TEMPLATES_OF_SITE)
    for number, block in enumerate(run):
        write(project, block, number)
    return project


def bare_project(folder: Path, environment: Environment) -> Project:
    """As startproject makes it. The app is installed and not mounted."""
    call_command("startproject", "mysite", folder)
    project = Project(folder, surroundings(), environment.executable)
    project.append("mysite/settings.py", FOR_TESTS)
    return project


def write(project: Project, block: Block, number: int) -> None:
    text = block.text.replace('TWOFACTOR_KEYS = ["…"]', f"TWOFACTOR_KEYS = {TWOFACTOR_KEYS!r}")
    if block.language == "python":
        file = block.file or f"block_{number}.py"
        folder = f"{package_of(project)}/" if file in {"settings.py", "urls.py"} else ""
        project.append(f"{folder}{file}", f"\n{text}")
    elif block.language in TEMPLATE:
        file = (block.file or f"block_{number}.html").removeprefix("templates/")
        project.append(f"templates/{file}", text)


def package_of(project: Project) -> str:
    """The folder with the settings and URLs."""
    return next(project.folder.glob("*/settings.py")).parent.name


def use(project: Project, commands: list[list[str]]) -> None:
    """Load all that is in the project, and run these commands of manage.py, in one process to save time."""
    script = (HERE / "use_page.py").read_text()
    if commands:
        project.run("migrate")
        project.run("shell", "--no-imports", text=(HERE / "enrol_ann.py").read_text())
    assert "used" in project.run("shell", "--no-imports", text=script, COMMANDS=json.dumps(commands))


def words_of(line: str) -> list[str]:
    """Of a line for the shell; those for manage.py begin with it."""
    words = shlex.split(line, comments=True)
    words[0] = words[0].removeprefix(".venv/bin/")
    return words[1:] if words[:2] == ["python", "manage.py"] else words


def check_command(words: list[str]) -> None:
    """Of other programs than manage.py. What there is no rule for here needs a reason why it is not run."""
    program, *rest = words
    if program == "make":
        assert rest[0] in TARGETS, words
    elif words[:2] == ["pip", "uninstall"]:
        assert rest[1:] == [OURS["name"]]
    elif words[:2] == ["pip", "install"]:
        pass  # tests/package/test_documents.py looks at all of these
    elif words[:2] == ["python", "-m"]:
        assert find_spec(rest[1]), words
    elif program == "pytest":
        assert all((ROOT / word).exists() for word in rest if not word.startswith("-")), words
    else:
        raise AssertionError(f"no rule for {words}")
