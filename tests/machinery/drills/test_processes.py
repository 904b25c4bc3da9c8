"""What tests/twofactor/test_races.py does with threads, across three app servers over HTTP (C-01 to C-09).

RACE_REPEATS=20 for a long run of it.
"""

import os
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth import get_user_model

from tests.machinery.drills.deployed import Site, deployed
from tests.machinery.drills.populate import create_enrolled_people, create_people
from tests.machinery.drills.test_killed import CODES, KEY, NEW_CODES
from tests.machinery.drills.visitor import NOBODY, SETUP, Visitor
from tests.people import PASSWORD, PRINTED_CODES, Phone
from twofactor.factors import backup_codes, code_text
from twofactor.models import Authenticator, BackupCode, Event, GuessBudget

REPEATS = int(os.environ.get("RACE_REPEATS", "3"))
CROWD = 100
WRONG = "000000"
BACKUP = "/two-factor/verify/backup/"
SEND = "/two-factor/verify/send/"

pytestmark = pytest.mark.long


@pytest.fixture
def mails(folder):
    (folder / "mail").mkdir()
    return folder / "mail"


@pytest.fixture
def ports(database, folder, mails):
    where = {"EMAIL_URL": f"file:{mails}", "DRILL_CHEAP_PASSWORDS": "yes"}
    with deployed(*(Site(database, folder, **where) for _ in range(3))) as sites:
        yield [site.port for site in sites]


@pytest.fixture
def new_people():
    """A new person for each repeat, with a phone and three backup codes."""
    found = list(create_enrolled_people(REPEATS).items())
    for user in get_user_model().objects.all():
        backup_codes.replace_all(user, backup_codes.make_rows(user, PRINTED_CODES))
    return found


def at_once(tabs, act):
    """Starts all at the same moment. Returns their statuses, none of which is a server error."""
    gate = threading.Barrier(len(tabs))

    def run(tab):
        gate.wait(60)
        return act(tab).status

    with ThreadPoolExecutor(len(tabs)) as threads:
        statuses = Counter(threads.map(run, tabs))
    assert [status for status in statuses if status == NOBODY or status >= 500] == []
    return statuses


def asked(ports, email):
    visitor = Visitor(*ports)
    visitor.give_password(email)
    return visitor


def tabs_of(visitors, each):
    """Each tab starts at another server than the one before it."""
    tabs = [visitor.second_tab() for visitor in visitors for _ in range(each)]
    for number, tab in enumerate(tabs):
        tab.asked = number
    return tabs


def crowd_of(ports, email):
    """Ten pending sign-ins, ten tabs each."""
    return tabs_of([asked(ports, email) for _ in range(10)], CROWD // 10)


def signed_in(tabs):
    return sum("sessionid" in tab.cookies and tab.is_signed_in() for tab in tabs)


def events(email, kind):
    return Event.objects.filter(user__email=email, kind=kind).count()


def budget_of(email):
    return GuessBudget.objects.get(user__email=email)


@pytest.mark.proves("C-01")
def test_one_code_at_three_servers_signs_in_once(ports, new_people, report):
    won = []
    for email, phone in new_people:
        tabs, code = crowd_of(ports, email), phone.code()
        at_once(tabs, lambda tab, code=code: tab.enter(code))
        won.append((signed_in(tabs), events(email, "signed_in_with_code")))
    report(f"C-01: signed in, of {CROWD}: {won}")
    assert won == [(1, 1)] * REPEATS


@pytest.mark.proves("C-02")
def test_one_backup_code_at_three_servers_signs_in_once(ports, new_people, report):
    won = []
    for email, _ in new_people:
        tabs = crowd_of(ports, email)
        at_once(tabs, lambda tab: tab.enter(code_text.format_backup_code(PRINTED_CODES[0]), BACKUP))
        left = BackupCode.objects.filter(user__email=email, used_at=None).count()
        won.append((signed_in(tabs), left))
    report(f"C-02: signed in, of {CROWD}, and codes left: {won}")
    assert won == [(1, 2)] * REPEATS


@pytest.mark.proves("C-03")
def test_a_hundred_wrong_codes_at_three_servers_are_five_guesses(ports, new_people, report):
    answers = [at_once(crowd_of(ports, email), lambda tab: tab.enter(WRONG)) for email, _ in new_people]
    counted = [budget_of(email).failures for email, _ in new_people]
    report(f"C-03: {[dict(each) for each in answers]}, counted {counted}")
    assert answers == [{422: 5, 429: CROWD - 5}] * REPEATS
    assert counted == [5] * REPEATS


@pytest.mark.proves("C-04")
def test_finishing_set_up_at_three_servers_is_once(ports, report):
    made = []
    for user in create_people([f"p{number}" for number in range(REPEATS)], "md5"):
        visitor = asked(ports, user.email)
        phone = Phone(KEY.search(visitor.get(SETUP).body)[1])
        visitor.enter(phone.code(), "/two-factor/setup/verify/")
        at_once(tabs_of([visitor], CROWD), lambda tab: tab.post(CODES, {"saved": "on"}))
        made.append((whole_of(user), events(user.email, "two_factor_enabled")))
    report(f"C-04: authenticators and codes, times it was turned on, of {CROWD}: {made}")
    assert made == [((1, 10), 1)] * REPEATS


def whole_of(user):
    return Authenticator.objects.filter(user=user).count(), BackupCode.objects.filter(user=user).count()


@pytest.mark.proves("C-04")
def test_new_codes_and_turning_off_at_three_servers_are_once(ports, new_people, report):
    made = []
    for email, phone in new_people:
        user, visitor = get_user_model().objects.get(email=email), asked(ports, email)
        visitor.enter(phone.code(off=-1))
        visitor.post(NEW_CODES, {"password": PASSWORD, "code": phone.code()})
        at_once(tabs_of([visitor], CROWD), lambda tab: tab.post(NEW_CODES, {"saved": "on"}))
        renewed = (events(email, "backup_codes_regenerated"), *whole_of(user))
        visitor = asked(ports, email)
        visitor.enter(phone.code(off=1))
        code = BackupCode.objects.filter(user=user).first()
        code.digest = backup_codes.hash_like(PRINTED_CODES[0], code.digest)
        code.save()
        form = {"password": PASSWORD, "code": code_text.format_backup_code(PRINTED_CODES[0])}
        at_once(tabs_of([visitor], CROWD), lambda tab, form=form: tab.post("/two-factor/disable/", form))
        made.append((*renewed, events(email, "two_factor_disabled"), *whole_of(user)))
    report(f"C-04: renewed, authenticators, codes; turned off, authenticators, codes: {made}")
    assert made == [(1, 1, 10, 1, 0, 0)] * REPEATS


@pytest.mark.proves("C-05")
def test_a_hundred_requests_at_three_servers_are_one_letter(ports, new_people, mails, report):
    for email, _ in new_people:
        at_once(crowd_of(ports, email), lambda tab: tab.post(SEND, {"channel": "email"}))
    to = Counter(
        email for email, _ in new_people for file in mails.iterdir() if f"To: {email}" in file.read_text()
    )
    report(f"C-05: mails to each: {sorted(to.values())}")
    assert to == Counter(email for email, _ in new_people)


@pytest.mark.proves("C-06")
def test_a_guess_stays_counted_wherever_the_server_dies(ports, report):
    """Counted from the charge on; the wrong code is never compared before it."""
    phones, counted = create_enrolled_people(40), []
    for number, email in enumerate(phones, 1):
        answer = asked(ports, email).enter(WRONG, X_Die_At=str(number))
        counted.append(budget_of(email).failures)
        if answer.status != NOBODY:
            break
    report(f"C-06: died at {len(counted) - 1} places, counted from the {counted.index(1) + 1}th on")
    assert (counted == sorted(counted), counted[-1], answer.status) == (True, 1, 422)


@pytest.mark.proves("C-07")
def test_a_double_click_that_meets_two_servers_signs_in(ports, new_people, report):
    clicks = []
    for email, phone in new_people:
        tabs, code = tabs_of([asked(ports, email)], 2), phone.code()
        answers = at_once(tabs, lambda tab, code=code: tab.enter(code))
        clicks.append((dict(answers), signed_in(tabs), budget_of(email).failures))
    report(f"C-07: {clicks}")
    assert [click[0] for click in clicks] == [{303: 2}] * REPEATS
    assert [click[1:] for click in clicks] == [(1, 0)] * REPEATS


@pytest.mark.proves("C-08", "C-09")
def test_a_spent_code_costs_nothing_and_one_given_during_a_wait_is_not_spent(ports, new_people, report):
    seen = []
    for email, phone in new_people:
        visitor = asked(ports, email)
        for _ in range(5):
            visitor.enter(WRONG)
        code = phone.code(off=1)
        waiting = visitor.enter(code).status
        GuessBudget.objects.filter(user__email=email).update(locked_until=None)
        opened = visitor.enter(code).status
        replayed = asked(ports, email).enter(code).status
        seen.append((waiting, opened, replayed, budget_of(email).failures))
    report(f"C-08, C-09: during the wait, after it, once more, counted: {seen}")
    assert seen == [(429, 303, 422, 0)] * REPEATS
