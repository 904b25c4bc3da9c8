"""Nothing in the outbox is lost, whoever dies or is away; twice comes only what died just after the OK."""

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

from tests.machinery.drills.crowd import people
from tests.machinery.drills.deployed import ROOT, Site, deployed
from tests.machinery.drills.post_office import post_office
from tests.machinery.drills.test_killed import a_killer_about
from tests.machinery.drills.visitor import Visitor
from tests.machinery.drills.waiting import until
from tests.people import PASSWORD
from twofactor.models import Event, Letter

CHANGE = "/accounts/password_change/"


@pytest.fixture
def office():
    with post_office() as office:
        yield office


@pytest.fixture
def site(database, folder, office):
    with site_with_mail(database, folder, office) as site:
        yield site


@contextmanager
def site_with_mail(database, folder, office, **more):
    with deployed(Site(database, folder, EMAIL_URL=office.address, DRILL_CHEAP_PASSWORDS="yes", **more)) as [
        site
    ]:
        yield site


def change_password(port, email, times=1):
    """Each is an event with a letter. Whoever finds the door shut tries again, as people do."""
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


def nothing_is_lost(office):
    """(events, letters that arrived, of them a second time), once each event has its letter."""
    kind = "password_changed"  # who had to sign in twice is also told of a new browser
    events = Event.objects.filter(kind=kind).count()
    came = office.letters()
    written = Letter.objects.filter(event__kind=kind).count()
    assert (written, len(came)) == (events, Letter.objects.count())
    return events, came.total(), came.total() - len(came)


def send_by_hand(site):
    command = [sys.executable, "manage.py", "twofactor", "send"]
    return subprocess.run(
        command, cwd=ROOT, env=site.environment, capture_output=True, text=True, timeout=300
    )


def earlier(by):
    """As if so much more time had gone by for each letter that waits."""
    Letter.objects.filter(ended_at=None).update(written_at=F("written_at") - by, due_at=F("due_at") - by)


@pytest.mark.proves("N-11")
def test_told_to_end_right_after_an_event_the_site_still_sends_the_letter(site, office, say):
    """SIGTERM, as at every deploy, while a slow server has not taken it."""
    people(["p"], "md5")
    office.seconds = 1
    change_password(site.port, "p@example.com")
    site.master.send_signal(signal.SIGTERM)
    began = time.monotonic()
    site.master.wait(40)
    events, letters, twice = nothing_is_lost(office)
    say(
        f"SIGTERM: {events} event, {letters} letter, {twice} twice; ended in {time.monotonic() - began:.1f} s"
    )
    assert (everything_is_sent(), twice) == (True, 0)


@pytest.mark.proves("O-03")
def test_a_letter_that_a_killed_worker_was_sending_is_sent_by_the_next(site, office, say):
    """kill -9 while the server has not said OK; then the lease is over."""
    people(["p"], "md5")
    office.seconds = 3
    change_password(site.port, "p@example.com")
    assert office.reached.wait(20)
    for pid in site.workers():
        os.kill(pid, signal.SIGKILL)
    office.seconds = 0
    earlier(timedelta(minutes=1))
    until(lambda: Visitor(site.port).get("/").status, "the killed workers have successors")
    until(everything_is_sent, "the letter is sent", seconds=40)
    time.sleep(3)  # the server has what the dead one said, too
    events, letters, twice = nothing_is_lost(office)
    say(f"kill -9 while sending: {events} event, {letters} letters, {twice} twice")
    assert twice <= 1


@pytest.mark.proves("O-03")
@pytest.mark.long
def test_killed_at_random_under_load_nothing_is_lost(site, office, say):
    """Leases are waited for as they are, so this takes minutes."""
    names = [f"p{number}" for number in range(60)]
    people(names, "md5")
    office.seconds = 0.05
    with a_killer_about(site, pause=0.7) as killed, ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda name: change_password(site.port, f"{name}@example.com", 5), names))
    until(lambda: Visitor(site.port).get("/").status, "the last killed worker has a successor")
    until(everything_is_sent, "every lease is over and every letter sent", seconds=240, every=0.5)
    events, letters, twice = nothing_is_lost(office)
    say(f"kill -9 at random: {len(killed)} kills, {events} events, {letters} letters, {twice} twice")
    assert twice <= len(killed)


@pytest.mark.long
def test_after_an_hour_without_a_mail_server_everything_arrives_once_and_in_order(site, office, say):
    names = [f"p{number}" for number in range(10)]
    people(names, "md5")
    office.close()
    for name in names:
        change_password(site.port, f"{name}@example.com", 3)
    for _ in range(12):
        until(lambda: Letter.objects.filter(tries__gt=0).exists(), "the server was tried")
        send_by_hand(site)
        earlier(timedelta(minutes=5))
    tries = sum(Letter.objects.values_list("tries", flat=True))
    office.open()
    send_by_hand(site)
    until(everything_is_sent, "every letter is sent", seconds=120)
    events, letters, twice = nothing_is_lost(office)
    say(f"away for an hour: {events} events, {tries} tries, {letters} letters, {twice} twice")
    for name in names:
        own = Letter.objects.filter(user__email=f"{name}@example.com").order_by("pk")
        assert all(one <= next_ for one, next_ in pairwise(own.values_list("ended_at", flat=True)))
    assert twice == 0


@pytest.mark.proves("O-02")
@pytest.mark.long
def test_a_slow_server_and_three_who_send_lose_nothing_and_send_nothing_twice(site, office, say):
    """Two workers and the timer's command, a second for each letter, and more come than go out."""
    names = [f"p{number}" for number in range(20)]
    people(names, "md5")
    office.seconds = 1
    with ThreadPoolExecutor(4) as threads:
        by_hand = threads.submit(send_by_hand, site)
        list(threads.map(lambda name: change_password(site.port, f"{name}@example.com", 3), names))
        waiting = Letter.objects.filter(ended_at=None).count()
        office.seconds = 0.2
        by_hand.result()
    until(everything_is_sent, "every letter is sent", seconds=240, every=0.5)
    events, letters, twice = nothing_is_lost(office)
    say(f"slow: {waiting} were waiting; {events} events, {letters} letters, {twice} twice")
    assert twice == 0


@pytest.mark.long
def test_a_server_that_says_ok_late_gets_each_letter_once(site, office, say):
    """Later than EMAIL_TIMEOUT, which is five seconds."""
    people(["p"], "md5")
    office.seconds = 8
    change_password(site.port, "p@example.com")
    until(everything_is_sent, "it is sent", seconds=60)
    events, letters, twice = nothing_is_lost(office)
    say(f"OK after 8 s: {events} event, {letters} letter, {twice} twice")
    assert twice == 0
