"""A thousand people and many more: what a step costs, by which indexes, and what prune and rotate hold up."""

import base64
import subprocess
import sys

import psycopg

from tests.bench.flows import FLOWS, ROWS
from tests.bench.run import KEY, ROOT, Subject, as_markdown, environment, say, spread
from tests.bench.worker import PEOPLE

FEW = 1000
EVENTS = 10  # of the audit log, for each person
OLD = base64.urlsafe_b64encode(b"older" * 6 + b"12").decode()  # what the crowd's keys are sealed with
KEYS = f"{KEY},{OLD}"
MEMORY = {"shared_buffers": "1GB", "max_wal_size": "8GB"}
TIMES = 3
SECONDS = 20  # that prune, and rotate-keys, are watched

CROWD = {
    "people": """
        INSERT INTO accounts_user (email, name, language, password, is_active, is_staff, is_superuser,
            security_epoch, email_verified_at, last_login, date_joined)
        SELECT 'crowd' || n || '@example.com', '', '', 'md5$salt$' || md5(n::text), true, false, false,
            0, now(), now() - n * interval '1 second', now() - interval '1 year'
        FROM generate_series(1, %(people)s) n""",
    "guess budgets": """
        INSERT INTO twofactor_guessbudget (user_id, failures, day_failures)
        SELECT id, 0, 0 FROM accounts_user WHERE email LIKE 'crowd%%'""",
    "backup codes": """
        INSERT INTO twofactor_backupcode (user_id, digest, imported)
        SELECT id, '$argon2id$v=19$m=19456,t=2,p=1$' || md5(id::text) || '$' || md5(id || '-' || n), false
        FROM accounts_user, generate_series(1, 10) n WHERE email LIKE 'crowd%%'""",
    "phones": """
        INSERT INTO twofactor_phone (user_id, number, verified_at, new_number)
        SELECT id, '+491701234567', now(), '' FROM accounts_user WHERE email LIKE 'crowd%%'""",
    "trusted browsers": """
        INSERT INTO twofactor_trustedbrowser (user_id, digest, session_hash, label, trusted_at, last_used_at,
            expires_at)
        SELECT id, md5(id::text), md5(id::text), 'Firefox', now(), now(),
            now() + random() * interval '30 days' FROM accounts_user WHERE email LIKE 'crowd%%'""",
    "unfinished set-ups": """
        INSERT INTO twofactor_draft (user_id, kind, sealed, started_at, failures)
        SELECT id, 'codes', '', now(), 0 FROM accounts_user WHERE email LIKE 'crowd%%'""",
    "allowances": """
        INSERT INTO twofactor_allowance (key, count, began_at)
        SELECT 'setup:crowd' || n, 1, now() FROM generate_series(1, %(people)s) n""",
    "audit log": """
        INSERT INTO twofactor_event (user_id, kind, at, ip_address, browser, detail)
        SELECT first + n %% %(people)s, 'second_factor_accepted', now() - random() * interval '500 days',
            '10.0.0.1', 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0',
            '{"method": "totp"}'
        FROM generate_series(1, %(people)s * %(events)s) n,
            (SELECT min(id) AS first FROM accounts_user WHERE email LIKE 'crowd%%') found""",
    "wrong passwords, half of them just expired": """
        INSERT INTO axes_accessattempt (username, ip_address, user_agent, http_accept, path_info,
            attempt_time, get_data, post_data, failures_since_start)
        SELECT 'stranger' || n || '@example.com', '172.16.0.0'::inet + n, '', '', '',
            now() - random() * interval '30 minutes', '', '', 1 FROM generate_series(1, %(people)s) n""",
    "sessions, half of them expired": """
        INSERT INTO django_session (session_key, session_data, expire_date)
        SELECT md5(n::text) || 'crowd', repeat(md5(n::text), 10), now() + (random() - 0.5) * interval '2 days'
        FROM generate_series(1, %(people)s) n""",
}


def fill(connection, people):
    """Within a worker. Keys are sealed one by one, because rotate-keys will open them."""
    from django.utils import timezone

    with connection.cursor() as cursor:
        for what, sentence in CROWD.items():
            cursor.execute(sentence, {"people": people, "events": EVENTS})
            say(f"{cursor.rowcount:,} {what}")
        cursor.execute("CREATE TEMPORARY TABLE sealed (user_id bigint, token text)")
        cursor.execute("SELECT id FROM accounts_user WHERE email LIKE 'crowd%'")
        ids = [pk for (pk,) in cursor.fetchall()]
        with cursor.copy("COPY sealed FROM STDIN") as copy:
            for pk, token in sealed(ids, timezone.now()):
                copy.write_row((pk, token))
        cursor.execute(
            "INSERT INTO twofactor_authenticator (user_id, sealed_key, digits, period, t0, drift, last_step,"
            " enabled_at) SELECT user_id, token, 6, 30, 0, 0, 0, now() FROM sealed"
        )
        cursor.execute("VACUUM ANALYZE")


def sealed(ids, now):
    from django.test import override_settings

    from twofactor import vault
    from twofactor.models import Authenticator, owner

    with override_settings(TWOFACTOR_KEYS=[OLD]):
        for pk in ids:
            yield pk, vault.seal(Authenticator.PURPOSE, owner(pk), "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", now)


def measure(databases, people, turns):
    """Markdown: what each row costs among so many people in ratio to a thousand, and what holds it up."""
    databases.server.ask(*(f"ALTER SYSTEM SET {name} = '{value}'" for name, value in MEMORY.items()))
    databases.server.stop("fast")
    databases.server.start()
    few, many = (ready(databases, name, crowd) for name, crowd in [("few", FEW), ("many", people)])
    try:
        rows = compared(few, many, turns)
        slow = sorted({sql for flow in FLOWS for sql in many.ask("unindexed", flow=flow)})
        told = weights(many, people)
        held = [["nothing", *many.ask("waits", seconds=SECONDS)]]
        for command in (["prune"], ["rotate-keys"]):
            with running(command, many):
                held.append([f"`{command[0]}`", *many.ask("waits", seconds=SECONDS)])
    finally:
        few.stop()
        many.stop()
    head = [f"PostgreSQL, CPU among {people:,} people", f"in ratio to {FEW:,}"]
    found = [
        as_markdown([head, *rows]),
        told,
        f"Statements that read a whole table or index: {slow or 'none'}.",
    ]
    return "\n\n".join([*found, as_markdown([["meanwhile", "sign-ins", "median, ms", "longest, ms"], *held])])


def weights(subject, people):
    """Bytes on the disk, indexes included."""
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
    """A command of the site in the background, ended with the block: both are safe to stop."""

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
            say(f"{self.process.args[-1]} was done before we had finished looking")
        self.process.terminate()
        self.process.wait(30)
