"""No letter in the outbox is lost. One arrives twice only if its worker dies just after the server's OK."""

import os
import secrets
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db.models import F

from tests.machinery.drills.deployed import ROOT, Site, deployed
from tests.machinery.drills.populate import create_people
from tests.machinery.drills.test_killed import killing_workers
from tests.machinery.drills.visitor import Visitor
from tests.machinery.drills.waiting import seconds_of, wait_until
from tests.machinery.smtp_server import running_smtp_server
from tests.people import PASSWORD
from twofactor.models import Event, Letter

CHANGE = "/accounts/password_change/"


@pytest.fixture
def smtp_server():
    with running_smtp_server() as smtp_server:
        yield smtp_server


@pytest.fixture
def site(database, folder, smtp_server):
    with site_with_mail(database, folder, smtp_server) as site:
        yield site


@contextmanager
def site_with_mail(database, folder, smtp_server, **more):
    with deployed(
        Site(database, folder, EMAIL_URL=smtp_server.address, DRILL_CHEAP_PASSWORDS="yes", **more)
    ) as [site]:
        yield site


def change_password(port, email, times=1):
    """Each change is an event with a letter. Someone who is refused tries again."""
    visitor, done, password = Visitor(port), 0, PASSWORD
    while visitor.give_password(email).status != 302:
        time.sleep(0.1)
    while done < times:
        new = f"{PASSWORD} {secrets.token_hex(4)}"
        form = {"old_password": password, "new_password1": new, "new_password2": new}
        answer = visitor.post(CHANGE, form)
        if answer.status == 302 and "login" not in answer.to:
            done, password = done + 1, new
        elif answer.status == 0:  # was it done before the worker died?
            return


def everything_is_sent():
    return Letter.objects.exists() and not Letter.objects.filter(ended_at=None).exists()


def nothing_is_lost(smtp_server):
    """Asserts that each event has its letter. Returns counts: events, letters, and letters sent twice."""
    kind = "password_changed"  # who had to sign in twice is also told of a new browser
    events = Event.objects.filter(kind=kind).count()
    came = smtp_server.times_delivered()
    written = Letter.objects.filter(event__kind=kind).count()
    assert (written, len(came)) == (events, Letter.objects.count())
    return events, came.total(), came.total() - len(came)


def send_by_hand(site):
    command = [sys.executable, "manage.py", "twofactor", "send"]
    return subprocess.run(
        command, cwd=ROOT, env=site.environment, capture_output=True, text=True, timeout=300
    )


def earlier(by):
    """Makes each waiting letter older by this time."""
    Letter.objects.filter(ended_at=None).update(written_at=F("written_at") - by, due_at=F("due_at") - by)


@pytest.mark.proves("N-11")
def test_told_to_end_right_after_an_event_the_site_still_sends_the_letter(site, smtp_server, report):
    """SIGTERM, as at every deployment, before a slow mail server has accepted the letter."""
    create_people(["p"], "md5")
    smtp_server.seconds = 1
    change_password(site.port, "p@example.com")
    site.master.send_signal(signal.SIGTERM)
    began = time.monotonic()
    site.master.wait(40)
    events, letters, twice = nothing_is_lost(smtp_server)
    report(
        f"SIGTERM: {events} event, {letters} letter, {twice} twice; ended in {time.monotonic() - began:.1f} s"
    )
    assert (everything_is_sent(), twice) == (True, 0)


@pytest.mark.proves("O-03")
def test_a_letter_that_a_killed_worker_was_sending_is_sent_by_the_next(site, smtp_server, report):
    """kill -9 before the mail server has said OK; later the lease has expired."""
    create_people(["p"], "md5")
    smtp_server.seconds = 3
    change_password(site.port, "p@example.com")
    assert smtp_server.reached.wait(20)
    for pid in site.workers():
        os.kill(pid, signal.SIGKILL)
    smtp_server.seconds = 0
    earlier(timedelta(minutes=1))
    wait_until(lambda: Visitor(site.port).get("/").status, "the killed workers have successors")
    wait_until(everything_is_sent, "the letter is sent", seconds=40)
    time.sleep(3)  # the server has what the dead one said, too
    events, letters, twice = nothing_is_lost(smtp_server)
    report(f"kill -9 while sending: {events} event, {letters} letters, {twice} twice")
    assert twice <= 1


@pytest.mark.proves("O-03")
@pytest.mark.long
def test_killed_at_random_under_load_nothing_is_lost(site, smtp_server, report):
    """Takes minutes, because it waits for real leases to expire."""
    names = [f"p{number}" for number in range(60)]
    create_people(["first", *names], "md5")
    smtp_server.seconds = 0.05
    pause = 2 * seconds_of(change_password, site.port, "first@example.com")
    with killing_workers(site, pause) as killed, ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda name: change_password(site.port, f"{name}@example.com", 5), names))
    wait_until(lambda: Visitor(site.port).get("/").status, "the last killed worker has a successor")
    wait_until(everything_is_sent, "every lease is over and every letter sent", seconds=240, every=0.5)
    events, letters, twice = nothing_is_lost(smtp_server)
    report(f"kill -9 at random: {len(killed)} kills, {events} events, {letters} letters, {twice} twice")
    assert twice <= len(killed)


@pytest.mark.long
def test_after_an_hour_without_a_mail_server_everything_arrives_once_and_in_order(site, smtp_server, report):
    names = [f"p{number}" for number in range(10)]
    create_people(names, "md5")
    smtp_server.close()
    for name in names:
        change_password(site.port, f"{name}@example.com", 3)
    for _ in range(12):
        wait_until(lambda: Letter.objects.filter(tries__gt=0).exists(), "the server was tried")
        send_by_hand(site)
        earlier(timedelta(minutes=5))
    tries = sum(Letter.objects.values_list("tries", flat=True))
    smtp_server.open()
    send_by_hand(site)
    wait_until(everything_is_sent, "every letter is sent", seconds=120)
    events, letters, twice = nothing_is_lost(smtp_server)
    report(f"away for an hour: {events} events, {tries} tries, {letters} letters, {twice} twice")
    for name in names:
        own = Letter.objects.filter(user__email=f"{name}@example.com").order_by("pk")
        assert all(one <= next_ for one, next_ in pairwise(own.values_list("ended_at", flat=True)))
    assert twice == 0


@pytest.mark.proves("O-02")
@pytest.mark.long
def test_a_slow_server_and_three_who_send_lose_nothing_and_send_nothing_twice(site, smtp_server, report):
    """Two workers and the timer's command need a second for each letter, and more arrive than that."""
    names = [f"p{number}" for number in range(20)]
    create_people(names, "md5")
    smtp_server.seconds = 1
    with ThreadPoolExecutor(4) as threads:
        by_hand = threads.submit(send_by_hand, site)
        list(threads.map(lambda name: change_password(site.port, f"{name}@example.com", 3), names))
        waiting = Letter.objects.filter(ended_at=None).count()
        smtp_server.seconds = 0.2
        by_hand.result()
    wait_until(everything_is_sent, "every letter is sent", seconds=240, every=0.5)
    events, letters, twice = nothing_is_lost(smtp_server)
    report(f"slow: {waiting} were waiting; {events} events, {letters} letters, {twice} twice")
    assert twice == 0


@pytest.mark.long
def test_a_server_that_says_ok_late_gets_each_letter_once(site, smtp_server, report):
    """The server says OK after EMAIL_TIMEOUT, which is five seconds."""
    create_people(["p"], "md5")
    smtp_server.seconds = 8
    change_password(site.port, "p@example.com")
    wait_until(everything_is_sent, "it is sent", seconds=60)
    events, letters, twice = nothing_is_lost(smtp_server)
    report(f"OK after 8 s: {events} event, {letters} letter, {twice} twice")
    assert twice == 0
