"""Wrong passwords: who has to wait, for how long, and who does not."""

import re
from io import StringIO
from ipaddress import ip_network

import pytest
from django.contrib.auth import authenticate
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client, RequestFactory

from accounts import known_browsers, lockout
from accounts.models import KnownBrowser, PasswordTries, User
from tests.accounts.letters import link
from tests.people import PASSWORD, enrol, person, sign_in, signed_in_as
from twofactor.models import Event
from twofactor.web.client_address import client_address

LOGIN = "/accounts/login/"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def alice(db, clock):
    return person()


def give(client, password=PASSWORD, email="alice@example.com", **extra):
    return client.post(LOGIN, {"username": email, "password": password}, **extra)


def wrong(client, times=1, email="alice@example.com", **extra):
    """The last of that many answers to a wrong password."""
    for _ in range(times):
        answer = give(client, "wrong", email, **extra)
    return answer


def at(address):
    return Client(REMOTE_ADDR=address)


def network(count):
    return [at(f"198.51.{n // 250}.{n % 250}") for n in range(count)]


# One person, one address (L-1)


@pytest.mark.proves("6.3.1", "L-1")
def test_the_fifth_wrong_password_is_answered_429(alice, client):
    assert [wrong(client).status_code for _ in range(5)] == [422, 422, 422, 422, 429]


@pytest.mark.proves("F-09")
def test_wrong_passwords_of_a_clock_that_was_ahead_hold_up_nobody(alice, client, clock):
    clock.shift(3600)
    wrong(client, 5)
    clock.shift(-3600)
    assert give(client).status_code == 303


def test_after_five_wrong_passwords_the_right_one_waits(alice, client):
    wrong(client, 5)
    assert (give(client).status_code, signed_in_as(client)) == (429, None)


def test_after_four_wrong_passwords_the_right_one_opens(alice, client):
    wrong(client, 4)
    give(client)
    assert signed_in_as(client) == alice


def test_a_right_password_forgives_the_wrong_ones(alice, client):
    wrong(client, 4)
    give(client)
    assert wrong(Client(), 4).status_code == 422


@pytest.mark.proves("L-1")
@pytest.mark.parametrize(("seconds", "opens"), [(899, False), (900, True)])
def test_after_fifteen_minutes_the_password_opens(alice, client, clock, seconds, opens):
    wrong(client, 5)
    clock.shift(seconds)
    give(client)
    assert (signed_in_as(client) == alice) is opens


def test_after_fifteen_minutes_there_are_five_tries_again(alice, client, clock):
    wrong(client, 5)
    clock.shift(900)
    assert [wrong(client).status_code for _ in range(5)] == [422, 422, 422, 422, 429]


@pytest.mark.proves("X-08")
def test_trying_while_locked_does_not_push_the_end_back(alice, client, clock):
    wrong(client, 5)
    clock.shift(800)
    wrong(client, 5)
    clock.shift(100)
    give(client)
    assert signed_in_as(client) == alice


@pytest.mark.proves("X-01")
def test_another_address_has_tries_of_its_own(alice, client):
    wrong(client, 5)
    other = at("198.51.100.7")
    give(other)
    assert signed_in_as(other) == alice


@pytest.mark.proves("X-01")
def test_another_person_has_tries_of_their_own(alice, client):
    bob = person("bob@example.com")
    wrong(client, 5)
    give(client, email="bob@example.com")
    assert signed_in_as(client) == bob


SPELLINGS = ["ALICE@example.com", " alice@example.com ", "ａlice@example.com", "alice@EXAMPLE.com"]


@pytest.mark.proves("V-21", "X-06")
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_a_name_shares_one_count(alice, client, spelling):
    wrong(client, 3)
    assert wrong(client, 2, spelling).status_code == 429


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_a_name_signs_in(alice, client, spelling):
    give(client, email=spelling)
    assert signed_in_as(client) == alice


@pytest.mark.proves("15.3.4", "V-21")
@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "Client-IP"])
def test_a_header_of_the_client_gives_no_new_address(alice, client, header):
    for n in range(4):
        wrong(client, headers={header: f"203.0.113.{n}"})
    assert wrong(client, headers={header: "203.0.113.77"}).status_code == 429


def test_a_trusted_proxy_tells_people_apart(alice, settings):
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.1")]
    wrong(Client(), 5, headers={"X-Real-IP": "203.0.113.1"})
    assert wrong(Client(), headers={"X-Real-IP": "203.0.113.2"}).status_code == 422


def test_without_an_address_tries_are_counted_all_the_same(alice):
    assert wrong(at(""), 5).status_code == 429


def test_without_an_address_no_try_is_counted_twice(alice):
    answers = [wrong(at(""), 1, f"p{n}@example.com").status_code for n in range(49)]
    assert set(answers) == {422}


@pytest.mark.parametrize("headers", [{"user-agent": "one"}, {"accept": "x"}], ids=["user-agent", "accept"])
def test_another_browser_gives_no_new_tries(alice, client, headers):
    wrong(client, 4)
    assert wrong(Client(), headers=headers).status_code == 429


@pytest.mark.proves("2.4.1", "X-05", "F-04")
def test_an_emptied_cache_gives_no_new_tries(alice, client):
    wrong(client, 5)
    cache.clear()
    assert give(client).status_code == 429


def test_the_last_try_is_announced(alice, client):
    pages = [b"After 1 more wrong password" in wrong(client).content for _ in range(4)]
    assert pages == [False, False, False, True]


def test_an_empty_form_is_no_try(alice, client):
    [client.post(LOGIN) for _ in range(6)]
    assert wrong(client).status_code == 422


@pytest.mark.proves("X-06")
def test_a_name_of_any_length_is_answered(db, client):
    assert wrong(client, 1, "a" * 10_000 + "@example.com").status_code == 422


@pytest.mark.parametrize("name", ["nul\0@example.com", "\r\nX: y", "<b>@example.com", "🦊@example.com"])
def test_a_strange_name_is_answered(db, client, name):
    assert wrong(client, 1, name).status_code == 422


# The page


def test_the_page_says_when_to_come_back(alice, client):
    assert b"at about 12:15" in wrong(client, 5).content


@pytest.mark.proves("X-10")
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
def test_the_page_says_how_long_in_its_header(alice, client, clock, headers):
    wrong(client, 5)
    clock.shift(60)
    assert int(give(client, headers=headers).headers["Retry-After"]) in {840, 841}


@pytest.mark.proves("X-10")
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
def test_the_page_is_a_whole_page(alice, client, headers):
    page = wrong(client, 5, headers=headers).content.lower()
    assert page.startswith(b"<!doctype html>")
    assert b"you cannot sign in at the moment" in page


@pytest.mark.parametrize("path", ["/accounts/password_reset/", "/help/"])
def test_the_page_says_what_else_can_be_done(alice, client, path):
    assert f'href="{path}"' in wrong(client, 5).text


def test_the_page_is_the_same_for_a_name_that_nobody_has(alice):
    known, unknown = wrong(at("198.51.100.1"), 5), wrong(at("198.51.100.2"), 5, "nobody@example.com")
    assert body(known) == body(unknown)


def body(page):
    """Without the token, which differs every time."""
    return re.sub(r'value="\w{64}"', "", page.text)


def test_a_wrong_password_is_answered_the_same_for_a_name_that_nobody_has(alice, client):
    known, unknown = wrong(client), wrong(client, 1, "nobody@example.com")
    assert body(known).replace("alice@", "nobody@") == body(unknown)


def test_the_wait_is_not_written_for_machines(alice, client):
    assert b"PT15M" not in wrong(client, 5).content


@pytest.mark.proves("14.2.1")
def test_the_name_stands_in_no_address(alice, client):
    assert "Location" not in wrong(client, 5).headers


@pytest.mark.proves("3.4.2")
def test_no_other_site_may_read_the_page(alice, client):
    page = wrong(client, 5, headers={"X-Requested-With": "XMLHttpRequest"})
    assert "Access-Control-Allow-Origin" not in page.headers


def test_the_page_of_an_xhr_does_not_say_the_name(alice, client):
    page = wrong(client, 5, headers={"X-Requested-With": "XMLHttpRequest"})
    assert b"alice@example.com" not in page.content


# An address, whoever it tries (L-2)


def fifty(clients):
    for n in range(50):
        wrong(clients[n % len(clients)], 1, f"p{n}@example.com")


def test_an_address_has_fifty_tries(alice, client):
    fifty([client])
    assert wrong(client).status_code == 429


@pytest.mark.proves("L-2")
def test_the_fiftieth_try_of_an_address_is_answered_429(alice, client):
    answers = [wrong(client, 1, f"p{n}@example.com").status_code for n in range(50)]
    assert answers == [422] * 49 + [429]


@pytest.mark.proves("L-2")
def test_an_ipv6_customer_is_one_address(alice):
    fifty([at(f"2001:db8:1:2::{n:x}") for n in range(1, 11)])
    assert wrong(at("2001:db8:1:2:ffff::1")).status_code == 429


def test_the_next_ipv6_customer_is_another(alice):
    fifty([at(f"2001:db8:1:2::{n:x}") for n in range(1, 11)])
    assert wrong(at("2001:db8:1:3::1")).status_code == 422


def test_one_person_from_one_ipv6_customer_has_five_tries(alice):
    answers = [wrong(at(f"2001:db8:1:2::{n:x}")).status_code for n in range(1, 6)]
    assert answers == [422, 422, 422, 422, 429]


def test_an_address_is_free_again_after_fifteen_minutes(alice, client, clock):
    fifty([client])
    clock.shift(900)
    give(client)
    assert signed_in_as(client) == alice


@pytest.mark.proves("X-09")
def test_signing_in_does_not_clear_the_count_of_an_address(alice, client):
    person("mallory@example.com")
    for n in range(49):
        wrong(client, 1, f"p{n}@example.com")
        if n % 10 == 0:
            give(client, email="mallory@example.com")
            client.logout()
    assert wrong(client, 1, "another@example.com").status_code == 429


@pytest.mark.proves("V-21")
def test_signing_in_oneself_gives_no_new_tries_at_somebody_else(alice, client):
    """An attacker with an account of their own (M-6)."""
    person("mallory@example.com")
    answers = []
    for _ in range(6):
        answers.append(wrong(Client()).status_code)
        give(Client(), email="mallory@example.com")
    assert answers == [422, 422, 422, 422, 429, 429]


@pytest.mark.proves("X-09")
@pytest.mark.urls("tests.twofactor.guarded_pages")
@pytest.mark.parametrize("door", [LOGIN, "/admin/login/", "/django-login/"])
def test_the_right_password_alone_clears_nothing(alice, client, door):
    """With a second factor, only the second factor does (D-7)."""
    type(alice).objects.update(is_staff=True)
    enrol(alice)
    wrong(client, 3)
    client.post(door, {"username": alice.email, "password": PASSWORD})
    assert [wrong(client).status_code for _ in range(2)] == [422, 429]


def test_password_and_code_clear_the_count(alice, client):
    phone = enrol(alice)
    wrong(client, 4)
    sign_in(client, phone)
    assert [wrong(Client()).status_code for _ in range(4)] == [422] * 4


# Strangers, and browsers that are known (L-3)


@pytest.fixture
def known(alice):
    """A browser that Alice has signed in with before, from home."""
    client = at("192.0.2.1")
    give(client)
    client.post("/accounts/logout/")
    return client


def strangers(tries):
    for client in network(tries // 4):
        wrong(client, 4)


@pytest.mark.proves("L-3")
def test_a_hundred_tries_by_strangers_are_the_last(alice):
    strangers(100)
    assert give(at("192.0.2.9")).status_code == 429


def test_after_ninety_nine_the_password_still_opens(alice):
    strangers(96)
    wrong(at("192.0.2.8"), 3)
    other = at("192.0.2.9")
    give(other)
    assert signed_in_as(other) == alice


@pytest.mark.proves("L-3", "X-16")
def test_strangers_do_not_lock_the_owner_out(known, alice):
    strangers(100)
    give(known)
    assert signed_in_as(known) == alice


def test_a_stranger_at_the_same_address_does_not_lock_the_owner_out(known, alice):
    wrong(at("192.0.2.1"), 5)
    give(known)
    assert signed_in_as(known) == alice


def test_an_address_that_is_locked_does_not_lock_a_known_browser(known, alice):
    fifty([at("192.0.2.1")])
    give(known)
    assert signed_in_as(known) == alice


def test_a_known_browser_is_known_at_another_address(known, alice):
    strangers(100)
    give(known, REMOTE_ADDR="203.0.113.200")
    assert signed_in_as(known) == alice


def test_a_known_browser_has_five_tries_too(known):
    assert [wrong(known).status_code for _ in range(5)] == [422, 422, 422, 422, 429]


def test_a_known_browser_that_fails_does_not_lock_others(known, alice):
    wrong(known, 5)
    other = at("192.0.2.1")
    give(other)
    assert signed_in_as(other) == alice


def test_a_browser_is_known_for_its_own_person_only(known, alice):
    person("bob@example.com")
    for client in network(25):
        wrong(client, 4, "bob@example.com")
    assert give(known, email="bob@example.com").status_code == 429


def test_strangers_are_locked_out_until_the_password_is_new(alice, clock):
    strangers(100)
    clock.shift(30 * 86400)
    assert b"Reset your password" in give(at("192.0.2.9")).content


def test_the_page_for_strangers_names_no_time(alice):
    strangers(100)
    assert b"at about" not in give(at("192.0.2.9")).content


def new_password(user):
    user.set_password("a brand new harbour")
    user.save()


def test_a_new_password_lets_strangers_try_again(alice):
    strangers(100)
    new_password(alice)
    assert wrong(at("192.0.2.9")).status_code == 422


def test_a_password_that_is_only_hashed_anew_does_not(alice):
    strangers(100)
    alice.set_password(PASSWORD)
    alice._password = None  # as Django's check_password() does
    alice.save(update_fields=["password"])
    assert wrong(at("192.0.2.9")).status_code == 429


def test_without_mail_a_command_lets_the_owner_in_again(alice, settings, monkeypatch):
    settings.SITE_HAS_MAIL = False
    strangers(100)
    monkeypatch.setattr("getpass.getpass", lambda prompt: "a brand new harbour")
    call_command("changepassword", alice.email, stdout=StringIO())
    assert give(at("192.0.2.9"), "a brand new harbour").status_code == 303


@pytest.mark.parametrize(
    "command",
    [
        ["axes_reset"],
        ["axes_reset_username", "Alice@example.com"],
        ["axes_reset_ip", "127.0.0.1"],
        ["axes_reset_ip_username", "127.0.0.1", "alice@example.com"],
    ],
)
def test_the_commands_of_axes_clear_our_counts(alice, client, command):
    wrong(client, 5)
    call_command(*command, stdout=StringIO())
    assert give(client).status_code == 303


LONG = "alice@" + ".".join(["x" * 60] * 3) + ".example.com"  # longer than what is counted of a name


def test_signing_in_clears_the_counts_of_a_long_address(alice, client):
    person(LONG)
    wrong(client, 4, LONG)
    give(client, email=LONG)
    assert PasswordTries.objects.count() == 0


def test_a_new_password_clears_the_strangers_of_a_long_address(alice):
    person(LONG)
    wrong(at("192.0.2.1"), 4, LONG)
    new_password(User.objects.get(email=LONG))
    assert not PasswordTries.objects.filter(address=lockout.ANYWHERE).exists()


def test_a_browser_is_known_by_a_long_address(client, alice):
    person(LONG)
    give(client, email=LONG)
    client.post("/accounts/logout/")
    for stranger in network(25):
        wrong(stranger, 4, LONG)
    assert give(client, email=LONG).status_code == 303


def test_signing_in_breaks_the_row_of_strangers(known, alice):
    strangers(96)
    give(known)
    strangers(40)
    assert wrong(at("192.0.2.9")).status_code == 422


def test_tries_at_a_name_that_nobody_has_are_counted_too(db, clock):
    for client in network(25):
        wrong(client, 4, "nobody@example.com")
    assert give(at("192.0.2.9"), email="nobody@example.com").status_code == 429


def test_a_browser_becomes_known_by_signing_in(alice, client):
    give(client)
    assert client.cookies[known_browsers.COOKIE]["httponly"]


def test_a_wrong_password_makes_no_browser_known(alice, client):
    wrong(client)
    assert known_browsers.COOKIE not in client.cookies


def test_the_password_alone_makes_no_browser_known(alice, client):
    enrol(alice)
    give(client)
    assert known_browsers.COOKIE not in client.cookies


def test_a_known_browser_does_not_say_whose_it_is(known):
    assert "alice" not in known.cookies[known_browsers.COOKIE].value


def test_the_cookie_of_another_person_makes_no_browser_known(known, alice):
    person("mallory@example.com")
    mallory = at("203.0.113.9")
    give(mallory, email="mallory@example.com")
    mallory.post("/accounts/logout/")
    strangers(100)
    assert give(mallory).status_code == 429


@pytest.mark.parametrize("cookie", ["x", "", "a.b"])
def test_a_made_up_cookie_makes_no_browser_known(alice, cookie):
    strangers(100)
    forger = at("203.0.113.9")
    forger.cookies[known_browsers.COOKIE] = cookie
    assert give(forger).status_code == 429


@pytest.mark.parametrize(("days", "opens"), [(89, True), (90, False)])
def test_a_browser_stays_known_for_ninety_days(known, alice, clock, days, opens):
    strangers(100)
    clock.shift(days * 86400)
    give(known)
    assert (signed_in_as(known) == alice) is opens


def test_the_row_says_how_long_and_not_the_cookie(known, clock):
    strangers(100)
    known.cookies[known_browsers.COOKIE]["max-age"] = 10**9
    clock.shift(90 * 86400)
    assert give(known).status_code == 429


@pytest.mark.proves("L-3")
def test_a_known_browser_has_five_tries_wherever_it_is(known):
    answers = [wrong(known, REMOTE_ADDR=f"203.0.113.{n}").status_code for n in range(6)]
    assert answers == [422, 422, 422, 422, 429, 429]


@pytest.mark.proves("L-3")
def test_its_right_password_waits_wherever_it_is(known):
    wrong(known, 5)
    assert give(known, REMOTE_ADDR="203.0.113.7").status_code == 429


@pytest.mark.parametrize(("seconds", "opens"), [(899, False), (900, True)])
def test_a_known_browser_waits_for_fifteen_minutes(known, alice, clock, seconds, opens):
    wrong(known, 5)
    clock.shift(seconds)
    give(known)
    assert (signed_in_as(known) == alice) is opens


def row():
    return KnownBrowser.objects.get()


@pytest.mark.proves("L-3", "N-01")
def test_a_hundred_wrong_passwords_in_a_row_end_what_is_known(known, clock):
    for _ in range(20):
        wrong(known, 5)
        clock.shift(900)
    assert row().in_a_row == 100
    strangers(100)
    assert give(known).status_code == 429


def test_ninety_nine_do_not(known, alice, clock):
    strangers(100)
    for tries in [5] * 19 + [4]:
        wrong(known, tries)
        clock.shift(900)
    give(known)
    assert signed_in_as(known) == alice


def test_a_right_password_without_its_code_is_no_try_and_clears_none(known, alice):
    enrol(alice)
    wrong(known, 3)
    give(known)
    assert (row().tries, row().in_a_row) == (3, 3)


def test_a_whole_sign_in_begins_the_row_anew(known):
    wrong(known, 3)
    give(known)
    assert (row().tries, row().in_a_row) == (0, 0)


def copy_of(client):
    """What a thief takes along."""
    thief = at("203.0.113.66")
    thief.cookies.load({known_browsers.COOKIE: client.cookies[known_browsers.COOKIE].value})
    return thief


@pytest.mark.proves("L-3")
def test_an_old_copy_is_worth_nothing_after_the_next_sign_in(known):
    thief = copy_of(known)
    give(known)
    strangers(100)
    assert give(thief).status_code == 429


def test_two_copies_share_their_tries(known):
    thief = copy_of(known)
    answers = [wrong(client).status_code for client in [known, thief] * 3]
    assert answers == [422, 422, 422, 422, 429, 429]


@pytest.mark.proves("L-3")
def test_after_a_new_password_the_old_token_is_worth_nothing(known, alice):
    alice.set_password("a quiet green harbour")
    alice.save()
    strangers(100)
    assert give(known, "a quiet green harbour").status_code == 429


@pytest.mark.proves("L-3", "S-08")
def test_after_signing_out_everywhere_the_old_token_is_worth_nothing(known, alice):
    alice.end_sessions()
    strangers(100)
    assert give(known).status_code == 429


def test_the_browser_in_which_the_password_was_changed_stays_known(known, alice):
    give(known)
    new = {"new_password1": "a quiet green harbour", "new_password2": "a quiet green harbour"}
    known.post("/accounts/password_change/", {"old_password": PASSWORD, **new})
    known.post("/accounts/logout/")
    strangers(100)
    give(known, "a quiet green harbour")
    assert signed_in_as(known) == alice


def test_the_browser_that_ended_all_other_sessions_stays_known(known, alice):
    give(known)
    known.post("/two-factor/sessions/end/")
    known.post("/accounts/logout/")
    strangers(100)
    give(known)
    assert signed_in_as(known) == alice


@pytest.mark.proves("L-3")
def test_the_browser_in_which_a_reset_was_finished_is_known(alice, client):
    client.post("/accounts/password_reset/", {"email": alice.email})
    form = client.get(link()).headers["Location"]
    new = {"new_password1": "a quiet green harbour", "new_password2": "a quiet green harbour"}
    client.post(form, new)
    strangers(100)
    give(client, "a quiet green harbour")
    assert signed_in_as(client) == alice


def test_a_browser_of_before_is_no_new_one(known, alice):
    """Not even where its tries have ended with the old password."""
    alice.set_password("a quiet green harbour")
    alice.save()
    give(known, "a quiet green harbour")
    assert not Event.objects.filter(kind="new_browser").exists()


def test_several_people_can_share_a_browser(known, alice):
    bob = person("bob@example.com")
    give(known, email="bob@example.com")
    known.post("/accounts/logout/")
    strangers(100)
    give(known)
    assert (signed_in_as(known), bob.pk == alice.pk) == (alice, False)


@pytest.mark.parametrize("length", [60, 170])
def test_names_that_begin_alike_are_counted_apart(db, client, length):
    """Longer ones than a column would keep, too."""
    names = [f"{'a' * length}{end}@example.com" for end in "xy"]
    for _ in range(lockout.LIMIT):
        client.post(LOGIN, {"username": names[0], "password": "wrong"})
    answers = [client.post(LOGIN, {"username": name, "password": "wrong"}) for name in names]
    assert [answer.status_code for answer in answers] == [429, 422]


# What is kept


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
    wrong(client, 1)
    before = PasswordTries.objects.count()
    wrong(client, 4)
    assert PasswordTries.objects.count() == before


def test_a_locked_try_writes_nothing(alice, client):
    wrong(client, 5)
    before = list(PasswordTries.objects.values())
    wrong(client)
    assert list(PasswordTries.objects.values()) == before


def test_wrong_passwords_open_no_session(alice, client):
    wrong(client, 6)
    assert not Session.objects.exists()


@pytest.mark.proves("X-03")
def test_a_failure_that_nobody_could_count_is_an_error(alice):
    with pytest.raises(Exception, match="request"):
        authenticate(None, username=alice.email, password="wrong")


def test_every_door_counts_together(known, alice):
    give(known)
    [known.post("/two-factor/confirm/", {"password": "wrong"}) for _ in range(4)]
    known.post("/accounts/logout/")
    assert wrong(known).status_code == 429


@pytest.mark.proves("V-02")
def test_a_locked_person_is_not_let_in_by_the_admins_form(alice, client):
    wrong(client, 5)
    type(alice).objects.update(is_staff=True)
    client.post("/admin/login/", {"username": "alice@example.com", "password": PASSWORD})
    assert signed_in_as(client) is None


@pytest.mark.proves("X-07")
@pytest.mark.parametrize("address", ["", "unix:", "not an address", "10.0.0.1", "::1", "fe80::1%eth0"])
def test_there_is_always_an_address_to_count_by(address):
    request = RequestFactory(REMOTE_ADDR=address).get("/")
    assert client_address(request)


@pytest.mark.proves("6.3.5")
def test_a_stolen_cookie_from_before_a_new_password_is_a_new_browser(known, alice):
    alice.refresh_from_db()
    alice.set_password("a quiet green harbour")
    alice.save()
    give(known, "a quiet green harbour")
    assert Event.objects.filter(kind="new_browser").exists()


def test_of_each_person_the_ten_newest_browsers_are_known(alice, clock):
    for _ in range(12):
        clock.shift(1)
        give(Client())
    assert KnownBrowser.objects.count() == known_browsers.BROWSERS_PER_PERSON
