"""Servers whose clocks disagree, and one whose clock is set back."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from html import unescape

import pytest
from django.utils import timezone

from tests.machinery.drills.deployed import Site, deployed
from tests.machinery.drills.populate import create_enrolled_people
from tests.machinery.drills.visitor import Visitor
from tests.people import PRINTED_CODES, Phone
from twofactor.factors import backup_codes, code_text
from twofactor.models import Event, GuessBudget

APART = 20
HOUR = 3600


def site(database, folder, clock_off):
    return Site(database, folder, DRILL_CLOCK_OFF=str(clock_off), DRILL_CHEAP_PASSWORDS="yes")


@pytest.fixture(params=[APART, -APART], ids=["ahead", "behind"])
def two_servers(database, folder, request):
    """The ports of a site that is right and of one that is not."""
    with deployed(*(site(database, folder, off) for off in (0, request.param))) as sites:
        yield [site.port for site in sites]


@pytest.mark.proves("F-10")
def test_two_servers_that_are_twenty_seconds_apart_both_sign_in(two_servers, report):
    """Each server alone, and both in turns for the pages of one sign-in."""
    right, wrong = two_servers
    ways = [[right], [wrong], [right, wrong], [wrong, right]]
    let_in = []
    for (email, phone), ports in zip(create_enrolled_people(len(ways)).items(), ways, strict=True):
        visitor = Visitor(*ports)
        visitor.sign_in(email, phone)
        let_in.append([visitor.is_signed_in(), visitor.is_signed_in()])
    report(f"F-10: signed in at {let_in} of {len(ways)} ways")
    assert let_in == [[True, True]] * len(ways)


@pytest.mark.proves("F-10")
def test_two_servers_that_are_twenty_seconds_apart_accept_a_code_once(two_servers, report):
    """The same code at both servers at once, and then again at both."""
    won = []
    for email, phone in create_enrolled_people(5).items():
        tabs, code = [Visitor(port) for port in two_servers * 3], phone.code()
        for tab in tabs:
            tab.give_password(email)
        with ThreadPoolExecutor(len(tabs)) as threads:
            list(threads.map(lambda tab, code=code: tab.enter(code), tabs))
        late = [Visitor(port) for port in two_servers]
        for tab in late:
            tab.give_password(email)
            tab.enter(code)
        won.append([sum(tab.is_signed_in() for tab in tabs), sum(tab.is_signed_in() for tab in late)])
    report(f"F-10: of six tabs at once and two later got in, for each code: {won}")
    assert won == [[1, 0]] * 5
    assert not GuessBudget.objects.filter(failures__gt=0).exists()


class FastPhone(Phone):
    """A phone whose clock is an hour fast, too."""

    def code(self, now=None, off=0):
        return super().code((now or timezone.now()) + timedelta(seconds=HOUR), off)


@pytest.mark.proves("F-08")
def test_after_a_clock_was_set_back_a_backup_code_opens(database, folder, report):
    """After a sign-in an hour ahead, the app's codes count as used, and the page says so."""
    [(email, phone)] = create_enrolled_people(1).items()
    user = Event._meta.get_field("user").remote_field.model.objects.get(email=email)
    backup_codes.replace_all(user, backup_codes.make_rows(user, PRINTED_CODES[:1]))
    with deployed(site(database, folder, HOUR)) as [ahead]:
        before = Visitor(ahead.port)
        early = before.sign_in(email, FastPhone(phone.key)).status
    with deployed(site(database, folder, 0)) as [right]:
        before.ports = [right.port]
        visitor = Visitor(right.port)
        refused = visitor.sign_in(email, phone)
        opened = visitor.enter(code_text.format_backup_code(PRINTED_CODES[0]), "/two-factor/verify/backup/")
        report(f"F-08: an hour ahead {early}; back again: code {refused.status}, backup code {opened.status}")
        assert "You've already used that code" in unescape(refused.body)
        assert (opened.status, visitor.is_signed_in(), before.is_signed_in()) == (303, True, True)


@pytest.mark.proves("F-09")
def test_after_a_clock_was_set_back_nobody_waits_two_hours(database, folder, report):
    """The twelfth wrong code in a row costs an hour; here it is entered while the clock runs ahead."""
    [(email, phone)] = create_enrolled_people(1).items()
    GuessBudget.objects.update(failures=11)
    with deployed(site(database, folder, HOUR)) as [ahead]:
        visitor = Visitor(ahead.port)
        visitor.give_password(email)
        visitor.enter("000000")
        locked = visitor.enter("000000").status
    with deployed(site(database, folder, 0)) as [right]:
        visitor = Visitor(right.port)
        answer = visitor.sign_in(email, phone)
        report(f"F-09: while ahead {locked}, afterwards the right code {answer.status}")
        assert (locked, visitor.is_signed_in()) == (429, True)
