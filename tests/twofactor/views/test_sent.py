"""The pages that send a code and take it: what they show, and what sends nothing."""

import re

import pytest
from django.core import mail
from django.test import Client

from tests.people import signed_in_as
from tests.twofactor.sent_codes import (
    NUMBER,
    OTHER,
    SEND,
    SENT,
    ask,
    count_allowances,
    enter,
    has_number,
    mailed,
    other_than,
    second_tab,
    texted,
)
from twofactor.factors import sent_codes
from twofactor.limits import guesses
from twofactor.models import GuessBudget, SentCode

VERIFY = "/two-factor/verify/"
MASKED = "a•••e@example.com"
HTMX = {"HX-Request": "true"}


# Nothing goes out unasked


def test_the_password_alone_sends_nothing(asked):
    assert mail.outbox == []


@pytest.mark.proves("3.5.3", "V-19")
@pytest.mark.parametrize("path", [VERIFY, OTHER, SEND, SENT])
@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_sends_nothing(asked, path, method):
    """V-19: browsers, mail programs and scanners look at everything."""
    getattr(asked, method)(path, {"channel": "email"}, headers={"Sec-Purpose": "prefetch"})
    assert (mail.outbox, SentCode.objects.count(), count_allowances("codes sent")) == ([], 0, 0)


def test_looking_at_send_leads_to_the_other_ways(asked):
    assert asked.get(SEND, follow=True).redirect_chain[-1] == (OTHER, 303)


def test_looking_at_send_after_a_code_went_out_leads_to_its_field(sent):
    answer = sent.get(SEND)
    assert (answer.status_code, answer.url) == (303, SENT)


def test_with_nothing_sent_there_is_nothing_to_enter(asked):
    answer = asked.get(SENT)
    assert (answer.status_code, answer.url) == (303, OTHER)


@pytest.mark.parametrize("channel", ["", "pigeon", "sms", "EMAIL"])
def test_a_channel_that_is_not_there_is_refused(asked, channel):
    assert (ask(asked, channel).status_code, mail.outbox) == (422, [])


def test_a_stranger_can_have_nothing_sent(client, phone):
    assert (ask(client).url, mail.outbox) == ("/accounts/login/", [])


def test_another_sites_form_can_have_nothing_sent(asked):
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = asked.cookies
    assert (ask(strict).status_code, mail.outbox) == (403, [])


def test_whoever_is_signed_in_has_nothing_to_ask_for(alices):
    assert (ask(alices).status_code, mail.outbox) == (303, [])


# What the pages say


def test_asking_leads_to_the_field(asked):
    answer = ask(asked)
    assert (answer.status_code, answer.url) == (303, SENT)


def test_the_page_says_where_when_and_for_how_long(sent):
    text = re.sub("<.*?>", "", sent.get(SENT).text)
    assert f"We sent a code to {MASKED} at 12:00 (UTC). It works until 12:10." in text


def test_the_other_ways_show_masked_targets(asked, alice, text_messages):
    has_number(alice)
    page = asked.get(OTHER).text
    assert [target for target in (MASKED, "••• 67") if target not in page] == []


@pytest.mark.parametrize("path", [OTHER, SENT])
def test_no_page_shows_a_whole_address_but_the_sign_in_name(sent, alice, path):
    page = sent.get(path).text.replace(f'name="signing_in_as" value="{alice.email}"', "")
    assert (
        page.count(alice.email),
        f'<strong class="address">{alice.email}</strong>' in page,
    ) == (1, True)


@pytest.mark.parametrize("path", [OTHER, SENT])
def test_no_page_shows_a_whole_number(asked, alice, text_messages, path):
    has_number(alice)
    ask(asked, "sms")
    page = asked.get(path).text
    assert not any(part in page for part in (NUMBER, NUMBER[1:], "1701234567", "170"))


@pytest.mark.parametrize(
    ("address", "masked"),
    [("alice@example.com", MASKED), ("al@example.com", "a•••@example.com"), ("a@b.de", "a•••@b.de")],
)
def test_a_masked_address_gives_little_away(address, masked):
    assert sent_codes.mask_address(address) == masked


def test_a_part_of_the_page_announces_the_code(asked):
    page = asked.post(SEND, {"channel": "email"}, headers=HTMX, follow=True).text
    assert f'<div hx-swap-oob="innerHTML:#status">Code sent to {MASKED}' in page


def test_a_part_of_the_page_announces_the_newer_code(sent, clock):
    clock.shift(60)
    page = sent.post(SEND, {"channel": "email"}, headers=HTMX, follow=True).text
    assert f"New code sent by e-mail to {MASKED}" in page


def test_the_field_takes_what_a_phone_offers(sent):
    page = sent.get(SENT).text
    field = re.search("<input[^>]*name=.code.[^>]*>", page)[0]
    assert ('autocomplete="one-time-code"' in field, 'inputmode="numeric"' in field) == (True, True)


def test_the_code_stands_in_no_page(sent):
    assert mailed() not in sent.get(SENT).text


@pytest.mark.parametrize("path", [SENT, OTHER])
def test_the_pages_are_kept_by_no_cache(sent, path):
    assert "no-store" in sent.get(path)["Cache-Control"]


# From e-mail to text message to authenticator, in one sign-in


@pytest.fixture
def switched(sent, alice, text_messages, clock):
    """First by e-mail, a minute later by text message."""
    has_number(alice)
    clock.shift(60)
    ask(sent, "sms")
    return sent


def test_the_other_channel_is_one_button_away(sent, alice, text_messages):
    has_number(alice)
    assert "Send it by text message instead" in sent.get(SENT).text


def test_the_page_names_the_new_channel(switched):
    assert "<h1>Enter the code from your text message</h1>" in switched.get(SENT).text


def test_the_page_names_the_new_target(switched):
    assert "••• 67</bdi> at 12:01" in switched.get(SENT).text


def test_the_new_channel_is_announced(sent, alice, text_messages, clock):
    has_number(alice)
    clock.shift(60)
    page = sent.post(SEND, {"channel": "sms"}, headers=HTMX, follow=True).text
    assert "New code sent by text message to ••• 67" in page


def test_the_code_of_the_new_channel_works(switched, alice):
    enter(switched, texted())
    assert signed_in_as(switched) == alice


def test_the_code_of_the_first_channel_does_not(switched):
    answer = enter(switched, mailed())
    assert (answer.status_code, "We sent a newer code at 12:01" in answer.text) == (422, True)


def test_and_back_to_e_mail(switched, alice, clock):
    clock.shift(60)
    ask(switched, "email")
    enter(switched, mailed())
    assert signed_in_as(switched) == alice


def test_the_authenticator_stays_usable(switched, alice, phone):
    switched.post(VERIFY, {"code": phone.code()})
    assert signed_in_as(switched) == alice


def test_after_the_authenticator_the_sent_code_signs_nobody_in(switched, phone):
    tab = second_tab(switched)
    switched.post(VERIFY, {"code": phone.code()})
    enter(tab, texted())
    assert signed_in_as(tab) is None


def test_the_other_channel_is_possible_at_once(sent, alice, text_messages):
    has_number(alice)
    assert (ask(sent, "sms").status_code, len(text_messages)) == (303, 1)


def test_a_channel_that_was_switched_to_has_a_minute_of_its_own(sent, alice, text_messages):
    has_number(alice)
    answers = [ask(sent, channel).status_code for channel in ("sms", "sms", "email")]
    assert (answers, len(text_messages), len(mail.outbox)) == ([303, 429, 429], 1, 1)


def test_every_channel_of_one_sign_in_counts_its_guesses_together(switched):
    for _ in range(5):
        enter(switched, other_than(texted()))
    assert GuessBudget.objects.get().failures == guesses.FREE_GUESSES
