"""Letters in the outbox: none is lost, none is sent twice, and the table shows no content."""

import re
import threading
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core import mail, serializers
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.accounts.letters import letters, link, sent_subjects
from tests.operations.admin_and_commands import run
from tests.people import NOW, PASSWORD, give_password, person
from twofactor import events, sealing
from twofactor.models import Letter
from twofactor.outgoing import outbox

RESET = "/accounts/password_reset/"
CHANGED = "Your password was changed – Countersign"


def request_reset(client, email="alice@example.com"):
    return client.post(RESET, {"email": email})


# A letter is written together with what it reports


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
    with django_assert_num_queries(4):  # with the savepoint that a test has in place of a transaction
        events.record("phone_changed", alice, None)


def test_a_warning_costs_three(alice, django_assert_num_queries):
    """It may have a second address."""
    with django_assert_num_queries(5):
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
def test_after_sending_the_contents_are_gone(alice_with_letter):
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
    request_reset(client, "another@example.com")  # the first one of an hour creates the row that counts
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


def test_a_link_is_not_sent_to_someone_who_was_deactivated(client, alice):
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


# Processes that end, and processes at the same time


@pytest.mark.proves("O-02")
def test_a_letter_that_someone_is_sending_is_left_to_them(alice_with_letter, clock):
    outbox.lease_next(timezone.now())
    clock.shift(59)
    assert letters() == []


@pytest.mark.proves("O-03")
def test_a_letter_of_someone_who_died_is_sent_after_a_minute(alice_with_letter, clock):
    outbox.lease_next(timezone.now())
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


# Commands


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
