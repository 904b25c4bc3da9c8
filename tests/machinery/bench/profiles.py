"""Where the CPU time of each step goes. A profiler slows calls, so this gives shares and no times."""

import cProfile
import pstats
from collections import Counter
from contextlib import contextmanager

from tests.machinery.bench.flows import FLOWS, ROWS
from tests.machinery.bench.run import as_markdown, started
from tests.machinery.bench.worker import PEOPLE

TIMES = 30  # flows of each kind
GROUPS = {
    "templates, forms, words": ("/django/template", "/django/forms", "/django/utils/", "/django_htmx/"),
    "database": ("/django/db/", "/sqlite3/", "/psycopg", "/asgiref/"),
    "sessions, cookies, keys": (
        "/django/contrib/sessions/",
        "/django/contrib/messages/",
        "/django/core/signing",
        "/django/utils/crypto",
        "/django/middleware/csrf",
        "/http/cookies",
        "/cryptography/",
        "/json/",
        "/hmac.py",
        "/base64.py",
    ),
    "ours": ("/twofactor/", "/accounts/", "/config/"),
}
REST = "the rest of Django and Python"


def group_of(file):
    """The group with the longest matching name: django/utils/crypto does not count as django/utils."""
    found = [(len(part), group) for group, parts in GROUPS.items() for part in parts if part in file]
    return max(found, default=(0, REST))[1]


@contextmanager
def profiled():
    """Seconds by group, filled when the block ends. Time in C functions counts for their caller."""
    spent, profile = Counter(), cProfile.Profile()
    with profile:
        yield spent
    for (file, *_), (_, _, own, _, callers) in pstats.Stats(profile).stats.items():
        asked = {caller[0]: part[2] for caller, part in callers.items()} if file == "~" else {file: own}
        for caller, seconds in asked.items():
            spent[group_of(caller)] += seconds


def measure(databases):
    """Returns Markdown: the share of each group in each row of the table."""
    with started(["ours"], databases) as [subject]:
        subject.ask("enrol", people=PEOPLE)
        subject.ask("warm_up")
        found = {}
        for flow in FLOWS:
            found |= subject.ask("profile", flow=flow, times=TIMES)
    groups = [*GROUPS, REST]
    rows = []
    for row in ROWS:
        whole = sum(found[row].values())
        rows.append([row, *(f"{found[row].get(group, 0) / whole:.0%}" for group in groups)])
    return as_markdown([[f"{databases}, share of the CPU", *groups], *rows])
