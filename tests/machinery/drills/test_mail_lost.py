"""If the mail server is gone, refuses or hangs, one page takes a little longer, and says so."""

import socket
import threading
from contextlib import closing, contextmanager

import pytest
from django.db import connection

from tests.machinery.drills.deployed import Site, deployed
from tests.machinery.drills.populate import create_people, enrol_people
from tests.machinery.drills.visitor import Visitor
from tests.machinery.drills.waiting import wait_until
from tests.machinery.servers import BlackHole, Dripping, Unwilling, listening

SECONDS = 6
SECONDS_IN_TRANSACTION = 1  # a busy machine may stop the site between two statements
SEND = "/two-factor/verify/send/"


@contextmanager
def unused_port():
    with closing(socket.create_server(("127.0.0.1", 0))) as bound:
        port = bound.getsockname()[1]
    yield port


@contextmanager
def server_with(handler):
    with listening(handler) as server:
        yield server.server_address[1]


LOST = {
    "refused": unused_port,
    "sent away": lambda: server_with(Unwilling),
    "silent": lambda: server_with(BlackHole),
    "dripping": lambda: server_with(Dripping),
}


def seconds_in_transactions():
    """How long a connection of the site has waited in its open transaction by now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(extract(epoch FROM max(clock_timestamp() - state_change)), 0)::float "
            "FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"
        )
        return cursor.fetchone()[0]


@pytest.mark.long
@pytest.mark.proves("F-03")
@pytest.mark.parametrize("how", LOST)
def test_without_a_mail_server_the_page_is_quick_and_the_app_still_opens(on_postgres, folder, report, how):
    [(email, phone)] = enrol_people(create_people(["p"], "md5")).items()
    with LOST[how]() as port:
        where = {"EMAIL_URL": f"smtp://127.0.0.1:{port}", "DRILL_CHEAP_PASSWORDS": "yes"}
        with deployed(Site(on_postgres, folder, **where)) as [site]:
            visitor, answers, waits = Visitor(site.port), [], []
            visitor.give_password(email)
            asking = threading.Thread(target=lambda: answers.append(visitor.post(SEND, {"channel": "email"})))
            asking.start()
            wait_until(
                lambda: waits.append(seconds_in_transactions()) or answers,
                "there is an answer",
                seconds=20,
            )
            asking.join()
            [answer] = answers
            opened = visitor.enter(phone.code())
    figures = f"{answer.status} after {answer.seconds:.1f} s, at most {max(waits):.2f} s in a transaction"
    report(f"F-03 {how}: {figures}; then the authenticator {opened.status}")
    assert (answer.status, opened.status) == (503, 303)
    assert max(waits) < SECONDS_IN_TRANSACTION
    assert answer.seconds <= SECONDS
    assert 'href="/two-factor/verify/"' in answer.body
