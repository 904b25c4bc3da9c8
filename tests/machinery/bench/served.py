"""Behind gunicorn, over loopback: sign-ins per CPU second, and the memory of a worker."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from itertools import islice
from math import ceil
from pathlib import Path
from socket import create_server
from statistics import median

import psycopg

from tests.machinery.bench.browser import Browser, over_http
from tests.machinery.bench.flows import sign_in
from tests.machinery.bench.run import ROOT, as_markdown, environment, say, spread, started
from tests.machinery.bench.subjects import SUBJECTS, Person
from tests.machinery.bench.table import known_browsers_only
from tests.machinery.bench.worker import STEP, cpu_of

WORKERS = 2  # of gunicorn, sync
VISITORS = 4  # at once
SIGN_INS = 40  # a block
REQUESTS = 5  # of one sign-in, the page after it included
CROWD = 3000  # people, for the weight of a worker
HASTE = 5  # seconds
PATIENCE = 60  # seconds until a server answers


class Served:
    """One subject behind gunicorn."""

    def __init__(self, subject, workers=WORKERS):
        self.subject, self.rules = subject, SUBJECTS[subject.name]
        with closing(create_server(("127.0.0.1", 0))) as free:
            self.port = free.getsockname()[1]
        where = ["--bind", f"127.0.0.1:{self.port}", "--workers", str(workers), "--no-control-socket"]
        self.master = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "django.core.wsgi:get_wsgi_application()", *where],
            cwd=ROOT,
            env=environment(subject.name, subject.database, subject.folder),
            stderr=(subject.folder / f"{subject.name}-served.log").open("wb"),
        )

    def wait(self):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with suppress(OSError):
                for _ in range(20):  # so that each worker has answered
                    Browser(over_http(self.port)).get(self.rules.login)
                return self
            time.sleep(0.1)
        raise RuntimeError(f"{self.subject.name} does not answer")

    def workers(self):
        children = Path(f"/proc/{self.master.pid}/task/{self.master.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def backends(self):
        """PostgreSQL's processes for the workers; those of the subject's own process rest meanwhile."""
        if not self.subject.database.startswith("postgres"):
            return []
        with psycopg.connect(self.subject.database) as connection:
            mine = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            asked = connection.execute(f"{mine} AND pid <> pg_backend_pid()")
            return [pid for (pid,) in asked.fetchall()]

    def cpu(self):
        """CPU seconds of the workers, and of PostgreSQL for them."""
        return sum(map(cpu_of, self.workers())), sum(map(cpu_of, self.backends()))

    def weight(self):
        """Resident memory of the only worker, in MiB."""
        (pid,) = self.workers()
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024

    def visitors(self, known):
        """People, each with the browser in which they have signed in before."""
        return [(Person(name, key), Browser(over_http(self.port), cookies)) for name, key, cookies in known]

    def sign_in(self, visitor):
        person, browser = visitor
        sign_in(self.rules, browser, person, unhurried)
        browser.leave()

    def block(self, people):
        """CPU time of one sign-in: the total, and the part of PostgreSQL."""
        began = self.cpu()
        with ThreadPoolExecutor(VISITORS) as crowd:
            list(crowd.map(self.sign_in, people))
        ours, theirs = (after - before for before, after in zip(began, self.cpu(), strict=True))
        return (ours + theirs) / len(people), theirs / len(people)

    def stop(self):
        self.master.terminate()
        self.master.wait(30)


def unhurried():
    """The time, but never at the end of a step, because the code would have changed when it arrives."""
    left = STEP - time.time() % STEP
    time.sleep(left if left < HASTE else 0)
    return time.time()


@contextmanager
def serving(subjects, **how):
    servers = []
    try:
        for subject in subjects:
            servers.append(Served(subject, **how))
        yield [server.wait() for server in servers]
    finally:
        for server in servers:
            server.stop()


def throughput(databases, names, turns):
    """CPU seconds of each sign-in and the page after it: [subject] is a list, turn by turn."""
    with started(names, databases) as subjects:
        known = {}
        for subject in subjects:  # nobody comes twice, because no code works twice
            known[subject.name] = subject.ask("acquaint", people=(turns + 1) * SIGN_INS)
            say(f"{databases}, gunicorn: {subject.name} is ready")
        with serving(subjects) as servers:
            crowds = {each.subject.name: iter(each.visitors(known[each.subject.name])) for each in servers}
            found = {name: [] for name in names}
            for turn in range(turns + 1):
                for server in servers[turn % len(servers) :] + servers[: turn % len(servers)]:
                    people = list(islice(crowds[server.subject.name], SIGN_INS))
                    found[server.subject.name].append(server.block(people))
                say(f"{databases}, gunicorn: turn {turn} of {turns}")
        known_browsers_only(subjects)
    return {name: costs[1:] for name, costs in found.items()}


def throughput_table(found, databases):
    """Sign-ins per CPU second, and relative to the floor: more is better."""
    rows = []
    for name, costs in found.items():
        pairs = zip(costs, found["floor"], strict=True)
        middle, low, high = spread([floor[0] / mine[0] for mine, floor in pairs])
        ratio = "1" if name == "floor" else f"{middle:.2f} ({low:.2f}–{high:.2f})"
        whole, database = (median(each) for each in zip(*costs, strict=True))
        rows.append([name, ratio, f"{1 / whole:.0f}", f"{database / whole:.0%}"])
    head = [
        f"{databases}, sign-ins behind gunicorn",
        "in ratio to the floor",
        "a CPU-second, here",
        "in PostgreSQL",
    ]
    return as_markdown([head, *rows])


def memory(databases, names, requests):
    """Memory of a worker in MiB: [subject] is a list, from the first answers to the last."""
    with started(names, databases) as subjects:
        for each in subjects:
            each.tell("acquaint", people=min(CROWD, ceil(requests / REQUESTS)))
        known = {each.name: each.answer() for each in subjects}
        with serving(subjects, workers=1) as servers, ThreadPoolExecutor(len(servers)) as at_once:
            grown = at_once.map(
                lambda each: growth(each, each.visitors(known[each.subject.name]), requests), servers
            )
            return dict(zip(names, grown, strict=True))


def growth(server, people, requests):
    """Whole sign-ins, of which each is so many requests; the crowd comes again when its codes are new."""
    weights, sign_ins = [server.weight()], ceil(requests / REQUESTS)
    for first in range(0, sign_ins, CROWD):
        began = time.monotonic()
        for person in people[: sign_ins - first]:
            server.sign_in(person)
        weights.append(server.weight())
        say(f"memory: {server.subject.name}, {min(first + CROWD, sign_ins)} of {sign_ins} sign-ins")
        time.sleep(max(0, STEP + 1 - (time.monotonic() - began)) if first + CROWD < sign_ins else 0)
    return weights


def memory_table(found, requests):
    head = [
        "worker of gunicorn, MiB resident",
        "at start",
        f"after {min(requests, CROWD * REQUESTS):,} requests",
    ]
    last = [f"after {requests:,}"] if requests > CROWD * REQUESTS else []
    rows = [
        [name, f"{first:.0f}", *(f"{weight:.0f}" for weight in (rest[0], rest[-1])[: 1 + len(last)])]
        for name, (first, *rest) in found.items()
    ]
    return as_markdown([head + last, *rows])


def startup(names, folder, turns):
    """CPU of `manage.py check`, of which nothing is shared between two runs."""
    found = {name: [] for name in names}
    for turn in range(turns):
        for name in names:
            program = [sys.executable, "-m", "django", "check"]
            told = environment(name, f"sqlite:///{folder / 'none.sqlite3'}", folder)
            child = subprocess.Popen(
                program, cwd=ROOT, env=told, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            used = os.wait4(child.pid, 0)[2]
            found[name].append(used.ru_utime + used.ru_stime)
        say(f"manage.py check: turn {turn + 1} of {turns}")
    return found


def startup_table(found):
    bare = found["bare"]
    rows = []
    for name, costs in found.items():
        middle, low, high = spread([mine / its for mine, its in zip(costs, bare, strict=True)])
        rows.append([name, "1" if name == "bare" else f"{middle:.2f} ({low:.2f}–{high:.2f})"])
    return as_markdown([["manage.py check, CPU", "in ratio to a bare project with the same packages"], *rows])
