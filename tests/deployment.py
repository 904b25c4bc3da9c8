"""The site with the settings of production, started in processes of its own."""

import os
import shutil
import socket
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path

from twofactor.sealing import generate_key

ROOT = Path(__file__).parents[1]
HOST = "accounts.example.com"
BY_PROXY = {"Host": HOST, "X-Forwarded-Proto": "https", "Origin": f"https://{HOST}"}
GUNICORN = ["-m", "gunicorn", "config.wsgi"]


class Deployment:
    """A copy of the site without a developer's files, with the settings of a production site."""

    def __init__(self, folder):
        self.folder = folder
        for name in ("config", "accounts", "twofactor", "templates", "locale", "manage.py"):
            source = ROOT / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
        self.env = {
            "PATH": os.environ["PATH"],
            "SECRET_KEY": generate_key() + generate_key(),
            "TWOFACTOR_KEYS": generate_key(),
            "BASE_URL": f"https://{HOST}",
            "EMAIL_URL": "smtp+tls://user:password@mail.example.com:587",
            "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
            "TRUSTED_PROXIES": "127.0.0.1",
            "FORWARDED_ALLOW_IPS": "192.0.2.1",  # otherwise gunicorn trusts requests from this machine
        }

    def start(self, *command, pass_fds=(), **changes):
        """The process. A change to None removes an environment variable."""
        env = {name: value for name, value in {**self.env, **changes}.items() if value is not None}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "pass_fds": pass_fds}
        return subprocess.Popen([sys.executable, *command], cwd=self.folder, env=env, **pipes)

    def manage(self, *command, **changes):
        """The exit code, and the text on standard error."""
        with self.start("manage.py", *command, **changes) as process:
            said = process.communicate(timeout=60)[1].decode()
        return process.returncode, said


class Site:
    """Gunicorn on loopback, which trusts the test as its proxy."""

    def __init__(self, deployment, headers=BY_PROXY, **changes):
        self.headers = headers
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
            command = [*GUNICORN, f"--bind=fd://{listener.fileno()}", "--log-file=log", "--capture-output"]
            self.process = deployment.start(*command, pass_fds=[listener.fileno()], **changes)

    def ask(self, path, method="GET", body=None, headers=None):
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, body, self.headers if headers is None else headers)
        response = connection.getresponse()
        response.body = response.read()
        connection.close()
        return response

    def stop(self):
        self.process.terminate()
        self.process.communicate(timeout=30)
