"""Wrong passwords of a person, and of an IP address: after how many there is a wait, and how it ends."""

import pytest
from django.contrib.auth import authenticate
from django.core.cache import cache
from django.test import Client, RequestFactory

from accounts import password_tries
from accounts.models import PasswordTries
from tests.accounts.wrong_passwords import (
    LOGIN,
    browser_at,
    enter_password,
    enter_wrong,
    enter_wrong_fifty_times,
)
from tests.people import PASSWORD, enrol, person, sign_in, signed_in_as
from twofactor.models import Session
from twofactor.web.client_address import client_address

pytestmark = pytest.mark.usefixtures("clock")


# One person from one IP address (L-1)


@pytest.mark.proves("6.3.1", "L-1")
def test_the_fifth_wrong_password_is_answered_429(alice, client):
    assert [enter_wrong(client).status_code for _ in range(5)] == [422, 422, 422, 422, 429]


@pytest.mark.proves("F-09")
def test_wrong_passwords_of_a_clock_that_was_ahead_hold_up_nobody(alice, client, clock):
    clock.shift(3600)
    enter_wrong(client, 5)
    clock.shift(-3600)
    assert enter_password(client).status_code == 303


def test_after_five_wrong_passwords_the_right_one_waits(alice, client):
    enter_wrong(client, 5)
    assert (enter_password(client).status_code, signed_in_as(client)) == (429, None)


def test_after_four_wrong_passwords_the_right_one_opens(alice, client):
    enter_wrong(client, 4)
    enter_password(client)
    assert signed_in_as(client) == alice


def test_a_right_password_forgives_the_wrong_ones(alice, client):
    enter_wrong(client, 4)
    enter_password(client)
    assert enter_wrong(Client(), 4).status_code == 422


@pytest.mark.proves("L-1")
@pytest.mark.parametrize(("seconds", "opens"), [(899, False), (900, True)])
def test_after_fifteen_minutes_the_password_opens(alice, client, clock, seconds, opens):
    enter_wrong(client, 5)
    clock.shift(seconds)
    enter_password(client)
    assert (signed_in_as(client) == alice) is opens


def test_after_fifteen_minutes_there_are_five_tries_again(alice, client, clock):
    enter_wrong(client, 5)
    clock.shift(900)
    assert [enter_wrong(client).status_code for _ in range(5)] == [422, 422, 422, 422, 429]


@pytest.mark.proves("X-08")
def test_trying_while_locked_does_not_push_the_end_back(alice, client, clock):
    enter_wrong(client, 5)
    clock.shift(800)
    enter_wrong(client, 5)
    clock.shift(100)
    enter_password(client)
    assert signed_in_as(client) == alice


@pytest.mark.proves("X-01")
def test_another_address_has_tries_of_its_own(alice, client):
    enter_wrong(client, 5)
    other = browser_at("198.51.100.7")
    enter_password(other)
    assert signed_in_as(other) == alice


@pytest.mark.proves("X-01")
def test_another_person_has_tries_of_their_own(alice, client):
    bob = person("bob@example.com")
    enter_wrong(client, 5)
    enter_password(client, email="bob@example.com")
    assert signed_in_as(client) == bob


SPELLINGS = ["ALICE@example.com", " alice@example.com ", "ａlice@example.com", "alice@EXAMPLE.com"]


@pytest.mark.proves("V-21", "X-06")
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_a_name_shares_one_count(alice, client, spelling):
    enter_wrong(client, 3)
    assert enter_wrong(client, 2, spelling).status_code == 429


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_a_name_signs_in(alice, client, spelling):
    enter_password(client, email=spelling)
    assert signed_in_as(client) == alice


@pytest.mark.proves("15.3.4", "V-21")
@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "Client-IP"])
def test_a_header_of_the_client_gives_no_new_address(alice, client, header):
    for n in range(4):
        enter_wrong(client, headers={header: f"203.0.113.{n}"})
    assert enter_wrong(client, headers={header: "203.0.113.77"}).status_code == 429


def test_a_trusted_proxy_tells_people_apart(alice, settings):
    settings.TWOFACTOR_TRUSTED_PROXIES = ["127.0.0.1"]
    enter_wrong(Client(), 5, headers={"X-Real-IP": "203.0.113.1"})
    assert enter_wrong(Client(), headers={"X-Real-IP": "203.0.113.2"}).status_code == 422


def test_without_an_address_tries_are_counted_all_the_same(alice):
    assert enter_wrong(browser_at(""), 5).status_code == 429


def test_without_an_address_no_try_is_counted_twice(alice):
    answers = [enter_wrong(browser_at(""), 1, f"p{n}@example.com").status_code for n in range(49)]
    assert set(answers) == {422}


@pytest.mark.parametrize("headers", [{"user-agent": "one"}, {"accept": "x"}], ids=["user-agent", "accept"])
def test_another_browser_gives_no_new_tries(alice, client, headers):
    enter_wrong(client, 4)
    assert enter_wrong(Client(), headers=headers).status_code == 429


@pytest.mark.proves("2.4.1", "X-05", "F-04")
def test_an_emptied_cache_gives_no_new_tries(alice, client):
    enter_wrong(client, 5)
    cache.clear()
    assert enter_password(client).status_code == 429


def test_the_last_try_is_announced(alice, client):
    pages = [b"One more wrong password" in enter_wrong(client).content for _ in range(4)]
    assert pages == [False, False, False, True]


def test_an_empty_form_is_no_try(alice, client):
    [client.post(LOGIN) for _ in range(6)]
    assert enter_wrong(client).status_code == 422


@pytest.mark.proves("X-06")
def test_a_name_of_any_length_is_answered(db, client):
    assert enter_wrong(client, 1, "a" * 10_000 + "@example.com").status_code == 422


@pytest.mark.parametrize("name", ["nul\0@example.com", "\r\nX: y", "<b>@example.com", "🦊@example.com"])
def test_a_strange_name_is_answered(db, client, name):
    assert enter_wrong(client, 1, name).status_code == 422


# One IP address, for all names together (L-2)


def test_an_address_has_fifty_tries(alice, client):
    enter_wrong_fifty_times([client])
    assert enter_wrong(client).status_code == 429


@pytest.mark.proves("L-2")
def test_the_fiftieth_try_of_an_address_is_answered_429(alice, client):
    answers = [enter_wrong(client, 1, f"p{n}@example.com").status_code for n in range(50)]
    assert answers == [422] * 49 + [429]


@pytest.mark.proves("L-2")
def test_an_ipv6_customer_is_one_address(alice):
    enter_wrong_fifty_times([browser_at(f"2001:db8:1:2::{n:x}") for n in range(1, 11)])
    assert enter_wrong(browser_at("2001:db8:1:2:ffff::1")).status_code == 429


def test_the_next_ipv6_customer_is_another(alice):
    enter_wrong_fifty_times([browser_at(f"2001:db8:1:2::{n:x}") for n in range(1, 11)])
    assert enter_wrong(browser_at("2001:db8:1:3::1")).status_code == 422


def test_one_person_from_one_ipv6_customer_has_five_tries(alice):
    answers = [enter_wrong(browser_at(f"2001:db8:1:2::{n:x}")).status_code for n in range(1, 6)]
    assert answers == [422, 422, 422, 422, 429]


def test_an_address_is_free_again_after_fifteen_minutes(alice, client, clock):
    enter_wrong_fifty_times([client])
    clock.shift(900)
    enter_password(client)
    assert signed_in_as(client) == alice


@pytest.mark.proves("X-09")
def test_signing_in_does_not_clear_the_count_of_an_address(alice, client):
    person("mallory@example.com")
    for n in range(49):
        enter_wrong(client, 1, f"p{n}@example.com")
        if n % 10 == 0:
            enter_password(client, email="mallory@example.com")
            client.logout()
    assert enter_wrong(client, 1, "another@example.com").status_code == 429


@pytest.mark.proves("V-21")
def test_signing_in_oneself_gives_no_new_tries_at_someone_else(alice, client):
    """An attacker who also has an account."""
    person("mallory@example.com")
    answers = []
    for _ in range(6):
        answers.append(enter_wrong(Client()).status_code)
        enter_password(Client(), email="mallory@example.com")
    assert answers == [422, 422, 422, 422, 429, 429]


@pytest.mark.proves("X-09")
@pytest.mark.urls("tests.twofactor.guarded_pages")
@pytest.mark.parametrize("login_view", [LOGIN, "/admin/login/", "/django-login/"])
def test_the_right_password_alone_clears_nothing(alice, client, login_view):
    """If the person has a second factor, only a whole sign-in clears the count."""
    type(alice).objects.update(is_staff=True)
    enrol(alice)
    enter_wrong(client, 3)
    client.post(login_view, {"username": alice.email, "password": PASSWORD})
    assert [enter_wrong(client).status_code for _ in range(2)] == [422, 429]


def test_password_and_code_clear_the_count(alice, client):
    phone = enrol(alice)
    enter_wrong(client, 4)
    sign_in(client, phone)
    assert [enter_wrong(Client()).status_code for _ in range(4)] == [422] * 4


# Long names


@pytest.mark.parametrize("length", [60, 170])
def test_names_that_begin_alike_are_counted_apart(db, client, length):
    """Even if they differ only after the length that a column could store."""
    names = [f"{'a' * length}{end}@example.com" for end in "xy"]
    for _ in range(password_tries.TRIES_PER_BROWSER):
        client.post(LOGIN, {"username": names[0], "password": "wrong"})
    answers = [client.post(LOGIN, {"username": name, "password": "wrong"}) for name in names]
    assert [answer.status_code for answer in answers] == [429, 422]


# What is stored


@pytest.mark.proves("V-30", "X-12")
def test_nothing_that_was_typed_is_kept(alice, client):
    form = {"username": "alice@example.com", "password": "hunter2", "code": "123456", "token": "deadbeef"}
    client.post(f"{LOGIN}?secret=feedface", form)
    client.post(LOGIN, {"username": "my-s3cret-password", "password": "x"})
    kept = str(list(PasswordTries.objects.values()))
    typed = ("hunter2", "123456", "deadbeef", "feedface", "my-s3cret-password", "alice@example.com")
    assert [text for text in typed if text in kept] == []


@pytest.mark.proves("X-12")
def test_rows_do_not_grow_with_tries(alice, client):
    enter_wrong(client, 1)
    before = PasswordTries.objects.count()
    enter_wrong(client, 4)
    assert PasswordTries.objects.count() == before


def test_a_locked_try_writes_nothing(alice, client):
    enter_wrong(client, 5)
    before = list(PasswordTries.objects.values())
    enter_wrong(client)
    assert list(PasswordTries.objects.values()) == before


def test_wrong_passwords_open_no_session(alice, client):
    enter_wrong(client, 6)
    assert not Session.objects.exists()


@pytest.mark.proves("X-03")
def test_a_failure_that_nobody_could_count_is_an_error(alice):
    with pytest.raises(Exception, match="request"):
        authenticate(None, username=alice.email, password="wrong")


def test_all_login_views_count_together(known_browser, alice):
    enter_password(known_browser)
    [known_browser.post("/two-factor/confirm/", {"password": "wrong"}) for _ in range(4)]
    known_browser.post("/accounts/logout/")
    assert enter_wrong(known_browser).status_code == 429


@pytest.mark.proves("V-02")
def test_a_locked_person_is_not_let_in_by_the_admins_form(alice, client):
    enter_wrong(client, 5)
    type(alice).objects.update(is_staff=True)
    client.post("/admin/login/", {"username": "alice@example.com", "password": PASSWORD})
    assert signed_in_as(client) is None


@pytest.mark.proves("X-07")
@pytest.mark.parametrize("address", ["", "unix:", "not an address", "10.0.0.1", "::1", "fe80::1%eth0"])
def test_there_is_always_an_address_to_count_by(address):
    request = RequestFactory(REMOTE_ADDR=address).get("/")
    assert client_address(request)
