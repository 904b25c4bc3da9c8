"""The pages that send a code and take it: what they show, and what sends nothing."""

import re

import pytest
from django.core import mail
from django.test import Client

from tests.htmx import HTMX
from tests.people import signed_in_as
from tests.twofactor.sent_codes import (
    NUMBER,
    OTHER,
    SEND,
    SENT,
    add_number,
    count_allowances,
    different_code,
    enter_sent_code,
    mailed_code,
    request_code,
    second_tab,
    texted_code,
)
from twofactor import conf
from twofactor.factors import sent_codes
from twofactor.models import GuessBudget, SentCode

VERIFY = "/two-factor/verify/"
MASKED = "a•••e@example.com"


# Nothing is sent unasked


def test_the_password_alone_sends_nothing(pending_client):
    assert mail.outbox == []


@pytest.mark.proves("3.5.3", "V-19")
@pytest.mark.parametrize("path", [VERIFY, OTHER, SEND, SENT])
@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_sends_nothing(pending_client, path, method):
    """V-19: browsers, mail programs and scanners open every link."""
    getattr(pending_client, method)(path, {"channel": "email"}, headers={"Sec-Purpose": "prefetch"})
    assert (mail.outbox, SentCode.objects.count(), count_allowances("codes sent")) == ([], 0, 0)


def test_looking_at_send_leads_to_the_other_ways(pending_client):
    assert pending_client.get(SEND, follow=True).redirect_chain[-1] == (OTHER, 303)


def test_looking_at_send_after_a_code_went_out_leads_to_its_field(sent_code_client):
    answer = sent_code_client.get(SEND)
    assert (answer.status_code, answer.url) == (303, SENT)


def test_with_nothing_sent_there_is_nothing_to_enter(pending_client):
    answer = pending_client.get(SENT)
    assert (answer.status_code, answer.url) == (303, OTHER)


@pytest.mark.parametrize("channel", ["", "pigeon", "sms", "EMAIL"])
def test_a_channel_that_is_not_there_is_refused(pending_client, channel):
    assert (request_code(pending_client, channel).status_code, mail.outbox) == (422, [])


def test_a_stranger_can_have_nothing_sent(client, phone):
    assert (request_code(client).url, mail.outbox) == ("/accounts/login/", [])


def test_another_sites_form_can_have_nothing_sent(pending_client):
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = pending_client.cookies
    assert (request_code(strict).status_code, mail.outbox) == (403, [])


def test_a_person_who_is_signed_in_has_nothing_to_ask_for(signed_in_client):
    assert (request_code(signed_in_client).status_code, mail.outbox) == (303, [])


# What the pages show


def test_asking_leads_to_the_field(pending_client):
    answer = request_code(pending_client)
    assert (answer.status_code, answer.url) == (303, SENT)


def test_the_page_says_where_when_and_for_how_long(sent_code_client):
    text = re.sub("<.*?>", "", sent_code_client.get(SENT).text)
    assert f"We sent a code to {MASKED} at 12:00 (UTC). It works until 12:10." in text


def test_a_code_works_as_long_as_the_page_says(pending_client, clock):
    """Its time ends with the sign-in it was sent for."""
    clock.shift(300)
    request_code(pending_client)
    assert "It works until 12:10." in pending_client.get(SENT).text


def test_a_person_who_is_locked_is_told_before_entering_a_sent_code(sent_code_client):
    for _ in range(5):
        enter_sent_code(sent_code_client, different_code(mailed_code()))
    assert "You can try again in" in sent_code_client.get(SENT).text


def test_the_other_ways_show_masked_targets(pending_client, alice, text_messages):
    add_number(alice)
    page = pending_client.get(OTHER).text
    assert [target for target in (MASKED, "••• 67") if target not in page] == []


@pytest.mark.parametrize("path", [OTHER, SENT])
def test_no_page_shows_a_whole_address_but_the_sign_in_name(sent_code_client, alice, path):
    page = sent_code_client.get(path).text.replace(f'name="signing_in_as" value="{alice.email}"', "")
    assert (
        page.count(alice.email),
        f'<strong class="address">{alice.email}</strong>' in page,
    ) == (1, True)


@pytest.mark.parametrize("path", [OTHER, SENT])
def test_no_page_shows_a_whole_number(pending_client, alice, text_messages, path):
    add_number(alice)
    request_code(pending_client, "sms")
    page = re.sub(r'value="\w{64}"', "", pending_client.get(path).text)  # random, so any digits may be in it
    assert not any(part in page for part in (NUMBER, NUMBER[1:], "1701234567", "170"))


@pytest.mark.parametrize(
    ("address", "masked"),
    [("alice@example.com", MASKED), ("al@example.com", "a•••@example.com"), ("a@b.de", "a•••@b.de")],
)
def test_a_masked_address_gives_little_away(address, masked):
    assert sent_codes.mask_address(address) == masked


def test_a_part_of_the_page_announces_the_code(pending_client):
    page = pending_client.post(SEND, {"channel": "email"}, headers=HTMX, follow=True).text
    assert f'<div hx-swap-oob="innerHTML:#tf-status">We sent a code to {MASKED}.' in page


def test_a_part_of_the_page_announces_the_newer_code(sent_code_client, clock):
    clock.shift(60)
    page = sent_code_client.post(SEND, {"channel": "email"}, headers=HTMX, follow=True).text
    assert f"We sent a new code by email to {MASKED}." in page


def test_the_field_takes_what_a_phone_offers(sent_code_client):
    page = sent_code_client.get(SENT).text
    field = re.search("<input[^>]*name=.code.[^>]*>", page)[0]
    assert ('autocomplete="one-time-code"' in field, 'inputmode="numeric"' in field) == (True, True)


def test_the_code_stands_in_no_page(sent_code_client):
    assert mailed_code() not in sent_code_client.get(SENT).text


@pytest.mark.parametrize("path", [SENT, OTHER])
def test_the_pages_are_kept_by_no_cache(sent_code_client, path):
    assert "no-store" in sent_code_client.get(path)["Cache-Control"]


# Other channels in the same sign-in


@pytest.fixture
def switched_client(sent_code_client, alice, text_messages, clock):
    """A code was sent by email, and a minute later one by text message."""
    add_number(alice)
    clock.shift(60)
    request_code(sent_code_client, "sms")
    return sent_code_client


def test_the_other_channel_is_one_button_away(sent_code_client, alice, text_messages):
    add_number(alice)
    assert "Send it by text message instead" in sent_code_client.get(SENT).text


def test_the_page_names_the_new_channel(switched_client):
    assert "<h1>Enter the code from your text message</h1>" in switched_client.get(SENT).text


def test_the_page_names_the_new_target(switched_client):
    assert "••• 67</bdi> at 12:01" in switched_client.get(SENT).text


def test_the_new_channel_is_announced(sent_code_client, alice, text_messages, clock):
    add_number(alice)
    clock.shift(60)
    page = sent_code_client.post(SEND, {"channel": "sms"}, headers=HTMX, follow=True).text
    assert "We sent a new code by text message to ••• 67." in page


def test_the_code_of_the_new_channel_works(switched_client, alice):
    enter_sent_code(switched_client, texted_code())
    assert signed_in_as(switched_client) == alice


def test_the_code_of_the_first_channel_does_not_work_any_more(switched_client):
    answer = enter_sent_code(switched_client, mailed_code())
    assert (answer.status_code, "We sent a newer code at 12:01" in answer.text) == (422, True)


def test_the_channel_can_be_switched_back_to_email(switched_client, alice, clock):
    clock.shift(60)
    request_code(switched_client, "email")
    enter_sent_code(switched_client, mailed_code())
    assert signed_in_as(switched_client) == alice


def test_the_authenticator_stays_usable(switched_client, alice, phone):
    switched_client.post(VERIFY, {"code": phone.code()})
    assert signed_in_as(switched_client) == alice


def test_after_the_authenticator_the_sent_code_signs_nobody_in(switched_client, phone):
    tab = second_tab(switched_client)
    switched_client.post(VERIFY, {"code": phone.code()})
    enter_sent_code(tab, texted_code())
    assert signed_in_as(tab) is None


def test_the_other_channel_is_possible_at_once(sent_code_client, alice, text_messages):
    add_number(alice)
    assert (request_code(sent_code_client, "sms").status_code, len(text_messages)) == (303, 1)


def test_a_channel_that_was_switched_to_has_a_minute_of_its_own(sent_code_client, alice, text_messages):
    add_number(alice)
    answers = [request_code(sent_code_client, channel).status_code for channel in ("sms", "sms", "email")]
    assert (answers, len(text_messages), len(mail.outbox)) == ([303, 429, 429], 1, 1)


def test_every_channel_of_one_sign_in_counts_its_guesses_together(switched_client):
    for _ in range(5):
        enter_sent_code(switched_client, different_code(texted_code()))
    assert GuessBudget.objects.get().failures == conf.free_guesses()
