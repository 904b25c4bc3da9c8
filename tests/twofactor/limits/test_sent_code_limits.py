"""How often codes are sent: to one person, to one target, and from one network."""

import re

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from tests.htmx import HTMX
from tests.people import client_after_password, enrol, give_password, person, signed_in_as
from tests.twofactor.sent_codes import (
    SEND,
    SENT,
    add_number,
    count_allowances,
    enter_sent_code,
    mailed_code,
    request_code,
)
from twofactor.factors import sent_codes
from twofactor.models import Allowance


def request_codes_in_new_sign_ins(times, clock, every=60):
    """Request a code in new sign-ins, one after the other; the answer to the last."""
    for turn in range(times):
        if turn:
            clock.shift(every)
        answer = request_code(client_after_password())
    return answer


# How often


def test_a_second_code_within_a_minute_is_too_soon(sent_code_client):
    assert (request_code(sent_code_client).status_code, len(mail.outbox)) == (429, 1)


@pytest.mark.proves("L-6")
@pytest.mark.parametrize(("later", "status"), [(59, 429), (60, 303)])
def test_a_minute_is_sixty_seconds(sent_code_client, clock, later, status):
    clock.shift(later)
    assert request_code(sent_code_client).status_code == status


def test_too_soon_says_for_how_long(sent_code_client, clock):
    clock.shift(10)
    answer = request_code(sent_code_client)
    assert (answer["Retry-After"], "in 50 seconds" in answer.text) == ("50", True)


def test_asking_too_soon_does_not_push_the_time_back(sent_code_client, clock):
    clock.shift(30)
    request_code(sent_code_client)
    clock.shift(30)
    assert request_code(sent_code_client).status_code == 303


def test_the_form_of_the_page_that_says_too_soon_posts_to_the_field_that_takes_it(sent_code_client):
    page = request_code(sent_code_client).text
    form = re.search("<form[^>]*>(?:(?!</form>).)*name=.code.", page, re.DOTALL)[0]
    assert f'action="{SENT}"' in form


def test_asking_too_soon_in_a_new_sign_in_is_not_called_a_wrong_code(sent_code_client):
    other = client_after_password()
    assert "You entered the wrong code too many times" not in request_code(other).text


def test_asking_too_soon_in_a_new_sign_in_still_offers_the_authenticator(sent_code_client):
    other = client_after_password()
    assert 'href="/two-factor/verify/"' in request_code(other).text


def test_the_page_that_says_too_soon_still_offers_to_send(sent_code_client):
    assert f'action="{SEND}"' in request_code(sent_code_client).text


def test_the_code_that_was_sent_works_after_asking_too_soon(sent_code_client, alice):
    request_code(sent_code_client)
    enter_sent_code(sent_code_client, mailed_code())
    assert signed_in_as(sent_code_client) == alice


def test_too_soon_is_a_whole_page_for_htmx_as_well(sent_code_client):
    assert "<!doctype html>" in request_code(sent_code_client, headers=HTMX).text


def test_a_minute_counts_across_sign_ins(sent_code_client):
    other = client_after_password()
    assert (request_code(other).status_code, len(mail.outbox)) == (429, 1)


def test_five_codes_an_hour(phone, clock):
    assert request_codes_in_new_sign_ins(5, clock).status_code == 303


@pytest.mark.proves("2.3.2", "L-6")
def test_a_sixth_code_within_the_hour_waits_for_it(phone, clock):
    answer = request_codes_in_new_sign_ins(6, clock)
    assert (answer.status_code, answer["Retry-After"]) == (429, str(3600 - 300))


def test_after_an_hour_there_are_five_more(phone, clock):
    request_codes_in_new_sign_ins(5, clock)
    clock.shift(3600 - 240)
    assert request_code(client_after_password()).status_code == 303


def test_the_wait_that_is_told_is_the_longest(phone, clock):
    for _ in range(5):
        client = Client()
        give_password(client)
        request_code(client)
        clock.shift(60)
    clock.shift(-1)
    assert request_code(client)["Retry-After"] == str(3600 - 299)


def test_ten_codes_a_day(phone, clock):
    assert request_codes_in_new_sign_ins(10, clock, every=900).status_code == 303


@pytest.mark.proves("L-6")
def test_an_eleventh_code_waits_for_the_day(phone, clock):
    answer = request_codes_in_new_sign_ins(11, clock, every=900)
    assert (answer.status_code, answer["Retry-After"]) == (429, str(86400 - 9000))


def test_after_a_day_codes_go_out_again(phone, clock):
    request_codes_in_new_sign_ins(10, clock, every=900)
    clock.shift(86400)
    assert request_code(client_after_password()).status_code == 303


def test_one_number_is_not_rung_for_two_people_at_once(pending_client, alice, text_messages):
    """The limit is for the number, for all people together."""
    bob = person("bob@example.com")
    enrol(bob)
    add_number(alice)
    add_number(bob)
    request_code(pending_client, "sms")
    assert (
        request_code(client_after_password("bob@example.com"), "sms").status_code,
        len(text_messages),
    ) == (429, 1)


def pending_clients(many):
    for n in range(many):
        enrol(person(f"p{n}@example.com"))
    return [client_after_password(f"p{n}@example.com") for n in range(many)]


@pytest.mark.proves("L-6")
def test_twenty_codes_an_hour_go_out_for_one_place(db, clock):
    answers = [request_code(client) for client in pending_clients(21)]
    assert [answer.status_code for answer in answers] == [303] * 20 + [429]
    assert (answers[-1]["Retry-After"], len(mail.outbox)) == ("3600", 20)


def fill_place(client, **more):
    """Send a code, as if nineteen had been sent from there before."""
    request_code(client, **more)
    Allowance.objects.filter(key__startswith="codes sent from").update(count=20)


def test_a_full_place_costs_the_person_nothing(db, clock):
    first, last = pending_clients(2)
    fill_place(first)
    assert request_code(last).status_code == 429
    assert request_code(last, REMOTE_ADDR="203.0.113.9").status_code == 303


def test_a_place_is_not_chosen_by_the_asker(db, clock):
    """V-21: no proxy is trusted here, so the header is ignored."""
    first, last = pending_clients(2)
    fill_place(first, headers={"X-Forwarded-For": "198.51.100.1"})
    assert request_code(last, headers={"X-Forwarded-For": "198.51.100.2"}).status_code == 429


def test_signing_in_alone_may_send_six_an_hour(alice, phone, text_messages, clock):
    """The first message is for another purpose, so the hour of the account begins earlier."""
    number = add_number(alice, "+12015550123").number
    sent_codes.send(alice, sent_codes.Channel("sms", number), "phone", "127.0.0.1", timezone.now())
    answers = []
    for kind, later in zip(["email", "sms"] * 4, [3300, 60, 60, 60, 120, 60, 60], strict=False):
        clock.shift(later)
        answers.append(request_code(client_after_password(), kind))
    assert [answer.status_code for answer in answers] == [303] * 6 + [429]
    assert answers[-1]["Retry-After"] == str(3600 - 420)


# When it cannot be sent


@pytest.mark.proves("L-6")
def test_what_could_not_be_sent_costs_the_person_nothing(pending_client, failing_mail):
    for _ in range(7):
        request_code(pending_client)
    assert (count_allowances("codes sent to"), count_allowances("codes sent for")) == (0, 0)


def test_what_could_not_be_sent_counts_for_the_place(pending_client, failing_mail):
    """Otherwise someone who makes sending fail could try without end."""
    for _ in range(3):
        request_code(pending_client)
    assert count_allowances("codes sent from") == 3
