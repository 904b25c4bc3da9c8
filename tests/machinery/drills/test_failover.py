"""A machine is lost, and another, while people sign in: the way out of one machine (docs, Deploy)."""

import os
import signal
import time
from collections import Counter

import pytest
from django.db import connection

from tests.machinery.drills import cluster
from tests.machinery.drills.continuous_sign_ins import ContinuousSignIns
from tests.machinery.drills.deployed import ROOT, Site, deployed
from tests.machinery.drills.populate import create_enrolled_people, create_tables, use_database
from tests.machinery.drills.visitor import Visitor
from tests.machinery.drills.waiting import wait_until
from twofactor.factors import totp
from twofactor.models import Authenticator, Event

KILLS = int(os.environ.get("FAILOVER_KILLS", "4"))
PEOPLE = 240
SECONDS_TO_RESUME = 30
WINDOW = 60  # seconds in which a code that was accepted might still be right


@pytest.fixture
def patroni():
    if missing := cluster.missing():
        pytest.skip(f"needs {', '.join(missing)}")
    with cluster.running() as running:
        yield running


@pytest.fixture
def phones(patroni, unblocked):
    with use_database(patroni.address()):
        create_tables()
        yield create_enrolled_people(PEOPLE, "argon2")


@pytest.fixture
def ports(patroni, phones, folder):
    """Two app servers; each person uses both in turns."""
    with deployed(*(Site(patroni.address(), folder) for _ in range(2))) as sites:
        yield [site.port for site in sites]


def freeze(member):
    """Like a machine that hangs: every connection stays open, and nothing answers."""
    member.signal(signal.SIGSTOP)


def replays(ports, accepted):
    """Enters recently accepted codes again, with the right password. Returns the people who get in."""
    fresh = [each for each in accepted if time.monotonic() - each.ended < WINDOW]
    got_in = []
    for each in fresh:
        thief = Visitor(*ports)
        thief.give_password(each.email)
        thief.enter(each.code)
        got_in += [each.email] if thief.is_signed_in() else []
    return len(fresh), got_in


def lose_the_leader(patroni, sign_ins, lose):
    """Seconds until someone who came after the loss was in."""
    wait_until(patroni.is_whole, "the cluster is whole", seconds=120, every=0.5)
    wait_until(
        lambda: len(sign_ins.accepted(time.monotonic() - 5)) > 3, "people sign in", seconds=60, every=0.2
    )
    leader, lost_at = patroni.leader(), time.monotonic()
    lose(leader)
    first = wait_until(lambda: sign_ins.accepted(lost_at), "someone signs in again", seconds=120, every=0.1)
    return leader, min(each.ended for each in first) - lost_at


@pytest.mark.long
def test_the_leader_is_lost_again_and_again_and_nothing_accepted_is_forgotten(patroni, ports, phones, report):
    waits, tried, stolen = [], 0, []
    with ContinuousSignIns(ports, phones, threads=4) as sign_ins:
        for number in range(KILLS):
            before = len(sign_ins.done)
            hangs = number % 3 == 2
            leader, wait = lose_the_leader(patroni, sign_ins, freeze if hangs else cluster.Member.kill)
            seen, got_in = replays(ports, sign_ins.accepted()[-40:])
            if hangs:
                leader.kill()
            leader.patroni.start()
            waits.append(wait)
            tried, stolen = tried + seen, stolen + got_in
            failed = Counter(each.answers[-1].status for each in sign_ins.done[before:] if not each.accepted)
            how = f"{leader.name} {'hangs' if hangs else 'is killed'}"
            report(f"{how}: in again after {wait:.1f} s; turned away: {dict(failed)}; {seen} replays")
        wait_until(patroni.is_whole, "the cluster is whole", seconds=120, every=0.5)
    accepted = sign_ins.accepted()
    report(
        f"{len(accepted)} sign-ins over {KILLS} lost leaders, at most {max(waits):.1f} s without; "
        f"{len(forgotten(accepted, phones))} forgotten, {len(stolen)} of {tried} replays got in"
    )
    assert stolen == []
    assert Counter((each.email, each.code) for each in accepted).most_common(1)[0][1] == 1
    assert forgotten(accepted, phones) == []
    assert max(waits) <= SECONDS_TO_RESUME


def forgotten(accepted, phones):
    """Codes that were answered as accepted, but are missing in the database."""
    connection.close()  # it led to a leader that has been lost since
    steps = dict(Authenticator.objects.values_list("user__email", "last_step"))
    events = Counter(Event.objects.filter(kind="signed_in_with_code").values_list("user__email", flat=True))
    told = Counter(each.email for each in accepted)
    newest = {each.email: each.code for each in sorted(accepted, key=lambda each: each.ended)}
    unspent = [email for email, code in newest.items() if is_later(phones[email], code, steps[email])]
    return unspent + [email for email, number in told.items() if events[email] < number]


def is_later(phone, code, step):
    """A code of a later step than the last one that was spent."""
    return code in {totp.code_at(phone.key, step + number) for number in range(1, 20)}


def test_the_documentation_has_what_the_drill_uses():
    lines = (ROOT / "docs/how-to/deploy.md").read_text().splitlines()
    page = {line.partition("#")[0].strip() for line in lines}
    agreed = {
        f"{name}: {str(value).lower()}" for name, value in cluster.AGREED.items() if name != "postgresql"
    }
    proxy = {line.strip() for line in cluster.PROXY.splitlines() if "bind" not in line}
    assert (agreed | proxy) - page == set()
