"""Small real sites of other people, into which the documentation's own blocks mount the app from its wheel.

What a site has of its own is in the folder of its name: a file there goes to the end of what startproject has
made under the same path, or is copied. test_<name>.py says which blocks come after that.
"""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import sleep, time

from django.core.management import call_command

from tests.docs.blocks import ROOT, Block, blocks_of
from tests.docs.projects import write
from tests.other_sites.projects import Project
from tests.wheel import Environment, surroundings

HERE = Path(__file__).parent
PASSWORD = "correct horse battery"
ADDRESS, HOST = "127.0.0.1", "localhost"  # passkeys belong to a name, never to an IP address
SECONDS_TO_START = 60
RUNSERVER = ["manage.py", "runserver", "--noreload", ADDRESS + ":{port}"]
# With threads: a browser opens connections for later, and each would keep a whole worker waiting.
GUNICORN = [
    *("-m", "gunicorn", "mysite.wsgi", "--bind", ADDRESS + ":{port}"),
    *("--workers", "2", "--threads", "4", "--no-control-socket"),
]
UVICORN = ["-m", "uvicorn", "mysite.asgi:application", "--host", ADDRESS, "--port", "{port}"]


def mounting() -> list[Block]:
    """README's two blocks: three lines of settings, one of URLs."""
    return blocks_under("README.md", "Put it into your site")


def blocks_under(page: str, *headings: str) -> list[Block]:
    """Of a page, or of what stands under these headings of it."""
    found = [block for block in blocks_of(ROOT / page) if not headings or block.heading in headings]
    assert found, (page, headings)
    return [block for block in found if block.language != "sh" and not block.why_not]


@dataclass(frozen=True)
class Site:
    name: str
    home: str  # the path of a page for people who have signed in
    home_heading: str
    sign_out: str  # its button on that page
    people: tuple[str, str]  # what they type beside their password: one without JavaScript, one with it

    def start(self, folder: Path, environment: Environment, blocks: list[Block]) -> Project:
        """A project with the site's own files, and then what these blocks say."""
        call_command("startproject", "mysite", folder)
        project = Project(folder, surroundings() | {"PYTHONWARNINGS": "error"}, environment.executable)
        self.add_own_files(project)
        for number, block in enumerate(blocks):
            write(project, block, number)
        return project

    def add_own_files(self, project: Project) -> None:
        for file in (HERE / self.name).rglob("*.*"):
            if file.is_file() and file.suffix != ".pyc":
                project.append(str(file.relative_to(HERE / self.name)), f"\n{file.read_text()}")

    def create_people(self, project: Project, *arguments: str) -> None:
        for name in self.people:
            username = name.partition("@")[0]
            values = {"USERNAME": username, "EMAIL": f"{username}@example.com", "MAIL": name}
            names = {f"DJANGO_SUPERUSER_{field}": value for field, value in values.items()}
            project.create_administrator(*arguments, **names)


@contextmanager
def served(project: Project, command: list[str]) -> Iterator[str]:
    """The origin of the site while it runs, which stands in its environment as ORIGIN.

    What it has logged must not have an error.
    """
    with closing(socket.create_server((ADDRESS, 0))) as free:
        port = free.getsockname()[1]
    log, origin = project.folder / f"server-{port}.log", f"http://{HOST}:{port}"
    arguments = [word.format(port=port) for word in command]
    with log.open("w") as output:
        process = subprocess.Popen(
            [project.python, *arguments],
            cwd=project.folder,
            env=project.environment | {"ORIGIN": origin},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(port, process, log)
        yield origin
    finally:
        stop(process)
    assert "Traceback" not in log.read_text(), log.read_text()


def wait_for(port: int, process: subprocess.Popen, log: Path) -> None:
    until = time() + SECONDS_TO_START
    while process.poll() is None and time() < until:
        with closing(socket.socket()) as client:
            if client.connect_ex((ADDRESS, port)) == 0:
                return
        sleep(0.1)
    raise AssertionError(log.read_text())


def stop(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
