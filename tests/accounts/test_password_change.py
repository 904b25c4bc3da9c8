"""A new password for someone who is signed in and knows the old one."""

import pytest
from django.test import Client

from accounts.models import User
from tests.accounts.letters import letters, link
from tests.accounts.passwords import NEW, ask_for_link, can_sign_in_with, choose_password, reset_password
from tests.people import PASSWORD, enrol, give_password, sign_in

pytestmark = pytest.mark.django_db


def change_password(client, old=PASSWORD, new=NEW, again=None, **code):
    data = {"old_password": old, "new_password1": new, "new_password2": new if again is None else again}
    data |= code
    return client.post("/accounts/password_change/", data)


def test_changing_leads_to_the_page_that_says_so(as_alice):
    response = change_password(as_alice)
    assert "<h1>Password changed</h1>" in as_alice.get(response["Location"]).text


def test_a_changed_password_opens_the_account(as_alice):
    change_password(as_alice)
    assert (can_sign_in_with(NEW), can_sign_in_with(PASSWORD)) == (True, False)


@pytest.mark.proves("6.2.1-6.2.9", "V-24")
def test_changing_needs_the_old_password(as_alice):
    assert (change_password(as_alice, old="wrong").status_code, can_sign_in_with(PASSWORD)) == (422, True)


@pytest.fixture
def owner(clock, client, alice):
    """Alice's browser, with two-factor authentication turned on, and her phone."""
    phone = enrol(alice)
    sign_in(client, phone)
    return client, phone


@pytest.mark.proves("L-4", "S-10")
@pytest.mark.parametrize("code", ["", "000000", "12345"])
def test_with_a_second_factor_changing_needs_a_code(owner, code):
    client, _phone = owner
    assert (change_password(client, code=code).status_code, can_sign_in_with(PASSWORD)) == (422, True)


def test_a_code_of_the_app_lets_the_password_change(owner):
    client, phone = owner
    change_password(client, code=phone.code(off=1))
    assert can_sign_in_with(NEW)


def test_the_code_of_the_sign_in_changes_no_password(owner):
    client, phone = owner
    change_password(client, code=phone.code())
    assert can_sign_in_with(PASSWORD)


@pytest.mark.parametrize("mistake", [{"old": "wrong"}, {"new": "short"}, {"again": "a loud yellow hill"}])
def test_a_mistake_beside_the_code_spends_no_code(owner, mistake):
    client, phone = owner
    change_password(client, code=phone.code(off=1), **mistake)
    change_password(client, code=phone.code(off=1))
    assert can_sign_in_with(NEW)


def test_the_page_asks_for_a_code_where_there_is_one(owner, clock):
    client, _phone = owner
    clock.shift(301)
    page = client.get("/accounts/password_change/").text
    assert ('name="code"' in page, change_password(client).status_code) == (True, 422)
    assert ("6-digit code from your app, or a backup code." in page, 'inputmode="numeric"' in page) == (
        True,
        False,
    )


@pytest.mark.proves("S-10")
def test_within_five_minutes_of_a_code_none_is_asked_for(owner, clock):
    client, _phone = owner
    clock.shift(299)
    page = client.get("/accounts/password_change/").text
    assert ('name="code"' in page, change_password(client).status_code) == (False, 302)
    assert can_sign_in_with(NEW)


def test_the_old_password_is_asked_for_all_the_same(owner):
    client, _phone = owner
    assert (change_password(client, old="wrong").status_code, can_sign_in_with(PASSWORD)) == (422, True)


def test_the_page_asks_for_no_code_where_there_is_none(as_alice):
    assert 'name="code"' not in as_alice.get("/accounts/password_change/").text


@pytest.mark.proves("S-11")
def test_a_trusted_browser_is_no_code_for_a_new_password(owner, alice):
    client, phone = owner
    client.post("/accounts/logout/")
    give_password(client)
    client.post("/two-factor/verify/", {"code": phone.code(off=1), "trust_browser": "on"})
    client.post("/accounts/logout/")
    give_password(client)
    assert (client.session["twofactor_amr"], change_password(client).status_code) == ("trusted", 422)


@pytest.mark.proves("L-4")
def test_wrong_codes_and_new_passwords_in_turn_are_five_guesses(owner):
    """For an attacker with an open session and the password: a new password gives no more guesses."""
    client, phone = owner
    for _ in range(3):
        answers = [
            client.post("/two-factor/confirm/", {"password": PASSWORD, "code": "000000"}) for _ in range(5)
        ]
        change_password(client, code=phone.code(off=1))
    assert [answer.status_code for answer in answers] == [429] * 5


@pytest.mark.proves("L-4")
def test_wrong_codes_and_resets_in_turn_are_five_guesses(client, alice):
    """For an attacker with the mailbox only: a reset gives no more guesses."""
    enrol(alice)
    answers = []
    for n in range(3):
        reset_password(client)
        client.post("/accounts/login/", {"username": alice.email, "password": NEW})
        answers += [client.post("/two-factor/verify/", {"code": f"00000{n}"}) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [422] * 5 + [429] * 10


def test_changing_needs_the_same_password_twice(as_alice):
    assert (
        change_password(as_alice, again="a loud yellow hill").status_code,
        can_sign_in_with(PASSWORD),
    ) == (422, True)


@pytest.mark.parametrize("password", ["", "short", "password123", "alice@example.com", "12345678"])
def test_changing_to_a_weak_password_is_refused(as_alice, password):
    assert change_password(as_alice, new=password).status_code == 422


def test_changing_to_a_password_that_sign_in_would_not_take_is_refused(as_alice):
    assert change_password(as_alice, new="so long " * 200).status_code == 422


def test_guesses_at_the_old_password_are_counted(as_alice):
    assert [change_password(as_alice, old=f"guess {n}").status_code for n in range(6)][-1] == 429


def test_changing_keeps_the_browser_it_is_made_in(as_alice):
    change_password(as_alice)
    assert as_alice.get("/accounts/profile/").status_code == 200


def test_changing_gives_that_browser_a_new_session_key(as_alice):
    before = as_alice.session.session_key
    change_password(as_alice)
    assert as_alice.session.session_key != before


def test_changing_ends_the_sessions_of_all_other_browsers(as_alice):
    other = Client()
    give_password(other)
    change_password(as_alice)
    assert other.get("/accounts/profile/").status_code == 302


def test_changing_ends_a_sign_in_that_waits_for_its_code(client, alice):
    phone, other = enrol(alice), Client()
    sign_in(client, phone)
    give_password(other)
    change_password(client, code=phone.code(off=1))
    assert "/accounts/login/" in other.get("/two-factor/verify/")["Location"]


def test_changing_keeps_the_second_factor_of_the_session(client, alice):
    phone = enrol(alice)
    sign_in(client, phone)
    change_password(client, code=phone.code(off=1))
    assert client.get("/two-factor/").wsgi_request.user.is_verified()


def test_a_link_to_reset_is_dead_after_changing(as_alice):
    ask_for_link(Client())
    change_password(as_alice)
    choose_password(Client(), link(letters()[0]), "a third one, for thieves")
    assert can_sign_in_with(NEW)


def test_changing_needs_someone_signed_in(client, alice):
    assert (change_password(client).status_code, can_sign_in_with(PASSWORD)) == (302, True)


def test_changing_needs_the_token_of_its_page(alice):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    assert change_password(browser).status_code == 403


@pytest.mark.proves("11.4.2")
def test_passwords_are_kept_as_argon2id(client, alice, real_hasher):
    reset_password(client)
    assert User.objects.get().password.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
