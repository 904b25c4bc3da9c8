"""Letters in the outbox while the mail server is away, slow, or breaks."""

import re
from datetime import timedelta

import pytest
from django.core.mail.backends import locmem
from django.utils import timezone

from tests.accounts.letters import letters, sent_subjects
from tests.machinery.servers import BlackHole, Refusing, Tarpit, listening, mail_goes_to
from tests.mailers import send_mail_by, send_mail_with
from tests.people import NOW, person
from twofactor import events
from twofactor.models import Letter
from twofactor.outgoing import outbox

CHANGED = "Your password was changed – Countersign"
CODES = "New backup codes were made – Countersign"


# The mail server is away


@pytest.mark.proves("O-05")
def test_a_letter_is_tried_again_after_half_a_minute(alice_with_letter, restore_mail_server, clock):
    letters()
    restore_mail_server()
    clock.shift(29)
    assert letters() == []
    clock.shift(1)
    assert sent_subjects() == [CHANGED]


def test_the_waits_grow_to_five_minutes_while_the_server_is_away(
    alice_with_letter, restore_mail_server, clock
):
    waits = []
    for _ in range(7):
        letters()
        waits.append((Letter.objects.get().due_at - timezone.now()).total_seconds())
        clock.shift(waits[-1])
    assert waits == [30, 60, 120, 240, 300, 300, 300]


def test_a_mail_server_that_is_away_is_tried_with_one_letter(alice_with_letter, restore_mail_server):
    events.record("password_changed", person("bob@example.com"), None)
    letters()
    assert sorted(Letter.objects.values_list("tries", flat=True)) == [0, 1]


def test_after_an_hour_without_a_server_everything_arrives_in_order(
    alice_with_letter, restore_mail_server, clock
):
    for _ in range(12):
        letters()
        clock.shift(300)
    events.record("backup_codes_regenerated", alice_with_letter, None)
    restore_mail_server()
    clock.shift(1)
    assert sent_subjects() == [CHANGED, CODES]


@pytest.mark.proves("O-05")
def test_a_letter_is_given_up_after_a_day(alice_with_letter, restore_mail_server, clock, caplog):
    letters()
    clock.shift(timedelta(days=1, seconds=1))
    letters()
    restore_mail_server()
    clock.shift(timedelta(days=1))
    assert letters() == []
    assert [record.levelname for record in caplog.records if "given up" in record.getMessage()] == ["ERROR"]


def test_the_log_names_nobody(alice_with_letter, restore_mail_server, caplog):
    letters()
    assert re.search("alice|example.com", caplog.text) is None


def test_each_try_is_the_same_letter_to_a_mail_program(alice_with_letter, settings):
    first = outbox.compose(Letter.objects.get()).message()["Message-ID"]
    assert outbox.compose(Letter.objects.get()).message()["Message-ID"] == first


# The order of letters


def test_a_letter_does_not_overtake_an_earlier_one(alice_with_letter, restore_mail_server, clock):
    letters()
    events.record("backup_codes_regenerated", alice_with_letter, None)
    restore_mail_server()
    assert letters() == []
    clock.shift(30)
    assert sent_subjects() == [CHANGED, CODES]


def test_other_people_do_not_wait_for_it(alice_with_letter, restore_mail_server):
    letters()
    events.record("password_changed", person("bob@example.com"), None)
    restore_mail_server()
    assert [letter.to for letter in letters()] == [["bob@example.com"]]


def test_a_letter_that_was_refused_holds_up_nobody(alice_with_letter, settings):
    with listening(Refusing) as server:
        mail_goes_to(settings, server)
        letters()
    send_mail_with(settings, "locmem")
    events.record("backup_codes_regenerated", alice_with_letter, None)
    assert sent_subjects() == [CODES]


def test_an_earlier_letter_is_waited_for_two_hours_at_most(alice_with_letter, restore_mail_server, clock):
    letters()
    Letter.objects.update(due_at=NOW + timedelta(hours=3))
    events.record("backup_codes_regenerated", alice_with_letter, None)
    restore_mail_server()
    clock.shift(timedelta(hours=2))
    assert sent_subjects()[0] == CODES


# A site's own mail backend may raise anything


class BrokenBackend(locmem.EmailBackend):
    """Raises an unexpected error for one recipient."""

    def send_messages(self, messages):
        if messages[0].to == ["alice@example.com"]:
            raise RuntimeError(f"the mail service knows no {messages[0].to}")
        return super().send_messages(messages)


@pytest.fixture
def broken_backend(settings):
    send_mail_by(settings, f"{__name__}.BrokenBackend")


def test_a_letter_that_breaks_the_backend_is_tried_later(alice_with_letter, broken_backend):
    letters()
    letter = Letter.objects.get()
    assert (letter.tries, letter.due_at) == (1, NOW + timedelta(seconds=30))


def test_a_letter_that_breaks_the_backend_holds_up_nobody_else(alice_with_letter, broken_backend):
    events.record("password_changed", person("bob@example.com"), None)
    assert [letter.to for letter in letters()] == [["bob@example.com"]]


def test_a_letter_that_breaks_the_backend_is_given_up_after_a_day(alice_with_letter, broken_backend, clock):
    letters()
    clock.shift(timedelta(days=1, seconds=1))
    letters()
    assert Letter.objects.get().ended_at is not None


def test_a_backend_that_breaks_is_in_the_log_with_where_it_broke(alice_with_letter, broken_backend, caplog):
    letters()
    assert re.search(r"RuntimeError at line \d+ of \S+/test_outbox_failures.py", caplog.text)


def test_the_log_does_not_repeat_what_a_backend_says_of_a_person(alice_with_letter, broken_backend, caplog):
    letters()
    assert "alice" not in caplog.text


# Recipients whose mail server is slow on purpose


@pytest.fixture
def tarpit(settings, monkeypatch):
    monkeypatch.setattr(outbox, "DELIVERY_SECONDS", 0.3)
    with listening(Tarpit) as server:
        mail_goes_to(settings, server)
        yield server


@pytest.fixture
def slow_recipient(db, clock):
    """Someone whose mail server never answers has a letter waiting."""
    slow_recipient = person("mallory@slow.example")
    events.record("password_changed", slow_recipient, None)
    return slow_recipient


def test_after_a_slow_recipient_come_the_letters_of_others(tarpit, slow_recipient, alice):
    events.record("password_changed", alice, None)
    outbox.send_due()
    assert tarpit.visits == ["slow", "taken"]


def test_new_letters_come_before_those_that_were_tried(tarpit, slow_recipient, alice, clock):
    outbox.send_due()
    clock.shift(30)
    events.record("password_changed", alice, None)
    outbox.send_due()
    assert tarpit.visits == ["slow", "taken", "slow"]


def test_a_slow_recipient_gets_their_letters_in_order(tarpit, slow_recipient):
    events.record("backup_codes_regenerated", slow_recipient, None)
    outbox.send_due()
    assert sorted(Letter.objects.values_list("tries", flat=True)) == [0, 1]


def test_a_server_that_says_nothing_at_all_is_tried_with_one_letter(
    settings, monkeypatch, slow_recipient, alice
):
    monkeypatch.setattr(outbox, "DELIVERY_SECONDS", 0.3)
    events.record("password_changed", alice, None)
    with listening(BlackHole) as server:
        mail_goes_to(settings, server)
        outbox.send_due()
    assert len(server.visits) == 1
