"""Codes by e-mail while signing in: what they are worth, for whom, and how often they go out."""

import re
from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib.auth.hashers import make_password
from django.core import mail
from django.test import Client
from django.utils import timezone

from tests.accounts.letters import link
from tests.mailers import send_mail_to_nobody, send_mail_with
from tests.people import PASSWORD, enrol, give_password, person, signed_in_as
from tests.twofactor.sent_codes import (
    NUMBER,
    OTHER,
    SEND,
    SENT,
    ask,
    enter,
    has_number,
    mailed,
    other_than,
    texted,
    with_pigeons,
)
from tests.twofactor.views.test_setup import set_up
from twofactor import sealing
from twofactor.factors import sent_codes
from twofactor.limits import guesses
from twofactor.models import Allowance, GuessBudget, SentCode

VERIFY = "/two-factor/verify/"
MASKED = "a•••e@example.com"
NEW_PASSWORD = "a quiet green harbour"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def carried(settings):
    """Text messages work here, and this is what went out."""
    return with_pigeons(settings)


@pytest.fixture
def nobody_listens(settings):
    send_mail_to_nobody(settings)


def tab_of(client):
    tab = Client()
    tab.cookies.load({name: morsel.value for name, morsel in client.cookies.items()})
    return tab


def browser(email="alice@example.com"):
    client = Client()
    give_password(client, email)
    return client


def count(prefix):
    return sum(Allowance.objects.filter(key__startswith=prefix).values_list("count", flat=True))


def ask_in_a_new_sign_in(times, clock, every=60):
    """What the last of them answered, each a while after the one before."""
    for turn in range(times):
        if turn:
            clock.shift(every)
        answer = ask(browser())
    return answer


# What a code is worth


def test_a_sent_code_signs_in(sent, alice):
    enter(sent, mailed())
    assert signed_in_as(sent) == alice


def test_a_sent_code_leads_on(client, phone):
    give_password(client, next="/accounts/profile/")
    ask(client)
    assert enter(client, mailed()).url == "/accounts/profile/"


@pytest.mark.proves("N-04")
def test_a_code_has_six_digits(sent):
    assert re.fullmatch(r"\d{6} is your Countersign security code", mail.outbox[0].subject)


def test_a_code_may_begin_with_zero(alice, phone):
    channel = sent_codes.Channel("email", alice.email)
    for turn in range(40):
        sent_codes.send(alice, channel, f"test:{turn}", "127.0.0.1", timezone.now() + timedelta(days=turn))
    assert {len(letter.subject.split()[0]) for letter in mail.outbox} == {6}


def test_codes_differ(asked, clock):
    ask(asked)
    clock.shift(60)
    ask(asked)
    assert len({letter.subject for letter in mail.outbox}) == 2


def test_a_code_is_typed_as_it_likes(sent, alice):
    code = mailed()
    enter(sent, f" {code[:3]}-{code[3:]} ")
    assert signed_in_as(sent) == alice


def test_a_code_works_for_ten_minutes(sent, alice, clock):
    clock.shift(599)
    enter(sent, mailed())
    assert signed_in_as(sent) == alice


@pytest.mark.proves("6.5.5", "N-04")
def test_a_code_does_not_work_any_longer(sent, clock):
    clock.shift(601)
    enter(sent, mailed())
    assert signed_in_as(sent) is None


@pytest.mark.proves("6.5.1", "N-04")
def test_a_code_works_once(sent):
    tab = tab_of(sent)
    enter(sent, mailed())
    enter(tab, mailed())
    assert signed_in_as(tab) is None


def test_a_used_code_is_spent_even_if_the_sign_in_is_not(sent, alice):
    """Both are decided by the database: the row alone is enough to refuse it."""
    SentCode.objects.update(used_at=timezone.now())
    assert enter(sent, mailed()).status_code == 422


@pytest.mark.proves("6.6.2")
def test_a_code_is_bound_to_the_sign_in_that_asked(sent, clock):
    """ASVS 6.6.2"""
    other = browser()
    code = mailed()
    clock.shift(60)
    ask(other)
    enter(other, code)
    assert signed_in_as(other) is None


def test_a_code_that_was_tried_elsewhere_still_works_here(sent, alice, clock):
    other = browser()
    code = mailed()
    clock.shift(60)
    ask(other)
    enter(other, code)
    enter(sent, code)
    assert signed_in_as(sent) == alice


def test_a_sign_in_that_asked_for_nothing_takes_no_code(sent):
    other = browser()
    assert (enter(other, mailed()).url, signed_in_as(other)) == (OTHER, None)


def test_a_code_for_somebody_else_is_refused(sent, clock):
    enrol(person("bob@example.com"))
    bobs = browser("bob@example.com")
    ask(bobs)
    enter(sent, mailed())
    assert signed_in_as(sent) is None


def test_a_sent_code_is_not_an_authenticators(sent):
    sent.post(VERIFY, {"code": mailed()})
    assert signed_in_as(sent) is None


def test_an_authenticators_code_is_not_a_sent_one(sent, phone):
    enter(sent, phone.code())
    assert signed_in_as(sent) is None


def test_a_backup_code_is_not_a_sent_one(sent, paper):
    assert (enter(sent, paper[0]).status_code, signed_in_as(sent)) == (422, None)


def test_a_sent_code_does_not_turn_two_factor_off(alices, alice, clock):
    other = browser()
    ask(other)
    form = {"password": PASSWORD, "code": mailed()}
    assert alices.post("/two-factor/disable/", form).status_code == 422


def test_a_changed_password_ends_the_sign_in_and_its_code(sent, alice):
    alice.set_password(NEW_PASSWORD)
    alice.save()
    enter(sent, mailed())
    assert signed_in_as(sent) is None


def test_a_person_who_is_shut_out_gets_in_by_no_code(sent, alice):
    alice.is_active = False
    alice.save()
    enter(sent, mailed())
    assert signed_in_as(sent) is None


# How it is kept


@pytest.mark.proves("K-01")
def test_the_code_stands_nowhere_in_the_database(sent):
    rows = [str(list(model.objects.values())) for model in apps.get_models()]
    assert [row for row in rows if mailed() in row] == []


@pytest.mark.proves("K-08")
def test_what_is_kept_is_worthless_without_the_key(sent, settings):
    row, code = SentCode.objects.get(), mailed()
    settings.TWOFACTOR_KEYS = [sealing.generate_key()]
    assert not sent_codes.is_code(row, code)


@pytest.mark.proves("K-08")
@pytest.mark.parametrize("field", ["user_id", "purpose"])
def test_what_is_kept_belongs_to_one_person_and_one_sign_in(sent, field):
    row = SentCode.objects.get()
    setattr(row, field, "0")
    assert not sent_codes.is_code(row, mailed())


def test_a_code_that_was_sent_before_the_keys_changed_still_works(sent, alice, settings):
    settings.TWOFACTOR_KEYS = [sealing.generate_key(), *settings.TWOFACTOR_KEYS]
    enter(sent, mailed())
    assert signed_in_as(sent) == alice


# Wrong tries


def test_a_wrong_code_says_so(sent):
    answer = enter(sent, other_than(mailed()))
    assert "The code is not correct or has expired. Check your latest message" in answer.text


def test_after_four_wrong_tries_the_code_works(sent, alice):
    for _ in range(4):
        enter(sent, other_than(mailed()))
    enter(sent, mailed())
    assert signed_in_as(sent) == alice


@pytest.mark.proves("6.6.3", "L-5")
def test_after_five_wrong_tries_the_code_is_void(sent, clock):
    for _ in range(5):
        enter(sent, other_than(mailed()))
    clock.shift(31)
    enter(sent, mailed())
    assert signed_in_as(sent) is None


def test_a_void_code_is_told_from_a_wrong_one(sent, clock):
    for _ in range(5):
        enter(sent, other_than(mailed()))
    clock.shift(31)
    assert "That code has had too many wrong tries. Ask for a new one" in enter(sent, mailed()).text


def test_after_a_void_code_a_new_one_works(sent, alice, clock):
    for _ in range(5):
        enter(sent, other_than(mailed()))
    clock.shift(61)
    ask(sent)
    enter(sent, mailed())
    assert signed_in_as(sent) == alice


def test_wrong_sent_codes_lock(sent):
    for _ in range(5):
        enter(sent, other_than(mailed()))
    answer = enter(sent, mailed())
    assert (answer.status_code, answer["Retry-After"]) == (429, "30")


@pytest.mark.proves("L-4")
def test_guesses_are_summed_over_all_channels(sent, phone):
    """L-4: two at the authenticator, three at the sent code."""
    for _ in range(2):
        sent.post(VERIFY, {"code": "000000"})
    for _ in range(3):
        enter(sent, other_than(mailed()))
    assert sent.post(VERIFY, {"code": phone.code()}).status_code == 429


@pytest.mark.proves("N-03")
def test_a_new_code_is_no_new_start(sent, clock):
    """N-03: four wrong, a new code, one wrong."""
    for _ in range(4):
        enter(sent, other_than(mailed()))
    clock.shift(60)
    ask(sent)
    enter(sent, other_than(mailed()))
    assert enter(sent, mailed()).status_code == 429


def test_a_new_sign_in_is_no_new_start(sent, clock):
    for _ in range(4):
        enter(sent, other_than(mailed()))
    clock.shift(60)
    other = browser()
    ask(other)
    enter(other, other_than(mailed()))
    assert enter(other, mailed()).status_code == 429


def test_a_right_sent_code_ends_the_count(sent):
    enter(sent, other_than(mailed()))
    enter(sent, mailed())
    assert GuessBudget.objects.get().failures == 0


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "ABCDE-FGHJK-MNPQR"])
def test_a_badly_formed_code_costs_no_guess(sent, typed):
    enter(sent, typed)
    assert (GuessBudget.objects.get().failures, SentCode.objects.get().tries) == (0, 0)


# A newer code


@pytest.mark.proves("V-20")
def test_a_newer_code_voids_the_older(sent, clock):
    older = mailed()
    clock.shift(60)
    ask(sent)
    enter(sent, older)
    assert signed_in_as(sent) is None


def test_an_older_code_is_told_when_the_newer_was_sent(sent, clock):
    older = mailed()
    clock.shift(60)
    ask(sent)
    assert "We sent a newer code at 12:01. Enter that one" in enter(sent, older).text


def test_an_older_code_is_no_guess(sent, clock):
    older = mailed()
    clock.shift(60)
    ask(sent)
    enter(sent, older)
    assert GuessBudget.objects.get().failures == 0


def test_the_newer_code_works(sent, alice, clock):
    clock.shift(60)
    ask(sent)
    enter(sent, mailed())
    assert signed_in_as(sent) == alice


def test_a_newer_code_that_could_not_be_sent_leaves_the_older(sent, alice, clock, nobody_listens):
    code = mailed()
    clock.shift(60)
    ask(sent)
    enter(sent, code)
    assert signed_in_as(sent) == alice


# Nothing goes out unasked


def test_the_password_alone_sends_nothing(asked):
    assert mail.outbox == []


@pytest.mark.proves("3.5.3", "V-19")
@pytest.mark.parametrize("path", [VERIFY, OTHER, SEND, SENT])
@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_sends_nothing(asked, path, method):
    """V-19: browsers, mail programs and scanners look at everything."""
    getattr(asked, method)(path, {"channel": "email"}, headers={"Sec-Purpose": "prefetch"})
    assert (mail.outbox, SentCode.objects.count(), count("codes sent")) == ([], 0, 0)


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


def test_the_other_ways_show_masked_targets(asked, alice, carried):
    has_number(alice)
    page = asked.get(OTHER).text
    assert [target for target in (MASKED, "••• 67") if target not in page] == []


@pytest.mark.parametrize("path", [OTHER, SENT])
def test_no_page_shows_a_whole_address_but_the_sign_in_name(sent, alice, path):
    page = sent.get(path).text.replace(f'name="signing_in_as" value="{alice.email}"', "")
    assert (page.count(alice.email), f'<strong class="address">{alice.email}</strong>' in page) == (1, True)


@pytest.mark.parametrize("path", [OTHER, SENT])
def test_no_page_shows_a_whole_number(asked, alice, carried, path):
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


# How often


def test_a_second_code_within_a_minute_is_too_soon(sent):
    assert (ask(sent).status_code, len(mail.outbox)) == (429, 1)


@pytest.mark.proves("L-6")
@pytest.mark.parametrize(("later", "status"), [(59, 429), (60, 303)])
def test_a_minute_is_sixty_seconds(sent, clock, later, status):
    clock.shift(later)
    assert ask(sent).status_code == status


def test_too_soon_says_for_how_long(sent, clock):
    clock.shift(10)
    answer = ask(sent)
    assert (answer["Retry-After"], "in 50 seconds" in answer.text) == ("50", True)


def test_asking_too_soon_does_not_push_the_time_back(sent, clock):
    clock.shift(30)
    ask(sent)
    clock.shift(30)
    assert ask(sent).status_code == 303


def test_the_form_of_the_page_that_says_too_soon_posts_to_the_field_that_takes_it(sent):
    page = ask(sent).text
    form = re.search("<form[^>]*>(?:(?!</form>).)*name=.code.", page, re.DOTALL)[0]
    assert f'action="{SENT}"' in form


def test_asking_too_soon_in_a_new_sign_in_is_not_called_a_wrong_code(sent):
    other = browser()
    assert "You entered the wrong code too many times" not in ask(other).text


def test_asking_too_soon_in_a_new_sign_in_still_offers_the_authenticator(sent):
    other = browser()
    assert 'href="/two-factor/verify/"' in ask(other).text


def test_the_page_that_says_too_soon_still_offers_to_send(sent):
    assert f'action="{SEND}"' in ask(sent).text


def test_the_code_that_was_sent_works_after_asking_too_soon(sent, alice):
    ask(sent)
    enter(sent, mailed())
    assert signed_in_as(sent) == alice


def test_too_soon_is_a_whole_page_for_htmx_as_well(sent):
    assert "<!doctype html>" in ask(sent, headers=HTMX).text


def test_a_minute_counts_across_sign_ins(sent):
    other = browser()
    assert (ask(other).status_code, len(mail.outbox)) == (429, 1)


def test_five_codes_an_hour(phone, clock):
    assert ask_in_a_new_sign_in(5, clock).status_code == 303


@pytest.mark.proves("2.3.2", "L-6")
def test_a_sixth_code_within_the_hour_waits_for_it(phone, clock):
    answer = ask_in_a_new_sign_in(6, clock)
    assert (answer.status_code, answer["Retry-After"]) == (429, str(3600 - 300))


def test_after_an_hour_there_are_five_more(phone, clock):
    ask_in_a_new_sign_in(5, clock)
    clock.shift(3600 - 240)
    assert ask(browser()).status_code == 303


def test_ten_codes_a_day(phone, clock):
    assert ask_in_a_new_sign_in(10, clock, every=900).status_code == 303


@pytest.mark.proves("L-6")
def test_an_eleventh_code_waits_for_the_day(phone, clock):
    answer = ask_in_a_new_sign_in(11, clock, every=900)
    assert (answer.status_code, answer["Retry-After"]) == (429, str(86400 - 9000))


def test_after_a_day_codes_go_out_again(phone, clock):
    ask_in_a_new_sign_in(10, clock, every=900)
    clock.shift(86400)
    assert ask(browser()).status_code == 303


def test_one_number_is_not_rung_for_two_people_at_once(asked, alice, carried):
    """Per target, whoever asks."""
    bob = person("bob@example.com")
    enrol(bob)
    has_number(alice)
    has_number(bob)
    ask(asked, "sms")
    assert (ask(browser("bob@example.com"), "sms").status_code, len(carried)) == (429, 1)


def crowd(many):
    for n in range(many):
        enrol(person(f"p{n}@example.com"))
    return [browser(f"p{n}@example.com") for n in range(many)]


def test_twenty_codes_an_hour_go_out_for_one_place(db, clock):
    assert [ask(client).status_code for client in crowd(20)] == [303] * 20


@pytest.mark.proves("L-6")
def test_a_twenty_first_is_refused(db, clock):
    answer = [ask(client) for client in crowd(21)][-1]
    assert (answer.status_code, answer["Retry-After"], len(mail.outbox)) == (429, "3600", 20)


def test_a_full_place_costs_the_person_nothing(db, clock):
    last = crowd(21)
    for client in last:
        ask(client)
    assert ask(last[-1], REMOTE_ADDR="203.0.113.9").status_code == 303


def test_a_place_is_not_chosen_by_the_asker(db, clock):
    """V-21: nobody in front of us is trusted to say it."""
    answers = [
        ask(client, headers={"X-Forwarded-For": f"198.51.100.{n}"}).status_code
        for n, client in enumerate(crowd(21))
    ]
    assert answers[-1] == 429


def test_signing_in_alone_may_send_six_an_hour(alice, phone, carried, clock):
    """Of its own: the account's hour began with another message, and has room again."""
    number = has_number(alice, "+12015550123").number
    sent_codes.send(alice, sent_codes.Channel("sms", number), "phone", "127.0.0.1", timezone.now())
    answers = []
    for kind, later in zip(["email", "sms"] * 4, [3300, 60, 60, 60, 120, 60, 60], strict=False):
        clock.shift(later)
        answers.append(ask(browser(), kind))
    assert [answer.status_code for answer in answers] == [303] * 6 + [429]
    assert answers[-1]["Retry-After"] == str(3600 - 420)


# When it cannot be sent


def test_a_code_that_could_not_be_sent_is_told(asked, nobody_listens):
    answer = ask(asked)
    assert (answer.status_code, "The message could not be sent. Try another way" in answer.text) == (
        503,
        True,
    )


def test_the_page_that_says_so_offers_the_other_ways(asked, paper, nobody_listens):
    page = ask(asked).text
    ways = (f'href="{VERIFY}"', 'href="/two-factor/verify/backup/"', f'action="{SEND}"')
    assert [way for way in ways if way not in page] == []


@pytest.mark.proves("L-6")
def test_what_could_not_be_sent_costs_the_person_nothing(asked, nobody_listens):
    for _ in range(7):
        ask(asked)
    assert (count("codes sent to"), count("codes sent for")) == (0, 0)


def test_what_could_not_be_sent_counts_for_the_place(asked, nobody_listens):
    """Otherwise whoever makes sending fail may try for ever."""
    for _ in range(3):
        ask(asked)
    assert count("codes sent from") == 3


def test_what_could_not_be_sent_is_never_accepted(asked, nobody_listens):
    ask(asked)
    assert SentCode.objects.count() == 0


def test_when_mail_works_again_the_code_goes_out_at_once(asked, settings, nobody_listens):
    ask(asked)
    send_mail_with(settings, "locmem")
    assert (ask(asked).status_code, len(mail.outbox)) == (303, 1)


def test_without_mail_the_authenticator_still_signs_in(asked, alice, phone, nobody_listens):
    ask(asked)
    asked.post(VERIFY, {"code": phone.code()})
    assert signed_in_as(asked) == alice


# Who may have one


def offered(client):
    return [channel.kind for channel in client.get(OTHER).context["channels"]]


def test_a_confirmed_address_is_offered(asked):
    assert offered(asked) == ["email"]


def test_an_unconfirmed_address_is_not_offered(client, clock, db):
    enrol(person(email_verified_at=None))
    give_password(client)
    assert offered(client) == []


@pytest.mark.proves("N-09", "V-34")
def test_an_unconfirmed_address_gets_no_code(client, clock, db):
    """V-34"""
    enrol(person(email_verified_at=None))
    give_password(client)
    assert (ask(client).status_code, mail.outbox) == (422, [])


@pytest.mark.parametrize(
    ("rule", "is_staff", "kinds"),
    [
        ("everyone", False, ["email"]),
        ("everyone", True, ["email"]),
        ("not-staff", False, ["email"]),
        ("not-staff", True, []),
        ("nobody", False, []),
        ("nobody", True, []),
    ],
)
def test_a_site_says_who_may_come_back_by_e_mail(client, db, clock, settings, rule, is_staff, kinds):
    settings.TWOFACTOR_EMAIL_FALLBACK = rule
    enrol(person(is_staff=is_staff))
    give_password(client)
    assert (offered(client), ask(client).status_code == 303) == (kinds, bool(kinds))


def test_a_changed_rule_holds_from_the_next_request(asked, settings):
    settings.TWOFACTOR_EMAIL_FALLBACK = "nobody"
    assert (ask(asked).status_code, mail.outbox) == (422, [])


def reset_by_mail(client):
    client.post("/accounts/password_reset/", {"email": "alice@example.com"})
    form = client.get(link(), follow=True).request["PATH_INFO"]
    client.post(form, {"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD})


def change_address(client, phone):
    to = "/accounts/email/change/"
    client.post(f"/two-factor/confirm/?next={to}", {"password": PASSWORD, "code": phone.code()})
    client.post(to, {"email": "alice@new.example"})
    client.post(link())


def after_password(password=PASSWORD, email="alice@example.com"):
    """A browser that waits for a code."""
    client = Client()
    client.post("/accounts/login/", {"username": email, "password": password})
    return client


A_YEAR = 365 * 86400


@pytest.mark.proves("D-2")
@pytest.mark.parametrize("later", [0, A_YEAR])
def test_after_a_reset_by_mail_the_mailbox_is_not_enough(client, phone, clock, later):
    reset_by_mail(client)
    clock.shift(later)
    waiting = after_password(NEW_PASSWORD)
    assert (offered(waiting), ask(waiting).status_code) == ([], 422)


@pytest.mark.proves("D-2")
def test_after_a_change_of_address_the_mailbox_is_not_enough(alices, phone, clock):
    change_address(alices, phone)
    clock.shift(A_YEAR)
    assert offered(after_password(email="alice@new.example")) == []


@pytest.mark.parametrize("column", ["password", "email"])
def test_it_does_not_matter_what_code_has_changed_either(client, phone, alice, column):
    """No hook is asked: a foreign site may write to its table as it likes."""
    value = make_password(PASSWORD) if column == "password" else "alice@new.example"
    type(alice).objects.update(**{column: value})
    assert offered(after_password(email=value if column == "email" else alice.email)) == []


@pytest.mark.proves("D-2")
def test_a_sign_in_with_the_app_makes_it_enough_again(client, phone, clock):
    reset_by_mail(client)
    after_password(NEW_PASSWORD).post(VERIFY, {"code": phone.code()})
    assert offered(after_password(NEW_PASSWORD)) == ["email"]


def test_a_sign_in_with_a_backup_code_makes_it_enough_again(client, paper, clock):
    reset_by_mail(client)
    after_password(NEW_PASSWORD).post(VERIFY, {"code": paper[0]})
    assert offered(after_password(NEW_PASSWORD)) == ["email"]


def test_a_wrong_code_does_not(client, phone, clock):
    reset_by_mail(client)
    after_password(NEW_PASSWORD).post(VERIFY, {"code": "000000"})
    assert offered(after_password(NEW_PASSWORD)) == []


@pytest.mark.proves("D-2")
def test_a_code_by_text_message_does_not(client, alice, phone, clock, carried):
    has_number(alice)
    reset_by_mail(client)
    waiting = after_password(NEW_PASSWORD)
    ask(waiting, "sms")
    enter(waiting, texted())
    assert (signed_in_as(waiting), offered(after_password(NEW_PASSWORD))) == (alice, ["sms"])


@pytest.mark.proves("D-2")
def test_a_trusted_browser_does_not(client, alice, phone, clock):
    give_password(client)
    client.post(VERIFY, {"code": phone.code(), "trust_browser": "on"})
    client.post("/accounts/logout/")
    type(alice).objects.update(email="alice@new.example")
    give_password(client, "alice@new.example")
    assert (signed_in_as(client), offered(after_password(email="alice@new.example"))) == (alice, [])


def test_a_password_that_is_only_hashed_anew_is_the_same(client, phone, clock, settings):
    settings.PASSWORD_HASHERS = settings.PASSWORD_HASHERS[::-1]
    assert offered(after_password()) == ["email"]


def test_a_new_password_with_an_outdated_hash_in_its_place_is_a_new_one(alice, phone, clock, settings):
    """As a site may write it, without set_password()."""
    settings.PASSWORD_HASHERS = settings.PASSWORD_HASHERS[::-1]
    alice = type(alice).objects.get()
    alice.password = make_password(NEW_PASSWORD)
    alice.save(update_fields=["password"])
    assert offered(after_password(NEW_PASSWORD)) == []


def test_a_code_on_its_way_is_dead_when_the_address_has_changed(sent, alice, phone):
    code = mailed()
    type(alice).objects.update(email="alice@new.example")
    assert (enter(sent, code).status_code, signed_in_as(sent)) == (422, None)


def test_after_setting_up_a_code_by_mail_helps(client, alice, clock):
    give_password(client)
    set_up(client)
    assert offered(after_password()) == ["email"]


def test_after_a_reset_a_text_message_is_still_offered(client, alice, phone, clock, carried):
    has_number(alice)
    reset_by_mail(client)
    assert offered(after_password(NEW_PASSWORD)) == ["sms"]


def test_a_password_changed_by_hand_asks_for_a_factor_too(alices, phone, clock):
    change_password(alices, phone)
    assert offered(after_password(NEW_PASSWORD)) == []


def change_password(client, phone):
    new = {"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}
    form = {"old_password": PASSWORD, "code": phone.code(), **new}
    return client.post("/accounts/password_change/", form)


# From e-mail to text message to authenticator, in one sign-in


@pytest.fixture
def switched(sent, alice, carried, clock):
    """First by e-mail, a minute later by text message."""
    has_number(alice)
    clock.shift(60)
    ask(sent, "sms")
    return sent


def test_the_other_channel_is_one_button_away(sent, alice, carried):
    has_number(alice)
    assert "Send it by text message instead" in sent.get(SENT).text


def test_the_page_names_the_new_channel(switched):
    assert "<h1>Enter the code from your text message</h1>" in switched.get(SENT).text


def test_the_page_names_the_new_target(switched):
    assert "••• 67</bdi> at 12:01" in switched.get(SENT).text


def test_the_new_channel_is_announced(sent, alice, carried, clock):
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
    tab = tab_of(switched)
    switched.post(VERIFY, {"code": phone.code()})
    enter(tab, texted())
    assert signed_in_as(tab) is None


def test_the_other_channel_is_possible_at_once(sent, alice, carried):
    has_number(alice)
    assert (ask(sent, "sms").status_code, len(carried)) == (303, 1)


def test_a_channel_that_was_switched_to_has_a_minute_of_its_own(sent, alice, carried):
    has_number(alice)
    answers = [ask(sent, channel).status_code for channel in ("sms", "sms", "email")]
    assert (answers, len(carried), len(mail.outbox)) == ([303, 429, 429], 1, 1)


def test_every_channel_of_one_sign_in_counts_its_guesses_together(switched):
    for _ in range(5):
        enter(switched, other_than(texted()))
    assert GuessBudget.objects.get().failures == guesses.FREE_GUESSES
