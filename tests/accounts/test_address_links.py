"""Links that confirm an address, and the change from one address to another."""

from datetime import timedelta
from urllib.parse import unquote

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts import address_links
from accounts.models import User
from tests.accounts.comparison import headers
from tests.accounts.letters import letters, link
from tests.people import NOW, PASSWORD, enrol, give_password, person, sign_in, signed_in_as

pytestmark = pytest.mark.django_db
OLD, NEW = "alice@example.com", "alice@new.example"
SQUATTERS_PASSWORD = "the squatter's own words"


def sign_up(client, email=OLD, password=PASSWORD):
    return client.post("/accounts/signup/", {"email": email, "password": password})


def ask_to_change(client, email=NEW):
    client.post("/two-factor/confirm/", {"password": PASSWORD})
    return client.post("/accounts/email/change/", {"email": email})


def change(client, email=NEW):
    ask_to_change(client, email)
    return client.post(link())


def link_of(user):
    address_links.send_link(User.objects.get(pk=user.pk), user.email, timezone.now())
    return link()


def address_of(user):
    return User.objects.get(pk=user.pk).email


# The link that confirms a new account


@pytest.fixture
def path(client, db):
    """The path of the link that was sent for a sign-up."""
    sign_up(client)
    return link()


def confirm(client, path, password=PASSWORD):
    return client.post(path, {"password": password})


def is_confirmed():
    return User.objects.get(email=OLD).email_verified_at is not None


def test_opening_the_link_only_asks(client, path):
    assert (client.get(path).status_code, is_confirmed()) == (200, False)


def test_looking_at_the_head_of_the_link_confirms_nothing(client, path):
    client.head(path)
    assert not is_confirmed()


def test_the_page_shows_which_address_it_is_about(client, path):
    assert OLD in client.get(path).text


def test_pressing_the_button_confirms_the_address(client, path):
    response = confirm(client, path)
    assert (response.status_code, is_confirmed()) == (303, True)


def test_without_the_password_of_the_account_the_mail_confirms_nothing(client, path):
    assert (client.post(path).status_code, is_confirmed()) == (422, False)


def test_with_another_password_the_mail_confirms_nothing(client, path):
    assert (confirm(client, path, "another one").status_code, is_confirmed()) == (422, False)


def test_wrong_passwords_given_with_the_link_are_counted_with_all_others(client, path):
    answers = [confirm(client, path, "another one").status_code for _ in range(5)]
    assert (answers, give_password(client).status_code) == ([422, 422, 422, 422, 429], 429)


def test_who_did_not_sign_up_is_told_that_someone_else_may_have(client, path):
    assert "Someone else may have entered your email address." in client.get(path).text


def test_confirming_with_the_password_signs_in(client, path):
    confirm(client, path)
    assert signed_in_as(client).email == OLD


def test_who_is_signed_in_confirms_without_the_password(client, path):
    give_password(client)
    client.post(path)
    assert is_confirmed()


def test_who_is_signed_in_stays_so_while_confirming(client, path):
    give_password(client)
    client.post(path)
    assert signed_in_as(client).email == OLD


def test_confirming_in_another_browser_ends_the_first_ones_session(client, path):
    first = Client()
    give_password(first)
    confirm(client, path)
    assert first.get("/accounts/profile/").status_code == 302


def test_confirming_again_after_a_change_by_an_administrator_ends_no_session(as_alice, alice):
    User.objects.update(email_verified_at=None)
    Client().post(link_of(alice), {"password": PASSWORD})
    assert (is_confirmed(), as_alice.get("/accounts/profile/").status_code) == (True, 200)


def test_the_button_needs_the_token_of_its_page(path):
    assert confirm(Client(enforce_csrf_checks=True), path).status_code == 403


def test_the_link_works_once(client, path):
    confirm(client, path)
    assert confirm(client, path).status_code == 404


def test_a_used_link_is_dead_to_a_reader_too(client, path):
    confirm(client, path)
    assert client.get(path).status_code == 404


def test_a_dead_link_has_a_page_that_says_so(client, path):
    confirm(client, path)
    assert "This link no longer works" in client.get(path).text


@pytest.mark.parametrize(("age", "status"), [(timedelta(days=3), 200), (timedelta(days=3, seconds=1), 404)])
def test_the_link_works_for_three_days(client, age, status):
    with time_machine.travel(NOW, tick=False):
        sign_up(client)
    with time_machine.travel(NOW + age, tick=False):
        assert client.get(link()).status_code == status


@pytest.mark.parametrize("at", [24, 40, -2])
def test_a_link_with_a_character_missing_is_dead(client, path, at):
    assert client.get(path[:at] + path[at:][1:]).status_code == 404


@pytest.mark.parametrize("token", ["x", ".", "a.b", "%00", "é", "x" * 5000], ids=lambda token: token[:9])
def test_a_link_that_was_never_ours_is_dead(client, db, token):
    assert client.get(f"/accounts/email/verify/{token}/").status_code == 404


def test_the_link_does_not_show_the_address(path):
    assert "alice" not in unquote(path)


def test_the_link_leads_to_the_configured_origin(client, settings):
    settings.TWOFACTOR_BASE_URL = "https://accounts.example.com"
    sign_up(client)
    assert "https://accounts.example.com/accounts/email/verify/" in letters()[0].body


def test_a_request_for_another_host_sends_no_mail(client, db):
    response = client.post(
        "/accounts/signup/", {"email": OLD, "password": PASSWORD}, headers={"Host": "evil.example"}
    )
    assert (response.status_code, letters()) == (400, [])


def test_a_forwarded_host_is_not_believed(client, db):
    client.post(
        "/accounts/signup/",
        {"email": OLD, "password": PASSWORD},
        headers={"X-Forwarded-Host": "evil.example"},
    )
    assert "evil" not in letters()[0].message().as_string()


def test_the_link_of_a_blocked_person_is_dead(client, path):
    User.objects.update(is_active=False)
    assert client.get(path).status_code == 404


def test_the_link_of_a_person_who_is_gone_is_dead(client, path):
    User.objects.all().delete()
    assert client.get(path).status_code == 404


def test_an_unconfirmed_person_can_have_the_link_sent_again(client, path):
    give_password(client)
    client.post("/accounts/email/verify/send/")
    client.post(link())
    assert is_confirmed()


def test_after_sending_the_link_again_a_person_is_back_where_they_asked(client, path):
    give_password(client)
    response = client.post("/accounts/email/verify/send/", {"next": "/two-factor/setup/address/"})
    assert response["Location"] == "/two-factor/setup/address/"


def test_reading_where_the_link_is_sent_again_sends_nothing(client, path):
    give_password(client)
    client.get("/accounts/email/verify/send/")
    assert len(letters()) == 1


def test_a_confirmed_person_gets_no_further_link(as_alice):
    as_alice.post("/accounts/email/verify/send/")
    assert letters() == []


# Someone else has signed up with my address


@pytest.fixture
def squatter(client, db):
    """Someone who has signed up with an address that is not theirs, and is signed in."""
    browser = Client()
    sign_up(browser, password=SQUATTERS_PASSWORD)
    browser.post("/accounts/login/", {"username": OLD, "password": SQUATTERS_PASSWORD})
    return browser


@pytest.fixture
def taken_back(client, squatter):
    """The same account after the owner of the address has reset its password by email."""
    client.post("/accounts/password_reset/", {"email": OLD})
    form = client.get(link())["Location"]
    return client.post(form, {"new_password1": PASSWORD, "new_password2": PASSWORD})


def test_who_owns_the_address_gets_the_account_by_a_reset(client, taken_back):
    assert give_password(client)["Location"] == "/"


def test_taking_the_account_back_confirms_the_address(taken_back):
    assert is_confirmed()


def test_taking_the_account_back_signs_the_squatter_out(squatter, taken_back):
    assert squatter.get("/accounts/profile/").status_code == 302


def test_the_squatters_password_opens_nothing_afterwards(taken_back):
    response = Client().post("/accounts/login/", {"username": OLD, "password": SQUATTERS_PASSWORD})
    assert response.status_code == 422


def test_the_squatters_first_link_is_dead_afterwards(client, taken_back):
    assert client.get(link(letters()[0])).status_code == 404


# Changing the address


def test_asking_changes_nothing_yet(as_alice, alice):
    ask_to_change(as_alice)
    assert address_of(alice) == OLD


def test_the_link_goes_to_the_new_address_alone(as_alice):
    ask_to_change(as_alice)
    assert [letter.to for letter in letters()] == [[NEW]]


def test_opening_the_link_to_a_new_address_only_asks(as_alice, alice):
    ask_to_change(as_alice)
    assert (as_alice.get(link()).status_code, address_of(alice)) == (200, OLD)


def test_the_button_behind_the_link_changes_the_address(as_alice, alice):
    change(as_alice)
    assert address_of(alice) == NEW


def test_the_new_address_is_confirmed(as_alice, alice):
    User.objects.update(email_verified_at=None)
    change(as_alice)
    assert User.objects.get().email_verified_at is not None


@pytest.mark.django_db(transaction=True)
def test_both_addresses_are_told_of_the_change(as_alice):
    change(as_alice)
    told = [
        letter.to[0] for letter in letters() if letter.subject.startswith("Your email address was changed")
    ]
    assert sorted(told) == [OLD, NEW]


def test_changing_to_the_address_one_has_is_refused(as_alice):
    assert ask_to_change(as_alice, OLD).status_code == 422


def test_asking_needs_the_password_once_more(as_alice):
    response = as_alice.post("/accounts/email/change/", {"email": NEW})
    assert (response["Location"].partition("?")[0], letters()) == ("/two-factor/confirm/", [])


def test_asking_needs_the_second_factor_of_those_who_have_one(client, alice, clock):
    sign_in(client, enrol(alice))
    clock.shift(301)
    response = client.post("/accounts/email/change/", {"email": NEW})
    assert (response["Location"].partition("?")[0], letters()) == ("/two-factor/confirm/", [])


def test_a_sign_in_with_the_second_factor_counts_for_five_minutes(client, alice, clock):
    sign_in(client, enrol(alice))
    clock.shift(299)
    client.post("/accounts/email/change/", {"email": NEW})
    assert len(letters()) == 1


def test_the_password_of_more_than_five_minutes_ago_does_not_count(client, alice):
    with time_machine.travel(NOW, tick=False):
        give_password(client)
        client.post("/two-factor/confirm/", {"password": PASSWORD})
    with time_machine.travel(NOW + timedelta(seconds=301), tick=False):
        assert "/confirm/" in client.get("/accounts/email/change/")["Location"]


def test_a_refused_change_keeps_the_address_that_was_typed(as_alice):
    assert 'value="alice@new"' in ask_to_change(as_alice, "alice@new").text


def test_asking_needs_someone_signed_in(client, alice):
    assert (ask_to_change(client).status_code, letters()) == (302, [])


def test_a_taken_address_is_answered_like_a_free_one(as_alice, bob):
    free, taken = ask_to_change(as_alice, NEW), ask_to_change(as_alice, bob.email)
    assert (free.status_code, headers(free)) == (taken.status_code, headers(taken))


def test_after_asking_the_page_reads_the_same_for_a_taken_address(as_alice, bob):
    pages = []
    for address in (NEW, bob.email):
        ask_to_change(as_alice, address)
        pages.append([str(message) for message in as_alice.get("/accounts/profile/").context["messages"]])
    assert pages[0] == pages[1] != []


@pytest.mark.parametrize("address", [NEW, "bob@example.com"])
def test_asking_sends_one_mail_to_the_address(as_alice, bob, address):
    ask_to_change(as_alice, address)
    assert [letter.to for letter in letters()] == [[address]]


def test_the_mailbox_of_a_taken_address_gets_no_link(as_alice, bob):
    ask_to_change(as_alice, "BOB@example.com")
    assert "http://testserver/accounts" not in letters()[0].body


def test_someone_who_is_not_signed_in_is_asked_to_sign_in_first(as_alice, alice):
    ask_to_change(as_alice)
    response = Client().post(link())
    assert unquote(response["Location"]).startswith("/accounts/login/?next=/accounts/email/verify/")


def test_without_signing_in_the_link_changes_nothing(as_alice, alice):
    ask_to_change(as_alice)
    Client().post(link())
    assert address_of(alice) == OLD


def test_to_someone_else_the_link_changes_nothing(as_alice, alice, bob):
    ask_to_change(as_alice)
    bobs = Client()
    give_password(bobs, "bob@example.com")
    bobs.post(link())
    assert (address_of(alice), address_of(bob)) == (OLD, "bob@example.com")


def test_someone_else_who_opens_the_link_gets_a_page_of_its_own(as_alice, bob):
    ask_to_change(as_alice)
    bobs = Client()
    give_password(bobs, "bob@example.com")
    page = bobs.get(link())
    assert (page.status_code, "is for another account" in page.text) == (403, True)


def test_signing_in_on_the_way_leads_back_to_the_link(as_alice):
    ask_to_change(as_alice)
    browser, path = Client(), link()
    to = browser.get(path)["Location"]
    response = browser.post(to, {"username": OLD, "password": PASSWORD})
    assert unquote(response["Location"]) == path


def test_with_a_second_factor_the_code_comes_before_the_link(client, alice):
    enrol(alice)
    address_links.send_link(alice, NEW, timezone.now())
    give_password(client)
    client.post(link())
    assert address_of(alice) == OLD


def test_the_link_to_a_new_address_works_once(as_alice):
    change(as_alice)
    assert as_alice.post(link(letters()[0])).status_code == 404


def test_a_used_link_stays_dead_when_the_address_comes_back(as_alice, clock):
    change(as_alice)
    used = link(letters()[0])
    clock.shift(1)
    change(as_alice, OLD)
    assert as_alice.post(used).status_code == 404


def test_a_link_is_dead_when_another_change_was_applied(as_alice):
    ask_to_change(as_alice, "first@example.com")
    change(as_alice, "second@example.com")
    assert as_alice.post(link(letters()[0])).status_code == 404


def set_new_password(user):
    user.set_password("another quiet harbour")
    user.save()


@pytest.mark.parametrize("end", [set_new_password, User.end_sessions])
def test_the_link_to_a_new_address_ends_with_the_sessions(as_alice, alice, end):
    ask_to_change(as_alice)
    end(User.objects.get(pk=alice.pk))
    as_alice.force_login(User.objects.get(pk=alice.pk))
    assert (as_alice.post(link()).status_code, address_of(alice)) == (404, OLD)


def test_the_link_to_a_new_address_outlives_a_new_secret_key(as_alice, alice, settings):
    ask_to_change(as_alice)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another secret key of the site, fifty characters long"
    as_alice.post(link())
    assert address_of(alice) == NEW


def test_the_link_of_a_new_account_outlives_a_new_password(path):
    set_new_password(User.objects.get())
    Client().post(path, {"password": "another quiet harbour"})
    assert is_confirmed()


def test_a_link_is_dead_when_someone_else_took_the_address_meanwhile(as_alice):
    ask_to_change(as_alice)
    person(NEW)
    assert as_alice.post(link()).status_code == 404


def test_a_new_address_is_kept_in_one_spelling(as_alice, alice):
    change(as_alice, "Alice@NEW.example")
    assert address_of(alice) == NEW


def test_a_changed_address_is_the_one_that_signs_in(as_alice):
    change(as_alice)
    assert give_password(Client(), NEW)["Location"] == "/"


def test_a_password_link_sent_to_the_old_address_is_dead_after_the_change(as_alice):
    Client().post("/accounts/password_reset/", {"email": OLD})
    reset = link()
    change(as_alice)
    assert "has been used or has expired" in Client().get(reset).text
