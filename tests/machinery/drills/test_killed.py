"""kill -9 at the worst moment: each change happens completely or not at all."""

import os
import re
import secrets
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count, repeat

import pytest

from tests.machinery.drills.deployed import Site, deployed
from tests.machinery.drills.populate import create_people, enrol_people
from tests.machinery.drills.visitor import NOBODY, SETUP, VERIFY, Visitor
from tests.machinery.drills.waiting import seconds_of, wait_until
from tests.people import PASSWORD, Phone
from twofactor.models import Authenticator, BackupCode, Event, GuessBudget

CODES = "/two-factor/setup/codes/"
NEW_CODES = "/two-factor/backup-codes/"
SETUPS = 200
TRIES = 20
KEY = re.compile(r"secret=([A-Z2-7]+)")


@pytest.fixture
def site(database, folder):
    with deployed(Site(database, folder, DRILL_CHEAP_PASSWORDS="yes")) as [site]:
        yield site


def is_complete_or_off(user):
    """Whether two-factor authentication is on. Fails if only a part of it is stored."""
    user.refresh_from_db()
    enabled = Event.objects.filter(user=user, kind="two_factor_enabled").count()
    state = (
        Authenticator.objects.filter(user=user).count(),
        BackupCode.objects.filter(user=user).count(),
        user.security_epoch,
        enabled,
    )
    assert state in {(0, 0, 0, 0), (1, 10, 1, 1)}
    return state[0] == 1


@pytest.mark.long
@pytest.mark.proves("F-01")
def test_killed_at_any_statement_set_up_is_whole(site, report):
    """The worker is killed before each statement of the last step in turn, and the step is repeated."""
    [alice] = create_people(["alice"], "md5")
    visitor, states = Visitor(site.port), []
    visitor.give_password(alice.email)
    phone = Phone(KEY.search(visitor.get(SETUP).body)[1])
    visitor.enter(phone.code(), "/two-factor/setup/verify/")
    for number in count(1):
        answer = visitor.post(CODES, {"saved": "on"}, X_Die_At=str(number))
        states.append(is_complete_or_off(alice))
        if answer.status != NOBODY:
            break
    report(f"F-01: died at {len(states) - 1} places, on from the {states.index(True) + 1}th on")
    assert states == sorted(states)


@contextmanager
def killing_workers(site, pause):
    """Kills a random worker at random times, this many seconds apart on average. Yields the process ids."""
    enough, killed = threading.Event(), []

    def kill():
        while not enough.wait(pause * secrets.randbelow(1000) / 500):
            if workers := site.workers():
                killed.append(secrets.choice(workers))
                with suppress(ProcessLookupError):
                    os.kill(killed[-1], signal.SIGKILL)

    with ThreadPoolExecutor(1) as thread:
        thread.submit(kill)
        try:
            yield killed
        finally:
            enough.set()


def set_up_with_retries(port, email):
    """Starts again whenever a worker has died. Returns the phone of the setup that succeeded."""
    phone = None
    for _ in range(TRIES):
        visitor = Visitor(port)
        if visitor.give_password(email).to == VERIFY:
            return phone  # it was on already, and only its answer was lost
        page = visitor.get(SETUP)
        if page.status == 200:
            phone = Phone(KEY.search(page.body)[1])
            visitor.enter(phone.code(off=-1), "/two-factor/setup/verify/")
            if visitor.post(CODES, {"saved": "on"}).to == "/two-factor/":
                return phone
    return None


def make_new_codes(port, email, phone):
    """With the codes of this step and the next, because setup has used the one before."""
    visitor = Visitor(port)
    visitor.sign_in(email, phone)
    form = {"password": PASSWORD, "code": phone.code(off=1)}
    visitor.post(NEW_CODES, form)
    return visitor.post(NEW_CODES, {"saved": "on"})


@pytest.mark.long
@pytest.mark.proves("F-01")
def test_killed_at_random_two_hundred_set_ups_are_whole(site, report):
    """Everyone whose setup succeeded can make new codes with the authenticator that was shown."""
    [first] = create_people(["first"], "md5")
    pause = 2 * seconds_of(set_up_with_retries, site.port, first.email)
    users = create_people([f"p{number}" for number in range(SETUPS)], "md5")
    with killing_workers(site, pause) as killed, ThreadPoolExecutor(3) as threads:
        emails = [user.email for user in users]
        phones = list(threads.map(set_up_with_retries, repeat(site.port), emails))
    on = [(user.email, phone) for user, phone in zip(users, phones, strict=True) if is_complete_or_off(user)]
    wait_until(lambda: Visitor(site.port).get("/").status, "the last killed worker has a successor")
    renewed = [make_new_codes(site.port, *each).to for each in on[:: SETUPS // 10]]
    report(
        f"F-01: {len(killed)} kills in {SETUPS} setups: {len(on)} on, none by half; "
        f"{len(renewed)} of {len(renewed)} asked made new codes"
    )
    assert renewed == ["/two-factor/"] * len(renewed)
    assert len(on) == SETUPS


@pytest.mark.proves("F-02")
def test_killed_between_the_code_and_the_session_nobody_is_in_and_the_next_code_works(site, report):
    """One person for each statement before which the worker is killed; the last time, before the answer."""
    users = create_people([f"p{number}" for number in range(40)], "md5")
    deaths, spent = [], []
    for number, (email, phone) in enumerate(enrol_people(users).items(), 1):
        visitor, code = Visitor(site.port), phone.code()
        visitor.give_password(email)
        answer = visitor.enter(code, X_Die_At=str(number))
        if answer.status != NOBODY:
            break
        deaths.append(visitor.is_signed_in())
        visitor.give_password(email)
        again = visitor.enter(code)
        spent.append(again.status == 422)
        last = visitor.enter(phone.code(off=1)) if spent[-1] else again
        assert (number, last.status, visitor.is_signed_in()) == (number, 303, True)
    report(
        f"F-02: died at {len(deaths)} places, code spent from the {spent.index(True) + 1}th on; nobody was in"
    )
    assert (any(deaths), spent) == (False, sorted(spent))
    assert not GuessBudget.objects.filter(failures__gt=0).exists()
