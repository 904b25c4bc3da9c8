"""What each step costs with 1,000 people and with many more, and how prune and rotate-keys slow it."""

import base64
import subprocess
import sys

import psycopg

from tests.machinery.bench.flows import FLOWS, ROWS
from tests.machinery.bench.many_people import EVENTS, insert_people
from tests.machinery.bench.run import KEY, ROOT, Subject, as_markdown, environment, say, spread
from tests.machinery.bench.worker import PEOPLE

FEW = 1000
OLD = base64.urlsafe_b64encode(b"older" * 6 + b"12").decode()  # the key with which the stored rows are sealed
KEYS = f"{KEY},{OLD}"
MEMORY = {"shared_buffers": "1GB", "max_wal_size": "8GB"}
TIMES = 3
SECONDS = 120  # for which each command is watched; enough for prune to reach every table
COMMANDS = [["prune", "--events-days", "498"], ["rotate-keys"]]


def fill(connection, people):
    """Runs in a worker. Keys are sealed one by one, because rotate-keys will open them."""
    from django.utils import timezone

    with connection.cursor() as cursor:
        for what, rows in insert_people(cursor, people):
            say(f"{rows:,} {what}")
        cursor.execute("CREATE TEMPORARY TABLE sealed (user_id bigint, token text)")
        cursor.execute("SELECT id FROM accounts_user WHERE email LIKE 'crowd%'")
        ids = [pk for (pk,) in cursor.fetchall()]
        with cursor.copy("COPY sealed FROM STDIN") as copy:
            for pk, token in sealed(ids, timezone.now()):
                copy.write_row((pk, token))
        cursor.execute(
            "INSERT INTO twofactor_authenticator (user_id, name, sealed_key, digits, period, t0, drift,"
            " last_step, added_at, full_from)"
            " SELECT user_id, '', token, 6, 30, 0, 0, 0, now(), now() FROM sealed"
        )
        cursor.execute("VACUUM ANALYZE")


def sealed(ids, now):
    from django.test import override_settings

    from twofactor import sealing
    from twofactor.models import Authenticator

    with override_settings(TWOFACTOR_KEYS=[OLD]):
        for pk in ids:
            yield (
                pk,
                sealing.seal(
                    Authenticator.PURPOSE, sealing.owner_of(pk), "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", now
                ),
            )


def measure(databases, people, turns):
    """Returns Markdown tables: each cost relative to that with 1,000 people, and what slows sign-ins."""
    databases.server.ask(*(f"ALTER SYSTEM SET {name} = '{value}'" for name, value in MEMORY.items()))
    databases.server.stop("fast")
    databases.server.start()
    few = ready(databases, "few", FEW)
    many = ready(databases, "many", people)
    try:
        rows = compared(few, many, turns)
        slow = sorted({sql for flow in FLOWS for sql in many.ask("unindexed", flow=flow)})
        sizes_text = weights(many, people)
        waits = [["nothing", *many.ask("waits", seconds=SECONDS)]]
        for command in COMMANDS:
            with running(command, many):
                waits.append([f"`{command[0]}`", *many.ask("waits", seconds=SECONDS)])
    finally:
        few.stop()
        many.stop()
    head = [f"PostgreSQL, CPU among {people:,} people", f"in ratio to {FEW:,}"]
    found = [
        as_markdown([head, *rows]),
        sizes_text,
        f"Statements that read a whole table or index: {slow or 'none'}.",
    ]
    columns = ["meanwhile", "sign-ins", "median, ms", "longest, ms"]
    return "\n\n".join([*found, as_markdown([columns, *waits])])


def weights(subject, people):
    """Sizes on the disk, with indexes."""
    with psycopg.connect(subject.database) as connection:
        asked = "SELECT pg_total_relation_size('twofactor_event'), pg_database_size(current_database())"
        events, everything = connection.execute(asked).fetchone()
    person, event = (everything - events) / people, events / people / EVENTS
    return f"A person with a session takes {person / 1000:.1f} KB, a row of the audit log {event:.0f} bytes."


def ready(databases, name, crowd):
    folder = databases.folder / name
    folder.mkdir()
    subject = Subject("ours", databases.fresh(name), folder, BENCH_KEYS=KEYS)
    subject.ask("enrol", people=PEOPLE)
    say(f"{crowd:,} people are being made (how far it is: {subject.log})")
    subject.ask("fill", people=crowd)
    subject.ask("warm_up")
    say(f"{crowd:,} people are ready")
    return subject


def compared(few, many, turns):
    found = {row: [] for row in ROWS}
    for turn in range(turns + 1):
        for flow in FLOWS:
            first, second = (few, many) if turn % 2 else (many, few)
            costs = {each: each.ask("block", flow=flow, times=TIMES) for each in (first, second)}
            for row in costs[few] if turn else []:
                found[row].append(costs[many][row][0] / costs[few][row][0])
        say(f"size: turn {turn} of {turns}")
    return [[row, "{:.2f} ({:.2f}–{:.2f})".format(*spread(ratios))] for row, ratios in found.items()]


class running:
    """Runs a command in the background and ends it with the block. Both commands are safe to stop."""

    def __init__(self, command, subject):
        told = environment("ours", subject.database, subject.folder, BENCH_KEYS=KEYS)
        program = [sys.executable, "-m", "django", "twofactor", *command]
        self.process = subprocess.Popen(
            program, cwd=ROOT, env=told, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is not None:
            say(f"{' '.join(self.process.args[-2:])} ended before the measurement")
        self.process.terminate()
        self.process.wait(30)
