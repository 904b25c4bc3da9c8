"""The site as it is deployed: gunicorn and its workers, on a port of loopback."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path

from django.conf import settings

from tests.machinery.drills.waiting import wait_until

ROOT = Path(__file__).parents[3]


class Site:
    """DATABASE_URL, folder of the log, command to run it within, gunicorn's options, and more environment.

    The name of the host is localhost for a drill with passkeys, which belong to no IP address.
    """

    def __init__(
        self, database, folder, *, workers=2, within=(), options=(), host="127.0.0.1", **environment
    ):
        self.workers_wanted, self.within, self.options = workers, within, options
        self.host = host
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            self.port = free.getsockname()[1]
        self.log = folder / f"site-{self.port}.log"
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.machinery.drills.settings",
            "DRILL_STATIC_ROOT": str(settings.STATIC_ROOT),
            "BASE_URL": f"http://{host}:{self.port}",
            "DATABASE_URL": database,
            "EMAIL_URL": "console:",
            "TWOFACTOR_MAIL_SENT_BY": "workers",
            "FORWARDED_ALLOW_IPS": "",
            **environment,
        }

    def start(self):
        bind = ["--bind", f"127.0.0.1:{self.port}", "--workers", str(self.workers_wanted), "--preload"]
        # A worker whose clock a drill has set looks dead to a master that compares clocks.
        patience = ["--timeout", "0"] if "DRILL_CLOCK_OFF" in self.environment else []
        gunicorn = [sys.executable, "-m", "gunicorn", "tests.machinery.drills.wsgi"]
        command = [*self.within, *gunicorn, *bind, *patience]
        with self.log.open("ab") as log:
            self.master = subprocess.Popen(
                [*command, "--no-control-socket", *self.options],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        wait_until(self.answers, f"the site on port {self.port} answers (its log: {self.log})", seconds=60)
        return self

    def answers(self):
        if self.master.poll() is not None:
            raise RuntimeError(self.log.read_text())
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        with suppress(OSError), closing(connection):
            connection.request("GET", "/healthz/live", headers={"Host": self.host})
            return connection.getresponse().status == 200
        return False

    def workers(self):
        """Their process ids."""
        tasks = Path(f"/proc/{self.master.pid}/task/{self.master.pid}/children")
        return [int(pid) for pid in tasks.read_text().split()]

    def memory(self):
        """Memory of its workers together, in MB."""
        pages = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self.workers()]
        return sum(pages) * os.sysconf("SC_PAGE_SIZE") / 1024**2

    def stop(self):
        if self.master.poll() is not None:
            return  # a drill has ended it
        left = self.workers()
        self.master.send_signal(signal.SIGQUIT)
        try:
            self.master.wait(10)
        except subprocess.TimeoutExpired:
            self.master.kill()
            self.master.wait()
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def errors(self):
        """Lines of its log that would raise an alarm."""
        return [line for line in self.log.read_text().splitlines() if '"level": "ERROR"' in line]


@contextmanager
def deployed(*sites):
    started = []
    try:
        for site in sites:
            started.append(site.start())
        yield sites
    finally:
        for site in started:
            site.stop()
