"""PostgreSQL on three machines, as in docs/how-to/deploy.md: Patroni, etcd and HAProxy, here all on loopback.

What a deployment has and this has not: three etcds, passwords, and machines that can lose each other.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psycopg

from tests.machinery import programs
from tests.machinery.drills.waiting import wait_until

PROGRAMS = ["etcd", "haproxy", "patroni"]
SBIN = "/usr/sbin"  # not on everyone's PATH

# A leader that has gone is missed after `ttl` seconds at most. `strict`: rather no commit than one that
# stands on a single machine, for a code that was spent there could be used again elsewhere.
AGREED = {
    "ttl": 20,
    "loop_wait": 5,
    "retry_timeout": 5,
    "synchronous_mode": True,
    "synchronous_mode_strict": True,
    "postgresql": {
        "use_pg_rewind": True,
        "parameters": {"max_connections": 100, "wal_retrieve_retry_interval": "1s"},
    },
}
MUCH_BEHIND = 1024 * 1024  # bytes, of which a busy leader is always a few ahead
PROXY = """\
defaults
    mode tcp
    timeout connect 2s
    timeout check 2s
    timeout client 30m
    timeout server 30m

listen postgres
    bind 127.0.0.1:{port}
    option httpchk OPTIONS /primary
    http-check expect status 200
    default-server inter 1s fall 2 rise 1 on-marked-down shutdown-sessions
"""


def missing():
    return [program for program in PROGRAMS if not program_path(program)]


def program_path(name):
    return shutil.which(name, path=os.pathsep.join([os.environ["PATH"], SBIN]))


def free_ports(number):
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [bound.getsockname()[1] for bound in sockets]


class Program:
    """One that runs until it is stopped, as a user that PostgreSQL accepts."""

    def __init__(self, name, folder, *arguments):
        self.command, self.folder, self.name = [program_path(name), *arguments], folder, name

    def start(self):
        as_owner = {"user": "postgres", "group": "postgres", "extra_groups": []} if programs.IS_ROOT else {}
        with (self.folder / f"{self.name}.log").open("ab") as log:
            environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}
            self.process = subprocess.Popen(
                self.command, cwd=self.folder, env=environment, stdout=log, stderr=log, **as_owner
            )

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Member:
    """One PostgreSQL and the Patroni that manages it."""

    def __init__(self, name, folder, etcd, peers):
        self.name, self.folder = name, folder / name
        self.folder.mkdir()
        if programs.IS_ROOT:
            shutil.chown(self.folder, "postgres", "postgres")
        self.postgres, self.rest = peers
        self.file = self.folder / "patroni.json"
        self.file.write_text(json.dumps(self.described(etcd)))
        self.patroni = Program("patroni", self.folder, str(self.file))

    def described(self, etcd):
        rest, postgres = f"127.0.0.1:{self.rest}", f"127.0.0.1:{self.postgres}"
        return {
            "scope": "countersign",
            "name": self.name,
            "restapi": {"listen": rest, "connect_address": rest},
            "etcd3": {"host": f"127.0.0.1:{etcd}"},
            "bootstrap": {
                "dcs": AGREED,
                "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}, {"auth": "trust"}],
                "pg_hba": ["host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"],
            },
            "postgresql": {
                "listen": postgres,
                "connect_address": postgres,
                "data_dir": str(self.folder / "data"),
                "bin_dir": str(Path(programs.postgres()).resolve().parent),
                "pgpass": str(self.folder / "pgpass"),
                "authentication": {
                    "superuser": {"username": "postgres"},
                    "replication": {"username": "replicator"},
                },
                "parameters": {"unix_socket_directories": str(self.folder)},
            },
        }

    def pids(self):
        """Patroni, the postmaster and its children."""
        found = [self.patroni.process.pid] if self.patroni.process.poll() is None else []
        with suppress(FileNotFoundError, ValueError):
            postmaster = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
            children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
            found += [postmaster, *map(int, children)]
        return found

    def signal(self, number):
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.patroni.process.wait()

    def stop(self):
        if self.patroni.process.poll() is None:
            self.patroni.stop()


class Cluster:
    def __init__(self, folder):
        etcd, peer, self.port, *ports = free_ports(9)
        self.folder = folder
        here = f"http://127.0.0.1:{etcd}"
        addresses = ["--listen-client-urls", here, "--advertise-client-urls", here]
        peers = ["--listen-peer-urls", f"http://127.0.0.1:{peer}"]
        self.etcd = Program("etcd", folder, "--data-dir", str(folder / "etcd"), *addresses, *peers)
        pairs = zip(ports[::2], ports[1::2], strict=True)
        self.members = [
            Member(name, folder, etcd, pair)
            for name, pair in zip(["one", "two", "three"], pairs, strict=True)
        ]
        (folder / "haproxy.cfg").write_text(
            PROXY.format(port=self.port)
            + "".join(
                f"    server {m.name} 127.0.0.1:{m.postgres} check port {m.rest}\n" for m in self.members
            )
        )
        self.haproxy = Program("haproxy", folder, "-db", "-f", str(folder / "haproxy.cfg"))

    def state(self):
        """The state of the cluster as each answering member reports it, by name."""
        for member in self.members:
            with suppress(OSError, urllib.error.URLError, ValueError):
                address = f"http://127.0.0.1:{member.rest}/cluster"
                with urllib.request.urlopen(address, timeout=2) as answer:
                    return {each["name"]: each for each in json.load(answer)["members"]}
        return {}

    def leader(self):
        """The member that the proxy's check accepts as the leader."""
        for member in self.members:
            with suppress(OSError, urllib.error.URLError):
                address = f"http://127.0.0.1:{member.rest}/primary"
                with urllib.request.urlopen(address, timeout=2):
                    return member
        return None

    def is_whole(self):
        """All members run, follow the leader's timeline, and have all its data."""
        members = self.state().values()
        roles = sorted(each["role"] for each in members if each["state"] in {"running", "streaming"})
        together = len({each.get("timeline") for each in members}) == 1
        behind = sum(each["lag"] for each in members if isinstance(each.get("lag"), int))
        return roles == ["leader", "replica", "sync_standby"] and together and behind < MUCH_BEHIND

    def address(self, database="countersign"):
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}"

    def make_database(self):
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE countersign")


@contextmanager
def running():
    folder = Path(tempfile.mkdtemp(prefix="countersign-patroni-", dir="/tmp"))
    if programs.IS_ROOT:
        shutil.chown(folder, "postgres", "postgres")
    cluster = Cluster(folder)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        for program in [cluster.etcd, cluster.haproxy]:
            program.start()
            stack.callback(program.stop)
        for member in cluster.members:
            member.patroni.start()
            stack.callback(member.stop)
        wait_until(cluster.is_whole, f"the cluster in {folder} is whole", seconds=120, every=0.5)
        wait_until(lambda: can_connect(cluster), "the proxy leads to the leader", seconds=20, every=0.5)
        cluster.make_database()
        yield cluster


def can_connect(cluster):
    with suppress(psycopg.OperationalError):
        psycopg.connect(cluster.address("postgres"), connect_timeout=2).close()
        return True
    return False
