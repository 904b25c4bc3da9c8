"""Many sign-ins for a long time, and how a flood of guesses slows them."""

import os
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from statistics import mean, median

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from accounts.known_browsers import BROWSERS_PER_PERSON
from accounts.models import PasswordTries
from accounts.password_tries import COOL_OFF
from tests.machinery.drills.continuous_sign_ins import ContinuousSignIns, percentile
from tests.machinery.drills.deployed import Site, deployed
from tests.machinery.drills.populate import create_enrolled_people
from tests.machinery.drills.visitor import LOGIN, VERIFY, Visitor, credentials
from twofactor.models import Event

MINUTES = float(os.environ.get("LOAD_MINUTES", "1"))
ELSEWHERE = {"X_Real_IP": "192.0.2.7"}  # else the flood would lock the address that everyone comes from
GUESSES_A_SECOND = 50
SLICE = 15  # seconds
SLICES = 3
OLD_ROWS = 200_000
SIGN_INS_A_SECOND = 20

pytestmark = pytest.mark.long


def failures(done):
    """Returns the error statuses, and the statuses of each sign-in that did not succeed."""
    errors = [each.status for one in done for each in one.answers if not 200 <= each.status < 500]
    return errors, [[each.status for each in one.answers] for one in done if not one.accepted]


def told(seconds):
    median_, late, last = (1000 * percentile(seconds, share) for share in (0.5, 0.95, 0.99))
    return f"p50 {median_:.0f}, p95 {late:.0f}, p99 {last:.0f} ms"


def rows_and_bytes():
    """Of every table."""
    tables = [model._meta.db_table for model in apps.get_models()]
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        sizes = {}
        for table in tables:
            cursor.execute(f"SELECT count(*), pg_total_relation_size('{table}') FROM {table}")  # noqa: S608
            sizes[table] = cursor.fetchone()
    return sizes


def test_minutes_of_sign_ins_break_nothing_and_keep_nothing(on_postgres, folder, report):
    """Two app servers on PostgreSQL: no errors, no growing memory, and only the rows that should stay."""
    phones, before, memory = create_enrolled_people(600, "argon2"), rows_and_bytes(), []
    with deployed(*(Site(on_postgres, folder) for _ in range(2))) as sites:
        with ContinuousSignIns([site.port for site in sites], phones, threads=4) as sign_ins:
            end = time.monotonic() + 60 * MINUTES
            while time.monotonic() < end:
                sign_ins.enough.wait(1)
                memory.append(sum(site.memory() for site in sites))
        logged = [line for site in sites for line in site.errors()]
    done, after = sign_ins.done, rows_and_bytes()
    grown = {table: after[table][0] - before[table][0] for table in after if after[table] != before[table]}
    fifth = len(memory) // 5
    early, late = mean(memory[fifth : 2 * fifth]), mean(memory[-fifth:])
    bytes_ = sum(after[table][1] - before[table][1] for table in after) / len(done)
    report(f"load: {len(done)} sign-ins in {MINUTES:g} min, {len(done) / MINUTES / 60:.1f} a second")
    report(f"      sign-in {told([one.seconds for one in done])}")
    report(f"      page    {told([each.seconds for one in done for each in one.answers])}")
    report(f"      memory of four workers {early:.0f} MB in the second fifth, {late:.0f} MB in the last")
    report(f"      {bytes_:.0f} bytes a sign-in; rows {grown}")
    assert (failures(done), logged) == (([], []), [])
    assert late <= early * 1.1
    # Nobody brings the browser they came with before, which is remembered each time and told once a day.
    times = Counter(one.email for one in done)
    assert +Counter(grown) == Counter(
        accounts_knownbrowser=sum(min(came, BROWSERS_PER_PERSON) for came in times.values()),
        twofactor_event=2 * len(done) - len(times),
        twofactor_allowance=sum(came > 1 for came in times.values()),
        twofactor_session=len(done),
    )


@contextmanager
def a_flood(ports, email, kind):
    """Wrong codes or wrong passwords for one account, from one place, at a steady rate."""
    enough, answered, turns = threading.Event(), [], count()
    began = time.monotonic()
    mallory = Visitor(*ports)
    mallory.get(LOGIN)
    mallory.post(LOGIN, credentials(email), **ELSEWHERE)

    def guess():
        while not enough.is_set():
            turn = next(turns)
            if enough.wait(max(began + turn / GUESSES_A_SECOND - time.monotonic(), 0)):
                return
            if kind == "codes":
                answer = mallory.second_tab().post(VERIFY, {"code": f"{turn % 10**6:06}"}, **ELSEWHERE)
            else:
                form = {"username": email, "password": f"wrong {turn}"}
                answer = mallory.second_tab().post(LOGIN, form, **ELSEWHERE)
            answered.append(answer.status)

    with ThreadPoolExecutor(8) as threads:
        running = [threads.submit(guess) for _ in range(8)]
        try:
            yield answered
        finally:
            enough.set()
    for each in running:
        each.result()


@pytest.mark.proves("F-15")
@pytest.mark.parametrize("kind", ["codes", "passwords"])
def test_a_flood_of_guesses_at_one_account_does_not_slow_down_others(on_postgres, folder, report, kind):
    """Fifty a second, on and off in turns, so that other load on the machine affects both equally."""
    phones = create_enrolled_people(400, "argon2")
    victim = next(iter(phones))
    others = {email: phone for email, phone in phones.items() if email != victim}
    calm, flooded, guesses, seconds = [], [], [], 0.0
    with deployed(*(Site(on_postgres, folder, TRUSTED_PROXIES="127.0.0.1") for _ in range(2))) as sites:
        ports = [site.port for site in sites]
        with ContinuousSignIns(ports, others, threads=2, pause=0.3) as sign_ins:
            for _ in range(SLICES):
                calm += during(sign_ins, SLICE)
                began = time.monotonic()
                with a_flood(ports, victim, kind) as answered:
                    flooded += during(sign_ins, SLICE)
                seconds += time.monotonic() - began
                guesses += answered
    before, beside = (percentile([one.seconds for one in done], 0.95) for done in (calm, flooded))
    looked_at = Event.objects.filter(kind__in=["second_factor_refused", "second_factor_locked"]).count()
    rate = len(guesses) / seconds
    report(f"F-15: {rate:.0f} {kind} a second, of {len(guesses)} guesses at codes looked at {looked_at}")
    report(f"      others before {told([one.seconds for one in calm])} ({len(calm)} sign-ins)")
    report(f"      others beside {told([one.seconds for one in flooded])} ({len(flooded)} sign-ins)")
    assert failures(calm + flooded) == ([], [])
    assert (looked_at <= 8, max(guesses) < 500) == (True, True)
    assert beside <= 2 * before


def during(sign_ins, seconds):
    """The sign-ins that began and ended in that time."""
    began = time.monotonic()
    sign_ins.enough.wait(seconds)
    return [one for one in list(sign_ins.done) if one.began > began]


@pytest.mark.proves("F-06-load")
def test_twenty_sign_ins_a_second_on_sqlite_are_never_told_to_wait(on_sqlite, folder, report):
    """Password and code, without the pages before them; hashed cheaply, because this is about writing."""
    phones = create_enrolled_people(SIGN_INS_A_SECOND * 60)
    site = Site(on_sqlite, folder, workers=3, DRILL_CHEAP_PASSWORDS="yes")

    def sign_in(turn, email, phone):
        time.sleep(max(began + turn / SIGN_INS_A_SECOND - time.monotonic(), 0))
        visitor = Visitor(site.port)
        visitor.cookies["csrftoken"] = "x" * 32
        asked = visitor.post(LOGIN, credentials(email))
        return asked.status, visitor.enter(phone.code()).status

    with deployed(site), ThreadPoolExecutor(8) as threads:
        began = time.monotonic()
        statuses = list(threads.map(sign_in, count(), *zip(*phones.items(), strict=True)))
        seconds = time.monotonic() - began
    others, log = [each for each in statuses if each != (303, 303)], site.log.read_text()
    report(f"F-06: {len(statuses)} sign-ins on SQLite in {seconds:.0f} s; went wrong: {others}")
    assert "is locked" not in log
    assert others == []
    if seconds > 66:
        pytest.skip(f"no error, but no more than {len(statuses) / seconds:.0f} a second on this machine")


@pytest.mark.proves("X-13-load")
def test_with_many_old_rows_a_wrong_password_is_as_quick(on_postgres, folder, report):
    """Of other people at other addresses: first while they count, then when their time is over."""
    with deployed(Site(on_postgres, folder, TRUSTED_PROXIES="127.0.0.1")) as [site]:
        empty = wrong_passwords(site.port, "192.0.2.1")
        now = timezone.now()
        PasswordTries.objects.bulk_create(
            (
                PasswordTries(
                    name_digest=f"q{number}", address=f"198.18.{number // 250 % 250}.{number % 250}"
                )
                for number in range(OLD_ROWS)
            ),
            batch_size=5000,
        )
        live = wrong_passwords(site.port, "192.0.2.2")
        PasswordTries.objects.update(last_at=now - COOL_OFF - timedelta(minutes=1))
        over = wrong_passwords(site.port, "192.0.2.3")
    report(f"X-13: a wrong password without rows {told(empty)}")
    report(f"      with {OLD_ROWS} rows {told(live)}; with all of them out of date {told(over)}")
    assert max(over) < 1
    assert percentile(live, 0.95) < max(0.1, 1.5 * percentile(empty, 0.95))
    assert median(live) < 0.1


def wrong_passwords(port, address):
    """Seconds of each of forty, for as many people: fewer than an address is allowed."""
    visitor, answers = Visitor(port), []
    visitor.get(LOGIN)
    for number in range(40):
        form = {"username": f"p{number}@example.com", "password": "wrong"}
        answers.append(visitor.post(LOGIN, form, X_Real_IP=address))
    assert {answer.status for answer in answers} == {422}
    return [answer.seconds for answer in answers]
