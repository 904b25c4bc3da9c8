"""A new password: forgotten and reset by mail, or changed by somebody who knows the old one."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth import SESSION_KEY
from django.test import Client

from accounts.models import User
from tests.accounts.comparison import answer
from tests.accounts.letters import letters, link
from tests.people import NOW, PASSWORD, enrol, give_password, person, sign_in
from twofactor import enrolment

pytestmark = pytest.mark.django_db
NEW = "a quiet green harbour"


def ask(client, email="alice@example.com"):
    """The letter goes out at once."""
    answer = client.post("/accounts/password_reset/", {"email": email})
    letters()
    return answer


def choose(client, path, password=NEW, again=None):
    """Open the link, which moves its token into the session, and send the form behind it."""
    form = client.get(path)
    return client.post(
        form.get("Location", path),
        {"new_password1": password, "new_password2": password if again is None else again},
    )


def reset(client, email="alice@example.com"):
    ask(client, email)
    return choose(client, link())


def change(client, old=PASSWORD, new=NEW, again=None, **code):
    data = {"old_password": old, "new_password1": new, "new_password2": new if again is None else again}
    data |= code
    return client.post("/accounts/password_change/", data)


def opens(password, email="alice@example.com"):
    return Client().post("/accounts/login/", {"username": email, "password": password}).status_code == 303


# Asking for the link


def test_asking_leads_to_the_page_that_says_where_to_look(client, alice):
    response = ask(client)
    assert (response.status_code, response["Location"]) == (302, "/accounts/password_reset/done/")


@pytest.mark.parametrize("who", ["nobody", "blocked", "without"])
def test_everybody_gets_the_same_answer(client, alice, who):
    person("blocked@example.com", is_active=False)
    User.objects.create_user("without@example.com", None)
    known, other = ask(Client()), ask(Client(), f"{who}@example.com")
    assert answer(known) == answer(other)


@pytest.mark.parametrize("who", ["nobody", "blocked"])
def test_only_somebody_who_can_use_it_gets_a_link(client, who):
    person("blocked@example.com", is_active=False)
    ask(client, f"{who}@example.com")
    assert letters() == []


def test_somebody_without_a_password_chooses_the_first_one_with_the_link(client):
    User.objects.create_user("without@example.com", None)
    reset(client, "without@example.com")
    assert opens(NEW, "without@example.com")


def test_the_link_goes_to_the_address_of_the_account(client, alice):
    ask(client)
    assert [letter.to for letter in letters()] == [["alice@example.com"]]


@pytest.mark.parametrize("spelling", ["ALICE@example.com", " alice@example.com", "alice@ｅｘａｍｐｌｅ.com"])
def test_mail_goes_to_the_address_as_it_is_kept(client, alice, spelling):
    ask(client, spelling)
    assert [letter.to for letter in letters()] == [["alice@example.com"]]


def test_an_unconfirmed_address_gets_a_link_too(client):
    person(email_verified_at=None)
    ask(client)
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
    ask(client, address)
    assert [letter.to for letter in letters()] in ([], [["alice@example.com"]])


@pytest.mark.proves("15.3.7")
def test_a_second_address_in_the_request_gets_no_link_of_the_first(client, alice):
    client.post("/accounts/password_reset/", {"email": ["alice@example.com", "eve@example.com"]})
    assert letters() == []


@pytest.mark.proves("V-28")
def test_the_link_leads_to_the_configured_origin(client, alice, settings):
    settings.BASE_URL = "https://accounts.example.com"
    ask(client)
    assert "https://accounts.example.com/accounts/reset/" in letters()[0].body


@pytest.mark.proves("V-28")
def test_a_request_for_another_host_sends_no_link(client, alice):
    response = client.post(
        "/accounts/password_reset/", {"email": alice.email}, headers={"Host": "evil.example"}
    )
    assert (response.status_code, letters()) == (400, [])


DONE = "/accounts/password_reset/done/"


@pytest.mark.proves("L-8-answer")
def test_whoever_asks_too_often_gets_the_same_answer(client, alice):
    answers = [ask(client) for _ in range(4)]
    assert {(answer.status_code, answer.url) for answer in answers} == {(302, DONE)}


@pytest.mark.proves("L-8")
def test_three_links_an_hour_go_to_one_address(client, alice):
    for _ in range(4):
        ask(client)
    assert len(letters()) == 3


def test_reading_the_page_sends_nothing(client, alice):
    client.get("/accounts/password_reset/", {"email": alice.email})
    assert letters() == []


def test_asking_leaves_the_password_and_the_session_alone(as_alice):
    ask(Client())
    assert (opens(PASSWORD), as_alice.get("/accounts/profile/").status_code) == (True, 200)


# The link


def test_the_link_opens_a_form_whose_address_shows_no_token(client, alice):
    ask(client)
    assert re.fullmatch(r"/accounts/reset/\w+/set-password/", client.get(link())["Location"])


def test_opening_the_link_changes_nothing(client, alice):
    ask(client)
    client.get(link(), follow=True)
    assert opens(PASSWORD)


def test_the_new_password_opens_the_account(client, alice):
    reset(client)
    assert opens(NEW)


def test_the_old_password_opens_nothing_any_more(client, alice):
    reset(client)
    assert not opens(PASSWORD)


@pytest.mark.proves("6.4.3", "V-11")
def test_a_reset_signs_nobody_in(client, alice):
    reset(client)
    assert SESSION_KEY not in client.session


def test_a_reset_leads_to_a_page_with_a_way_to_sign_in(client, alice):
    response = reset(client)
    assert 'href="/accounts/login/"' in client.get(response["Location"]).text


def test_the_link_works_once(client, alice):
    reset(client)
    choose(Client(), link(), "a third one, for thieves")
    assert opens(NEW)


def test_a_dead_link_has_a_page_that_says_so(client, alice):
    reset(client)
    assert "This link has been used or has expired." in Client().get(link(letters()[0])).text


@pytest.mark.parametrize(("age", "works"), [(timedelta(hours=1), True), (timedelta(seconds=3601), False)])
def test_the_link_works_for_one_hour(client, alice, age, works):
    with time_machine.travel(NOW, tick=False):
        ask(client)
    with time_machine.travel(NOW + age, tick=False):
        choose(client, link())
    assert opens(NEW) is works


def test_the_link_is_dead_after_signing_in(client, alice):
    ask(client)
    give_password(Client())
    choose(client, link())
    assert opens(PASSWORD)


def test_of_two_links_the_second_use_is_dead(client, alice):
    ask(client)
    reset(client)
    choose(Client(), link(letters()[0]), "a third one, for thieves")
    assert opens(NEW)


def test_a_link_opens_nobody_elses_account(client, alice, bob):
    ask(client)
    ask(client, "bob@example.com")
    alices, bobs = (link(letter).split("/") for letter in letters())
    choose(client, "/".join([*alices[:3], bobs[3], *alices[4:]]))
    assert opens(PASSWORD, "bob@example.com")


@pytest.mark.parametrize("path", ["x/y-z", "MQ/set-password", "%00/a-b", "!!/a-b", "MQ/" + "a" * 500])
def test_a_link_that_was_never_ours_is_dead(client, alice, path):
    assert "has expired" in client.get(f"/accounts/reset/{path}/").text


@pytest.mark.parametrize("password", ["", "short", "password123", "alice@example.com", "12345678"])
def test_a_weak_password_is_refused(client, alice, password):
    ask(client)
    assert choose(client, link(), password).status_code == 422


def test_two_different_passwords_are_refused(client, alice):
    ask(client)
    assert choose(client, link(), NEW, again="a loud yellow hill").status_code == 422


def test_after_a_refusal_the_form_still_works(client, alice):
    ask(client)
    choose(client, link(), "short")
    choose(client, link())
    assert opens(NEW)


@pytest.mark.proves("V-11")
def test_a_reset_ends_every_session(as_alice):
    reset(Client())
    assert as_alice.get("/accounts/profile/").status_code == 302


def test_a_reset_ends_the_session_of_the_browser_it_is_made_in(as_alice):
    reset(as_alice)
    assert as_alice.get("/accounts/profile/").status_code == 302


def test_a_reset_ends_a_sign_in_that_waits_for_its_code(client, alice):
    phone = enrol(alice)
    give_password(client)
    reset(Client())
    client.post("/two-factor/verify/", {"code": phone.code()})
    assert SESSION_KEY not in client.session


def test_a_reset_raises_the_epoch(client, alice):
    reset(client)
    assert User.objects.get().security_epoch == 1


def test_a_reset_confirms_the_address(client):
    person(email_verified_at=None)
    reset(client)
    assert User.objects.get().email_verified_at is not None


def test_a_reset_leaves_an_earlier_confirmation_as_it_was(client):
    person(email_verified_at=NOW)
    reset(client)
    assert User.objects.get().email_verified_at == NOW


@pytest.mark.proves("6.4.3")
@pytest.mark.parametrize("told", ["203.0.113.7", "Firefox"])
def test_the_letter_about_a_reset_says_where_it_came_from(alice, told):
    browser = {"REMOTE_ADDR": "203.0.113.7", "HTTP_USER_AGENT": "Firefox/140.0"}
    reset(Client(**browser))
    assert told in letters()[-1].body


def test_the_recent_activity_says_where_a_reset_came_from(client, alice):
    reset(Client(REMOTE_ADDR="203.0.113.7"))
    client.post("/accounts/login/", {"username": alice.email, "password": NEW})
    assert "203.0.113.7" in client.get("/two-factor/activity/").text


def test_the_letter_about_a_reset_speaks_the_language_of_the_browser(alice):
    reset(Client(HTTP_ACCEPT_LANGUAGE="de"))
    assert "Passwort geändert" in letters()[-1].subject


def test_a_reset_keeps_the_second_factor(client, alice):
    enrol(alice)
    reset(client)
    assert enrolment.is_on(alice)


def test_after_a_reset_the_code_is_still_asked_for(client, alice):
    enrol(alice)
    reset(client)
    response = client.post("/accounts/login/", {"username": alice.email, "password": NEW})
    assert (response["Location"], SESSION_KEY in client.session) == ("/two-factor/verify/", False)


def test_only_the_link_of_a_letter_opens_a_session_row(client, alice):
    client.get("/accounts/reset/MQ/never-ours/")
    assert "sessionid" not in client.cookies


# Changing it


def test_changing_leads_to_the_page_that_says_so(as_alice):
    response = change(as_alice)
    assert "<h1>Password changed</h1>" in as_alice.get(response["Location"]).text


def test_a_changed_password_opens_the_account(as_alice):
    change(as_alice)
    assert (opens(NEW), opens(PASSWORD)) == (True, False)


@pytest.mark.proves("6.2.1-6.2.9", "V-24")
def test_changing_needs_the_old_password(as_alice):
    assert (change(as_alice, old="wrong").status_code, opens(PASSWORD)) == (422, True)


@pytest.fixture
def owner(clock, client, alice):
    """Her browser, where two-factor sign-in is on, and her phone."""
    phone = enrol(alice)
    sign_in(client, phone)
    return client, phone


@pytest.mark.proves("L-4", "S-10")
@pytest.mark.parametrize("code", ["", "000000", "12345"])
def test_with_a_second_factor_changing_needs_a_code(owner, code):
    client, _phone = owner
    assert (change(client, code=code).status_code, opens(PASSWORD)) == (422, True)


def test_a_code_of_the_app_lets_the_password_change(owner):
    client, phone = owner
    change(client, code=phone.code(off=1))
    assert opens(NEW)


def test_the_code_of_the_sign_in_changes_no_password(owner):
    client, phone = owner
    change(client, code=phone.code())
    assert opens(PASSWORD)


@pytest.mark.parametrize("mistake", [{"old": "wrong"}, {"new": "short"}, {"again": "a loud yellow hill"}])
def test_a_mistake_beside_the_code_spends_no_code(owner, mistake):
    client, phone = owner
    change(client, code=phone.code(off=1), **mistake)
    change(client, code=phone.code(off=1))
    assert opens(NEW)


def test_the_page_asks_for_a_code_where_there_is_one(owner):
    client, _phone = owner
    assert 'name="code"' in client.get("/accounts/password_change/").text


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
    assert (client.session["twofactor_amr"], change(client).status_code) == ("trusted", 422)


@pytest.mark.proves("L-4")
def test_wrong_codes_and_new_passwords_in_turn_are_five_guesses(owner):
    """An open session and the password; each new password used to give five more."""
    client, phone = owner
    for _ in range(3):
        answers = [
            client.post("/two-factor/confirm/", {"password": PASSWORD, "code": "000000"}) for _ in range(5)
        ]
        change(client, code=phone.code(off=1))
    assert [answer.status_code for answer in answers] == [429] * 5


@pytest.mark.proves("L-4")
def test_wrong_codes_and_resets_in_turn_are_five_guesses(client, alice):
    """The mailbox alone; each reset used to give five more."""
    enrol(alice)
    answers = []
    for n in range(3):
        reset(client)
        client.post("/accounts/login/", {"username": alice.email, "password": NEW})
        answers += [client.post("/two-factor/verify/", {"code": f"00000{n}"}) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [422] * 5 + [429] * 10


def test_changing_needs_the_same_password_twice(as_alice):
    assert (change(as_alice, again="a loud yellow hill").status_code, opens(PASSWORD)) == (422, True)


@pytest.mark.parametrize("password", ["", "short", "password123", "alice@example.com", "12345678"])
def test_changing_to_a_weak_password_is_refused(as_alice, password):
    assert change(as_alice, new=password).status_code == 422


def test_changing_to_a_password_that_sign_in_would_not_take_is_refused(as_alice):
    assert change(as_alice, new="so long " * 200).status_code == 422


def test_guesses_at_the_old_password_are_counted(as_alice):
    assert [change(as_alice, old=f"guess {n}").status_code for n in range(6)][-1] == 429


def test_changing_keeps_the_browser_it_is_made_in(as_alice):
    change(as_alice)
    assert as_alice.get("/accounts/profile/").status_code == 200


def test_changing_gives_that_browser_a_new_session_key(as_alice):
    before = as_alice.session.session_key
    change(as_alice)
    assert as_alice.session.session_key != before


def test_changing_ends_the_sessions_of_all_other_browsers(as_alice):
    other = Client()
    give_password(other)
    change(as_alice)
    assert other.get("/accounts/profile/").status_code == 302


def test_changing_ends_a_sign_in_that_waits_for_its_code(client, alice):
    phone, other = enrol(alice), Client()
    sign_in(client, phone)
    give_password(other)
    change(client, code=phone.code(off=1))
    assert "/accounts/login/" in other.get("/two-factor/verify/")["Location"]


def test_changing_keeps_the_second_factor_of_the_session(client, alice):
    phone = enrol(alice)
    sign_in(client, phone)
    change(client, code=phone.code(off=1))
    assert client.get("/two-factor/").wsgi_request.user.is_verified()


def test_a_link_to_reset_is_dead_after_changing(as_alice):
    ask(Client())
    change(as_alice)
    choose(Client(), link(letters()[0]), "a third one, for thieves")
    assert opens(NEW)


def test_changing_needs_somebody_signed_in(client, alice):
    assert (change(client).status_code, opens(PASSWORD)) == (302, True)


def test_changing_needs_the_token_of_its_page(alice):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    assert change(browser).status_code == 403


@pytest.mark.proves("11.4.2")
def test_passwords_are_kept_as_argon2id(client, alice, real_hasher):
    reset(client)
    assert User.objects.get().password.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
