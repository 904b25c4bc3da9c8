"""A project of another site with every package that signs people in, on real servers on loopback.

It is served twice, by gunicorn (WSGI) and by uvicorn (ASGI), and each test speaks HTTP with both.
"""

import json
import re
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import pyotp
import requests

from tests.other_sites.projects import ROOT, start_project

PASSWORD = "correct horse battery"
HOST = "testserver"
PAGES = ["allauth", "asgi", "drf", "impersonation", "own-adminsite", "own-login-view"]  # of docs/how-to
SERVERS = {
    "wsgi": ["gunicorn", "elsewhere.wsgi", "--threads=4", "--worker-tmp-dir=/dev/shm", "--bind"],
    "asgi": ["uvicorn", "elsewhere.asgi:application", "--log-level=warning", "--port"],
}
FOLDER = Path(__file__).parent


def free_port():
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return asked.getsockname()[1]


@contextmanager
def served(project, kind, **environment):
    """The address of a running server, and its process."""
    port = free_port()
    place = f"127.0.0.1:{port}" if kind == "wsgi" else str(port)
    command = [project.python, "-m", *SERVERS[kind], place]
    with (project.folder / f"{kind}.log").open("w") as log:
        server = subprocess.Popen(
            command,
            cwd=project.folder,
            env=project.environment | environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(port, server)
        yield f"http://127.0.0.1:{port}", server
    finally:
        server.terminate()
        server.wait(20)


def wait_for(port, server):
    for _ in range(200):
        assert server.poll() is None, "the server has ended"
        with socket.socket() as asked:
            if asked.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the server does not answer")


def doors_project(folder, environment):
    """With the settings, URLs and views in this folder, and people to sign in."""
    settings = (FOLDER / "settings.txt").read_text()
    project = start_project(folder, environment, settings)
    for page in PAGES:
        add_blocks(project, ROOT / f"docs/how-to/{page}.md")
    for name in ("views", "doors_urls"):
        project.append(f"elsewhere/{name}.py", (FOLDER / f"{name}.txt").read_text())
    project.append("elsewhere/urls.py", "from elsewhere.doors_urls import DOORS\nurlpatterns += DOORS\n")
    project.run("migrate")
    return project


def add_blocks(project, page):
    """The modules of the project that a page of the documentation tells to write."""
    for name, text in re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```", page.read_text(), re.M | re.S):
        if name != "settings.py":
            project.append(name, text)


@dataclass(frozen=True)
class Person:
    pk: int
    name: str
    key: str = ""  # of the authenticator app

    def code(self):
        return pyotp.TOTP(self.key).at(time.time())


class People:
    """Makes people in the project, many at once: starting Django takes a second."""

    def __init__(self, project):
        self.project, self.left = project, {}

    def take(self, kind):
        """Someone whom no other test has met: a code works only once."""
        if not self.left.get(kind):
            self.left = self.make()
        return self.left[kind].pop()

    def make(self):
        script = (FOLDER / "make_people.py").read_text()
        said = self.project.run("shell", "--no-imports", text=script)
        made = json.loads(next(line for line in said.splitlines() if line.startswith("{")))
        return {kind: [Person(**each) for each in people] for kind, people in made.items()}


class Client:
    """Keeps cookies, follows no redirect, and sends the CSRF token as a page or a script does."""

    def __init__(self, address, **headers):
        self.address = address
        self.session = requests.Session()
        self.session.headers.update({"Host": HOST, **headers})

    def get(self, path, **more):
        return self.session.get(urljoin(self.address, path), allow_redirects=False, **more)

    def post(self, path, data=None, **more):
        token = next((cookie.value for cookie in self.session.cookies if cookie.name == "csrftoken"), None)
        headers = {**more.pop("headers", {}), **({"X-CSRFToken": token} if token else {})}
        address = urljoin(self.address, path)
        return self.session.post(address, data, headers=headers, allow_redirects=False, **more)

    def sign_in(self, person):
        """As Client.force_login() and many a view do: login() is called, and nothing else."""
        return self.post("/force-login/", {"username": person.name})

    def who(self):
        """The name that a page of the site shows to whoever is signed in; "" for nobody."""
        return self.get("/who/").text

    def give_code(self, person):
        self.get("/two-factor/verify/")
        return self.post("/two-factor/verify/", {"code": person.code()})

    def set_up(self):
        """Set up two-factor authentication, with the key that the page shows; the key."""
        page = self.get("/two-factor/setup/").text
        key = "".join(re.findall(r"<span>([A-Z2-7]{4})</span>", page))
        self.post("/two-factor/setup/verify/", {"code": pyotp.TOTP(key).at(time.time())})
        self.get("/two-factor/setup/codes/")
        assert self.post("/two-factor/setup/codes/", {"saved": "on"}).status_code == 303
        return key

    def story_of(self, person):
        """The events of the person, each with who acted, and when they last signed in."""
        return Client(self.address).post("/story-of/", {"username": person.name}).json()

    @property
    def cookies(self):
        return {cookie.name for cookie in self.session.cookies}


def leads_to(answer):
    """Status and path of a redirect."""
    return answer.status_code, answer.headers.get("Location", "").partition("?")[0]
