"""A forgotten password: asking for a link by email, and choosing a new password with it."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth import SESSION_KEY
from django.test import Client

from accounts.models import User
from tests.accounts.comparison import answer
from tests.accounts.letters import letters, link
from tests.accounts.passwords import NEW, ask_for_link, can_sign_in_with, choose_password, reset_password
from tests.people import NOW, PASSWORD, enrol, give_password, person
from twofactor.factors import enrolled

pytestmark = pytest.mark.django_db


# Asking for the link


def test_asking_leads_to_the_page_that_says_where_to_look(client, alice):
    response = ask_for_link(client)
    assert (response.status_code, response["Location"]) == (302, "/accounts/password_reset/done/")


@pytest.mark.parametrize("who", ["nobody", "deactivated", "without"])
def test_everyone_gets_the_same_answer(client, alice, who):
    person("deactivated@example.com", is_active=False)
    User.objects.create_user("without@example.com", None)
    known, other = ask_for_link(Client()), ask_for_link(Client(), f"{who}@example.com")
    assert answer(known) == answer(other)


@pytest.mark.parametrize("who", ["nobody", "deactivated"])
def test_only_someone_who_can_use_it_gets_a_link(client, who):
    person("deactivated@example.com", is_active=False)
    ask_for_link(client, f"{who}@example.com")
    assert letters() == []


def test_someone_without_a_password_chooses_the_first_one_with_the_link(client):
    User.objects.create_user("without@example.com", None)
    reset_password(client, "without@example.com")
    assert can_sign_in_with(NEW, "without@example.com")


def test_the_link_goes_to_the_address_of_the_account(client, alice):
    ask_for_link(client)
    assert [letter.to for letter in letters()] == [["alice@example.com"]]


@pytest.mark.parametrize("spelling", ["ALICE@example.com", " alice@example.com", "alice@ｅｘａｍｐｌｅ.com"])
def test_mail_goes_to_the_address_as_it_is_kept(client, alice, spelling):
    ask_for_link(client, spelling)
    assert [letter.to for letter in letters()] == [["alice@example.com"]]


def test_an_unconfirmed_address_gets_a_link_too(client):
    person(email_verified_at=None)
    ask_for_link(client)
    assert len(letters()) == 1


@pytest.mark.proves("V-11")
@pytest.mark.parametrize("field", ["email[]", "email[0]", "Email", "to"])
def test_an_address_under_another_name_is_not_read(client, alice, field):
    response = client.post("/accounts/password_reset/", {field: "alice@example.com"})
    assert (response.status_code, letters()) == (422, [])


@pytest.mark.parametrize(
    "address",
    ["alice@example.com,eve@example.com", "alice@example.com eve@example.com", "alice@example.com\n"],
)
def test_a_list_of_addresses_reaches_nobody_else(client, alice, address):
    ask_for_link(client, address)
    assert [letter.to for letter in letters()] in ([], [["alice@example.com"]])


@pytest.mark.proves("15.3.7")
def test_a_second_address_in_the_request_gets_no_link_of_the_first(client, alice):
    client.post("/accounts/password_reset/", {"email": ["alice@example.com", "eve@example.com"]})
    assert letters() == []


@pytest.mark.proves("V-28")
def test_the_link_leads_to_the_configured_origin(client, alice, settings):
    settings.TWOFACTOR_BASE_URL = "https://accounts.example.com"
    ask_for_link(client)
    assert "https://accounts.example.com/accounts/reset/" in letters()[0].body


@pytest.mark.proves("V-28")
def test_a_request_for_another_host_sends_no_link(client, alice):
    response = client.post(
        "/accounts/password_reset/", {"email": alice.email}, headers={"Host": "evil.example"}
    )
    assert (response.status_code, letters()) == (400, [])


DONE = "/accounts/password_reset/done/"


@pytest.mark.proves("L-8-answer")
def test_a_person_who_asks_too_often_gets_the_same_answer(client, alice):
    answers = [ask_for_link(client) for _ in range(4)]
    assert {(answer.status_code, answer.url) for answer in answers} == {(302, DONE)}


@pytest.mark.proves("L-8")
def test_three_links_an_hour_go_to_one_address(client, alice):
    for _ in range(4):
        ask_for_link(client)
    assert len(letters()) == 3


def test_reading_the_page_sends_nothing(client, alice):
    client.get("/accounts/password_reset/", {"email": alice.email})
    assert letters() == []


def test_asking_leaves_the_password_and_the_session_alone(as_alice):
    ask_for_link(Client())
    assert (can_sign_in_with(PASSWORD), as_alice.get("/accounts/profile/").status_code) == (True, 200)


# The link


def test_the_link_opens_a_form_whose_address_shows_no_token(client, alice):
    ask_for_link(client)
    assert re.fullmatch(r"/accounts/reset/\w+/set-password/", client.get(link())["Location"])


def test_opening_the_link_changes_nothing(client, alice):
    ask_for_link(client)
    client.get(link(), follow=True)
    assert can_sign_in_with(PASSWORD)


def test_the_new_password_opens_the_account(client, alice):
    reset_password(client)
    assert can_sign_in_with(NEW)


def test_the_old_password_opens_nothing_any_more(client, alice):
    reset_password(client)
    assert not can_sign_in_with(PASSWORD)


@pytest.mark.proves("6.4.3", "V-11")
def test_a_reset_signs_nobody_in(client, alice):
    reset_password(client)
    assert SESSION_KEY not in client.session


def test_a_reset_leads_to_a_page_with_a_way_to_sign_in(client, alice):
    response = reset_password(client)
    assert 'href="/accounts/login/"' in client.get(response["Location"]).text


def test_the_link_works_once(client, alice):
    reset_password(client)
    choose_password(Client(), link(), "a third one, for thieves")
    assert can_sign_in_with(NEW)


def test_a_dead_link_has_a_page_that_says_so(client, alice):
    reset_password(client)
    assert "This link has been used or has expired." in Client().get(link(letters()[0])).text


@pytest.mark.parametrize(("age", "works"), [(timedelta(hours=1), True), (timedelta(seconds=3601), False)])
def test_the_link_works_for_one_hour(client, alice, age, works):
    with time_machine.travel(NOW, tick=False):
        ask_for_link(client)
    with time_machine.travel(NOW + age, tick=False):
        choose_password(client, link())
    assert can_sign_in_with(NEW) is works


def test_the_link_is_dead_after_signing_in(client, alice):
    ask_for_link(client)
    give_password(Client())
    choose_password(client, link())
    assert can_sign_in_with(PASSWORD)


def test_of_two_links_the_second_use_is_dead(client, alice):
    ask_for_link(client)
    reset_password(client)
    choose_password(Client(), link(letters()[0]), "a third one, for thieves")
    assert can_sign_in_with(NEW)


def test_a_link_opens_nobody_elses_account(client, alice, bob):
    ask_for_link(client)
    ask_for_link(client, "bob@example.com")
    alices, bobs = (link(letter).split("/") for letter in letters())
    choose_password(client, "/".join([*alices[:3], bobs[3], *alices[4:]]))
    assert can_sign_in_with(PASSWORD, "bob@example.com")


@pytest.mark.parametrize("path", ["x/y-z", "MQ/set-password", "%00/a-b", "!!/a-b", "MQ/" + "a" * 500])
def test_a_link_that_was_never_ours_is_dead(client, alice, path):
    assert "has expired" in client.get(f"/accounts/reset/{path}/").text


@pytest.mark.parametrize("password", ["", "short", "password123", "alice@example.com", "12345678"])
def test_a_weak_password_is_refused(client, alice, password):
    ask_for_link(client)
    assert choose_password(client, link(), password).status_code == 422


def test_two_different_passwords_are_refused(client, alice):
    ask_for_link(client)
    assert choose_password(client, link(), NEW, again="a loud yellow hill").status_code == 422


def test_after_a_refusal_the_form_still_works(client, alice):
    ask_for_link(client)
    choose_password(client, link(), "short")
    choose_password(client, link())
    assert can_sign_in_with(NEW)


@pytest.mark.proves("V-11")
def test_a_reset_ends_every_session(as_alice):
    reset_password(Client())
    assert as_alice.get("/accounts/profile/").status_code == 302


def test_a_reset_ends_the_session_of_the_browser_it_is_made_in(as_alice):
    reset_password(as_alice)
    assert as_alice.get("/accounts/profile/").status_code == 302


def test_a_reset_ends_a_sign_in_that_waits_for_its_code(client, alice):
    phone = enrol(alice)
    give_password(client)
    reset_password(Client())
    client.post("/two-factor/verify/", {"code": phone.code()})
    assert SESSION_KEY not in client.session


def test_a_reset_raises_the_epoch(client, alice):
    reset_password(client)
    assert User.objects.get().security_epoch == 1


def test_a_reset_confirms_the_address(client):
    person(email_verified_at=None)
    reset_password(client)
    assert User.objects.get().email_verified_at is not None


def test_a_reset_leaves_an_earlier_confirmation_as_it_was(client):
    person(email_verified_at=NOW)
    reset_password(client)
    assert User.objects.get().email_verified_at == NOW


@pytest.mark.proves("6.4.3")
@pytest.mark.parametrize("told", ["203.0.113.7", "Firefox"])
def test_the_letter_about_a_reset_says_where_it_came_from(alice, told):
    browser = {"REMOTE_ADDR": "203.0.113.7", "HTTP_USER_AGENT": "Firefox/140.0"}
    reset_password(Client(**browser))
    assert told in letters()[-1].body


def test_the_recent_activity_says_where_a_reset_came_from(client, alice):
    reset_password(Client(REMOTE_ADDR="203.0.113.7"))
    client.post("/accounts/login/", {"username": alice.email, "password": NEW})
    assert "203.0.113.7" in client.get("/two-factor/activity/").text


def test_the_letter_about_a_reset_speaks_the_language_of_the_browser(alice):
    reset_password(Client(HTTP_ACCEPT_LANGUAGE="de"))
    assert "Passwort wurde geändert" in letters()[-1].subject


def test_a_reset_keeps_the_second_factor(client, alice):
    enrol(alice)
    reset_password(client)
    assert enrolled.is_on(alice)


def test_after_a_reset_the_code_is_still_asked_for(client, alice):
    enrol(alice)
    reset_password(client)
    response = client.post("/accounts/login/", {"username": alice.email, "password": NEW})
    assert (response["Location"], SESSION_KEY in client.session) == ("/two-factor/verify/", False)


def test_only_the_link_of_a_letter_opens_a_session_row(client, alice):
    client.get("/accounts/reset/MQ/never-ours/")
    assert "sessionid" not in client.cookies
