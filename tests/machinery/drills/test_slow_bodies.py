"""Bodies that arrive a byte at a time block gunicorn, but not behind nginx, as in docs/how-to/deploy.md."""

import os
import re
import socket
import subprocess
import time
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.machinery import programs
from tests.machinery.drills.deployed import Site, deployed
from tests.machinery.drills.waiting import wait_until

PAGE = (Path(__file__).parents[3] / "docs/how-to/deploy.md").read_text()
SLOW_BODIES = 60
PATIENCE = 5  # seconds in which a visitor wants an answer
ADDRESSES = [f"127.0.0.{number}" for number in range(2, 8)]
SLOW = (
    "POST /accounts/login/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: csrftoken={token}\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\n"
)

pytestmark = pytest.mark.long


def block(language, word):
    """The code block of the page that contains this word."""
    return next(code for code in re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL) if word in code)


@pytest.fixture
def site(on_sqlite, folder):
    (folder / "gunicorn.conf.py").write_text(block("python", "gthread"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        front = free.getsockname()[1]
    here = Site(
        on_sqlite,
        folder,
        workers=4,
        options=["--config", str(folder / "gunicorn.conf.py")],
        BASE_URL=f"http://127.0.0.1:{front}",
    )
    with deployed(here):
        here.front = front
        yield here


@pytest.fixture
def in_front(site, folder):
    """Nginx with the configuration of that page, but for addresses and TLS."""
    if not programs.nginx():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("needs nginx")
    server = re.sub(r" *ssl_certificate.*\n", "", block("nginx", "limit_conn_zone"))
    server = server.replace("443 ssl", f"127.0.0.1:{site.front}").replace(":8000", f":{site.port}")
    places = "".join(
        f"{kind}_temp_path {folder / kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"pid {folder / 'nginx.pid'};\nevents {{}}\nhttp {{\n{places}{server}}}\n"
    )
    command = [
        programs.nginx(),
        "-p",
        folder,
        "-c",
        folder / "nginx.conf",
        "-g",
        "daemon off;",
        "-e",
        "stderr",
    ]
    nginx = subprocess.Popen(command)
    try:
        wait_until(lambda: answers(site.front, "/healthz/live"), "nginx answers")
        yield site.front
    finally:
        nginx.terminate()
        nginx.wait(20)


def answers(port, path, address="127.0.0.1"):
    """Whether a visitor gets a page in time."""
    visitor = HTTPConnection("127.0.0.1", port, timeout=PATIENCE, source_address=(address, 0))
    with closing(visitor):
        try:
            visitor.request("GET", path)
            return visitor.getresponse().status == 200
        except OSError:
            return False


@contextmanager
def slow_bodies(port):
    """Sends one byte a second from each of several addresses."""
    over = Event()
    with ExitStack() as stack:
        visitors = []
        for number in range(SLOW_BODIES):
            source = (ADDRESSES[number % len(ADDRESSES)], 0)
            visitor = stack.enter_context(
                socket.create_connection(("127.0.0.1", port), source_address=source)
            )
            visitor.sendall(SLOW.format(port=port, token="a" * 32).encode())
            visitors.append(visitor)
        thread = Thread(target=drip, args=[visitors, over])
        thread.start()
        time.sleep(2)
        try:
            yield
        finally:
            over.set()
            thread.join()


def drip(visitors, over):
    while not over.wait(1):
        for visitor in visitors:
            visitor.sendall(b"a")


def test_slow_bodies_hold_nobody_up_behind_nginx(in_front, report):
    with slow_bodies(in_front):
        began = time.monotonic()
        seen = [answers(in_front, path) for path in ("/healthz/live", "/accounts/login/") for _ in range(10)]
        report(f"{SLOW_BODIES} slow bodies: twenty pages in {time.monotonic() - began:.1f} seconds")
    assert seen == [True] * 20


def test_slow_bodies_hold_gunicorn_without_it(site):
    """Otherwise the test above would prove nothing."""
    with slow_bodies(site.port):
        assert not all(answers(site.port, "/healthz/live") for _ in range(20))


def test_one_address_has_so_many_connections_and_no_more(in_front):
    with ExitStack() as stack:
        for _ in range(20):
            visitor = stack.enter_context(socket.create_connection(("127.0.0.1", in_front)))
            visitor.sendall(SLOW.format(port=in_front, token="a" * 32).encode() + b"a")
        wait_until(
            lambda: not answers(in_front, "/healthz/live"), "the next connection is refused", every=0.2
        )
        assert answers(in_front, "/healthz/live", ADDRESSES[0])
