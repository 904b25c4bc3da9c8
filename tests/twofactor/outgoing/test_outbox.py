"""Letters in the outbox: none is lost, none is sent twice, and the table tells nobody anything."""

import re
import threading
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core import mail, serializers
from django.core.mail.backends import locmem
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.accounts.letters import letters, link
from tests.mailers import send_mail_by, send_mail_with
from tests.operations.support import run
from tests.people import NOW, PASSWORD, give_password, person
from tests.twofactor.servers import BlackHole, Refusing, Tarpit, Unwilling, listening, mail_goes_to
from twofactor import events, sealing
from twofactor.models import Letter
from twofactor.outgoing import outbox

RESET = "/accounts/password_reset/"
CHANGED = "The password was changed – Countersign"
CODES = "New backup codes were made – Countersign"


def request_reset(client, email="alice@example.com"):
    return client.post(RESET, {"email": email})


def sent_subjects():
    return [letter.subject for letter in letters()]


@pytest.fixture
def alice_with_letter(alice):
    """Alice's password was changed, and the letter waits."""
    events.record("password_changed", alice, None)
    return alice


@pytest.fixture
def restore_mail_server(settings):
    """The mail server sends everybody away until it is asked to come back."""
    with listening(Unwilling) as server:
        mail_goes_to(settings, server)
        yield lambda: send_mail_with(settings, "locmem")


# Written with what it tells of


@pytest.mark.proves("O-01")
@pytest.mark.django_db(transaction=True)
def test_what_did_not_happen_is_told_nobody(alice):
    with transaction.atomic():
        events.record("password_changed", alice, None)
        transaction.set_rollback(True)
    assert (letters(), Letter.objects.count()) == ([], 0)


@pytest.mark.proves("N-11")
def test_a_letter_waits_in_the_table_until_it_is_sent(alice_with_letter):
    assert (Letter.objects.get().ended_at, mail.outbox) == (None, [])
    assert (sent_subjects(), Letter.objects.get().ended_at) == ([CHANGED], NOW)


@pytest.mark.proves("O-02")
def test_a_letter_is_sent_once(alice_with_letter):
    assert (len(letters()), len(letters())) == (1, 1)


def test_an_event_without_a_letter_costs_one_row(alice, django_assert_num_queries):
    with django_assert_num_queries(1):
        events.record("browsers_forgotten", alice, None)


def test_an_event_with_a_letter_costs_two(alice, django_assert_num_queries):
    with django_assert_num_queries(4):  # with the savepoint that stands for a transaction here
        events.record("password_changed", alice, None)


# What the table shows


@pytest.mark.proves("K-01", "O-04")
def test_no_address_stands_in_the_table(alice_with_letter):
    assert "alice" not in str(Letter.objects.values_list().get())


@pytest.mark.proves("K-01", "O-06")
def test_no_link_stands_in_the_table(client, alice):
    request_reset(client)
    letter = Letter.objects.get()
    contents = sealing.unseal("outbox", str(alice.pk), letter.sealed, NOW)
    token = link().split("/")[-2]
    assert token not in str(contents)


@pytest.mark.proves("K-10", "O-04")
def test_a_dump_shows_nothing_that_is_sealed(alice_with_letter):
    letter = Letter.objects.get()
    assert letter.sealed not in serializers.serialize("json", [letter])


@pytest.mark.proves("O-04")
def test_afterwards_the_contents_are_gone(alice_with_letter):
    letters()
    assert Letter.objects.get().sealed == ""


def test_a_code_never_waits_there(client, phone):
    give_password(client)
    client.post("/two-factor/verify/send/", {"channel": "email"})
    assert (Letter.objects.count(), len(mail.outbox)) == (0, 1)


@pytest.mark.proves("O-04", "K-02")
def test_contents_of_one_person_do_not_open_for_another(alice_with_letter, caplog):
    Letter.objects.update(user=person("bob@example.com"))
    assert letters() == []


# Letters to reset a password


def test_an_unknown_address_gets_a_row_and_no_letter(client, alice):
    request_reset(client, "nobody@example.com")
    assert Letter.objects.count() == 1
    assert (letters(), Letter.objects.get().ended_at is not None) == ([], True)


def test_known_and_unknown_addresses_ask_the_database_the_same(client, alice):
    request_reset(client, "another@example.com")  # the first of an hour makes a row to count in
    statements = []
    for address in ("alice@example.com", "nobody@example.com"):
        with CaptureQueriesContext(connection) as queries:
            request_reset(client, address)
        statements.append([re.sub(r"\d+", "", query["sql"])[:40] for query in queries])
    assert statements[0] == statements[1]


@pytest.mark.proves("O-06")
def test_a_link_is_made_when_its_letter_is_sent(client, alice, clock):
    request_reset(client)
    clock.shift(timedelta(minutes=55))
    path = link()
    clock.shift(timedelta(minutes=55))
    assert "new_password1" in client.get(path, follow=True).text


@pytest.mark.proves("O-06")
@pytest.mark.parametrize(("minutes", "arrives"), [(59, True), (61, False)])
def test_a_letter_that_has_outlived_its_link_is_dropped(client, alice, clock, minutes, arrives):
    request_reset(client)
    clock.shift(timedelta(minutes=minutes))
    assert bool(letters()) is arrives


@pytest.mark.proves("O-06")
def test_a_letter_whose_link_would_be_dead_is_dropped(client, alice):
    request_reset(client)
    alice.set_password("a quiet green harbour")
    alice.save()
    assert letters() == []


def test_a_link_is_not_sent_to_somebody_who_was_deactivated(client, alice):
    request_reset(client)
    get_user_model().objects.update(is_active=False)
    assert letters() == []


def test_a_link_is_not_sent_to_an_address_that_was_given_up(client, alice):
    request_reset(client)
    get_user_model().objects.update(email="alice@new.example")
    assert letters() == []


def test_the_letter_about_an_account_that_is_gone_is_sent(alice_with_letter):
    alice_with_letter.delete()
    assert [(letter.to, "alice@example.com" in letter.body) for letter in letters()] == [
        (["alice@example.com"], True)
    ]


# When it can not be sent


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


# Whom a letter waits for


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


# A site's own mail back-end, which may raise anything


class BrokenBackend(locmem.EmailBackend):
    """Has a mistake that shows for one recipient."""

    def send_messages(self, messages):
        if messages[0].to == ["alice@example.com"]:
            raise RuntimeError(f"the mail service knows no {messages[0].to}")
        return super().send_messages(messages)


@pytest.fixture
def broken_backend(settings):
    send_mail_by(settings, f"{__name__}.BrokenBackend")


def test_a_letter_that_breaks_the_back_end_is_tried_later(alice_with_letter, broken_backend):
    letters()
    letter = Letter.objects.get()
    assert (letter.tries, letter.due_at) == (1, NOW + timedelta(seconds=30))


def test_a_letter_that_breaks_the_back_end_holds_up_nobody_else(alice_with_letter, broken_backend):
    events.record("password_changed", person("bob@example.com"), None)
    assert [letter.to for letter in letters()] == [["bob@example.com"]]


def test_a_letter_that_breaks_the_back_end_is_given_up_after_a_day(alice_with_letter, broken_backend, clock):
    letters()
    clock.shift(timedelta(days=1, seconds=1))
    letters()
    assert Letter.objects.get().ended_at is not None


def test_a_back_end_that_breaks_is_in_the_log_with_where_it_broke(alice_with_letter, broken_backend, caplog):
    letters()
    assert re.search(r"RuntimeError at line \d+ of \S+/test_outbox.py", caplog.text)


def test_the_log_does_not_repeat_what_a_back_end_says_of_a_person(alice_with_letter, broken_backend, caplog):
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
    """Someone with a letter that no server takes."""
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


# Whoever dies, and whoever is there at the same time


@pytest.mark.proves("O-02")
def test_a_letter_that_somebody_is_sending_is_left_to_them(alice_with_letter, clock):
    outbox.claim(timezone.now())
    clock.shift(59)
    assert letters() == []


@pytest.mark.proves("O-03")
def test_a_letter_of_somebody_who_died_is_sent_after_a_minute(alice_with_letter, clock):
    outbox.claim(timezone.now())
    clock.shift(60)
    assert sent_subjects() == [CHANGED]


def test_a_clock_that_was_ahead_delays_no_letter(alice_with_letter):
    Letter.objects.update(due_at=NOW + timedelta(hours=2))
    assert sent_subjects() == [CHANGED]


@pytest.mark.proves("O-02")
@pytest.mark.django_db(transaction=True)
def test_two_who_send_at_the_same_time_send_each_letter_once(db):
    for number in range(20):
        events.record("password_changed", person(f"p{number}@example.com"), None)

    def send():
        outbox.send_due()
        connections.close_all()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(letter.to[0] for letter in mail.outbox) == sorted(f"p{n}@example.com" for n in range(20))


@pytest.mark.django_db(transaction=True)
def test_a_worker_sends_by_itself(alice_with_letter):
    sender = outbox.Sender()
    sender.start()
    sender.stop()
    assert [letter.subject for letter in mail.outbox] == [CHANGED]


@pytest.mark.django_db(transaction=True)
def test_a_site_that_runs_its_tests_has_no_such_thread(client, alice, settings):
    settings.TWOFACTOR_MAIL_SENT_BY = "workers"
    request_reset(client)
    assert [thread for thread in threading.enumerate() if thread.name == "outbox"] == []


# By hand and by timer


def test_the_command_sends_what_waits(alice_with_letter):
    ran = run("send")
    assert (ran.code, ran.out, sent_subjects()) == (0, "1 sent, 0 waiting.\n", [CHANGED])


def test_the_command_says_that_the_server_is_away(alice_with_letter, restore_mail_server):
    ran = run("send")
    assert (ran.code, ran.out) == (3, "0 sent, 1 waiting.\n")


def test_letters_that_wait_are_sealed_with_a_new_key(alice_with_letter, settings):
    settings.TWOFACTOR_KEYS = [sealing.generate_key(), *settings.TWOFACTOR_KEYS]
    run("rotate-keys")
    settings.TWOFACTOR_KEYS = settings.TWOFACTOR_KEYS[:1]
    assert sent_subjects() == [CHANGED]


def test_letters_that_were_sent_depend_on_no_key(alice_with_letter, settings):
    letters()
    settings.TWOFACTOR_KEYS = [sealing.generate_key()]
    assert "depend on older keys: nobody" in run("report").out


@pytest.mark.proves("O-01")
@pytest.mark.django_db(transaction=True)
def test_a_page_that_is_one_transaction_tells_once_it_is_committed(client, alice, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    give_password(client)
    letters().clear()
    new = {"new_password1": "a quiet green harbour", "new_password2": "a quiet green harbour"}
    client.post("/accounts/password_change/", {"old_password": PASSWORD, **new})
    assert sent_subjects() == [CHANGED]
