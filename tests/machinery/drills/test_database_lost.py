"""When the database restarts, is full or is read-only, pages answer 503 and nobody gets in unchecked."""

import shutil
import time
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from django.db import OperationalError, connection

from tests.machinery import programs
from tests.machinery.drills.continuous_sign_ins import ContinuousSignIns
from tests.machinery.drills.deployed import Site, deployed
from tests.machinery.drills.populate import create_enrolled_people
from tests.machinery.drills.visitor import Visitor
from tests.machinery.drills.waiting import wait_until
from twofactor.models import Event, GuessBudget

WORKERS = 4
FEW = 5
WRONG = "000000"
# Root may write what is read-only for everyone; without these powers, root is like everyone.
AS_ANYONE = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner"] if programs.IS_ROOT else []


@pytest.mark.long
@pytest.mark.proves("F-05")
@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_postgresql_restarts_and_each_worker_fails_once_at_most(
    on_postgres, postgres_server, folder, report, mode
):
    phones = create_enrolled_people(120, "argon2")
    with (
        deployed(Site(on_postgres, folder, workers=WORKERS)) as [site],
        ContinuousSignIns([site.port], phones, 4) as sign_ins,
    ):
        for _ in range(3):
            wait_until(lambda: len(sign_ins.accepted(time.monotonic() - 5)) > 3, "people sign in", every=0.2)
            gone_at = time.monotonic()
            postgres_server.stop(mode)
            postgres_server.start()
            back_at = time.monotonic()
            wait_until(
                lambda since=back_at: len(sign_ins.accepted(since)) > 10, "people sign in again", every=0.1
            )
            answers = [each for one in list(sign_ins.done) for each in one.answers if each.began > gone_at]
            late = [each.status for each in answers if each.began > back_at and not 200 <= each.status < 500]
            meanwhile = Counter(each.status for each in answers if each.began <= back_at)
            report(
                f"F-05 {mode}: away for {back_at - gone_at:.1f} s, answers then {dict(meanwhile)}; "
                f"failed after it was back: {len(late)} of {len(answers)} with {WORKERS} workers"
            )
            assert len(late) <= WORKERS
            assert set(meanwhile) <= {200, 302, 303, 503}
    connection.close()  # the restart has closed this one, too
    assert accepted_by_email(sign_ins.accepted()) <= events_by_email("signed_in_with_code")


def accepted_by_email(accepted):
    return Counter(each.email for each in accepted)


def events_by_email(kind):
    return Counter(Event.objects.filter(kind=kind).values_list("user__email", flat=True))


# Nothing can be written: each person gives the password, a wrong code and the right one


def try_to_get_in(port, phones):
    """Returns the statuses of the answers, and who was signed in."""
    statuses, let_in = Counter(), Counter()
    for email, phone in phones.items():
        visitor = Visitor(port)
        asked = visitor.give_password(email)
        if asked.status == 303:
            statuses["wrong", visitor.enter(WRONG).status] += 1
            statuses["right", visitor.enter(phone.code()).status] += 1
        else:
            statuses["password", asked.status] += 1
        let_in[email] += visitor.is_signed_in()
    return statuses, +let_in


def nobody_gets_in(site, phones, report, how):
    statuses, let_in = try_to_get_in(site.port, phones)
    report(f"F-07 {how}: {dict(statuses)}, let in: {let_in.total()}")
    assert let_in == Counter()
    assert {status for _, status in statuses} == {503}
    assert GuessBudget.objects.filter(failures__gt=0).count() == 0


def all_get_in(site, phones):
    statuses, let_in = try_to_get_in(site.port, phones)
    assert (statuses["right", 303], let_in.total()) == (len(phones), len(phones))


@contextmanager
def read_only(*paths):
    before = {path: path.stat().st_mode for path in paths}
    for path in paths:
        path.chmod(before[path] & ~0o222)
    try:
        yield
    finally:
        for path in paths:
            path.chmod(before[path])


@pytest.mark.proves("F-07")
def test_a_file_that_is_read_only_lets_nobody_in(on_sqlite, folder, report):
    """After the file is writable again, everyone gets in."""
    if AS_ANYONE and not shutil.which(AS_ANYONE[0]):
        pytest.skip("needs setpriv, for root")
    phones = create_enrolled_people(FEW)
    with deployed(Site(on_sqlite, folder, within=AS_ANYONE, DRILL_CHEAP_PASSWORDS="yes")) as [site]:
        with read_only(Path(connection.settings_dict["NAME"])):
            nobody_gets_in(site, phones, report, "read-only file")
        all_get_in(site, phones)


@pytest.mark.proves("F-07")
def test_a_server_that_is_read_only_lets_nobody_in(on_postgres, postgres_server, folder, report):
    """Like a PostgreSQL server that has just lost its role as leader."""
    phones = create_enrolled_people(FEW)
    with deployed(Site(on_postgres, folder, DRILL_CHEAP_PASSWORDS="yes")) as [site]:
        reload = "SELECT pg_reload_conf()"
        takes_effect = "SELECT pg_sleep(1)"  # every process of the server reads its files anew by itself
        postgres_server.ask("ALTER SYSTEM SET default_transaction_read_only = on", reload, takes_effect)
        try:
            nobody_gets_in(site, phones, report, "read-only server")
        finally:
            postgres_server.ask("ALTER SYSTEM RESET default_transaction_read_only", reload)
        all_get_in(site, phones)


def every_answer_is_in_the_audit_log(statuses, let_in):
    """A few writes still succeed. Every wrong code that was compared was counted before."""
    assert {status for _, status in statuses} <= {422, 303, 503}
    assert let_in == events_by_email("signed_in_with_code")
    assert events_by_email("second_factor_refused").total() >= statuses["wrong", 422]


@pytest.mark.proves("F-07")
def test_a_server_whose_disk_is_full_lets_nobody_in_without_counting(on_a_small_disk, folder, report):
    phones = create_enrolled_people(30)
    with deployed(Site(on_a_small_disk, folder, DRILL_CHEAP_PASSWORDS="yes")) as [site]:
        fill_up()
        statuses, let_in = try_to_get_in(site.port, phones)
        report(f"F-07 full server: {dict(statuses)}, let in: {let_in.total()}")
        assert statuses["right", 503] + statuses["password", 503] > 0
        every_answer_is_in_the_audit_log(statuses, let_in)
        connection.cursor().execute("DROP TABLE rubbish")
        all_get_in(site, {email: phone for email, phone in phones.items() if email not in let_in})


def fill_up():
    """Inserts ever smaller batches of rows until the disk is full."""
    more = "INSERT INTO rubbish SELECT repeat('x', 7000) FROM generate_series(1, %s)"
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE rubbish (word text)")
        cursor.execute("ALTER TABLE rubbish ALTER word SET STORAGE PLAIN")
        for rows in [1000, 100, 10, 1]:
            with suppress(OperationalError):
                while True:
                    cursor.execute(more, [rows])


@pytest.mark.proves("F-07")
def test_a_file_that_may_not_grow_lets_nobody_in_without_counting(on_sqlite, folder, report):
    """Writing fails in the middle of a transaction, as on a full disk. With more room, everyone gets in."""
    phones = create_enrolled_people(30)
    connection.close()
    no_larger = ["prlimit", f"--fsize={200 * 1024}"]
    with deployed(Site(on_sqlite, folder, within=no_larger, DRILL_CHEAP_PASSWORDS="yes")) as [site]:
        statuses, let_in = try_to_get_in(site.port, phones)
    report(f"F-07 full: {dict(statuses)}, let in: {let_in.total()}")
    assert statuses["right", 503] + statuses["password", 503] > 0
    every_answer_is_in_the_audit_log(statuses, let_in)
    late = {email: phone for email, phone in phones.items() if email not in let_in}
    with deployed(Site(on_sqlite, folder, DRILL_CHEAP_PASSWORDS="yes")) as [site]:
        all_get_in(site, late)
