import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from tests.accounts.comparison import answer
from tests.accounts.letters import letters
from tests.accounts.passwords import CountingHasher
from tests.people import PASSWORD, give_password, person
from twofactor.models import Session

pytestmark = pytest.mark.django_db
FREE, TAKEN = "free@example.com", "alice@example.com"


def sign_up(client, email=FREE, password=PASSWORD, **data):
    return client.post("/accounts/signup/", {"email": email, "password": password, **data})


def test_signing_up_leads_to_the_page_that_says_where_to_look(client):
    response = sign_up(client)
    assert (response.status_code, response["Location"]) == (303, "/accounts/signup/sent/")


def test_the_new_person_can_sign_in_with_what_they_typed(client):
    sign_up(client)
    assert give_password(client, FREE).headers["Location"] == "/"


def test_the_new_address_is_not_confirmed_yet(client):
    sign_up(client)
    assert User.objects.get().email_verified_at is None


def test_signing_up_signs_nobody_in(client):
    sign_up(client)
    assert Session.objects.count() == 0


@pytest.mark.proves("V-22")
def test_a_taken_address_is_answered_like_a_free_one(client, alice):
    free, taken = sign_up(client, FREE), sign_up(client, TAKEN)
    assert answer(free) == answer(taken)


def test_a_taken_address_leaves_the_same_cookies_as_a_free_one(client, alice):
    assert sign_up(client, FREE).cookies == sign_up(client, TAKEN).cookies


@pytest.mark.parametrize("email", [FREE, TAKEN])
def test_one_mail_goes_out_to_the_address(client, alice, email):
    sign_up(client, email)
    assert [letter.to for letter in letters()] == [[email]]


@pytest.mark.django_db(transaction=True)
def test_a_taken_address_costs_as_many_queries_as_a_free_one(client, alice):
    sign_up(client, "first@example.com")
    with CaptureQueriesContext(connection) as free:
        sign_up(client, FREE)
    with CaptureQueriesContext(connection) as taken:
        sign_up(client, TAKEN)
    assert len(free) == len(taken)


@pytest.mark.proves("V-22")
@pytest.mark.parametrize("email", [FREE, TAKEN])
def test_one_password_is_hashed_whether_or_not_the_address_is_taken(client, alice, settings, email):
    settings.PASSWORD_HASHERS = ["tests.accounts.passwords.CountingHasher"]
    before = CountingHasher.hashed
    sign_up(client, email)
    assert CountingHasher.hashed - before == 1


def test_only_the_mailbox_of_a_taken_address_is_told_that_it_is_taken(client, alice):
    sign_up(client, TAKEN)
    assert letters()[0].subject == "You already have an account at Countersign"


def test_signing_up_with_a_taken_address_does_not_change_its_password(client, alice):
    sign_up(client, TAKEN, "another good passphrase")
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_signing_up_with_a_taken_address_confirms_nothing(client):
    squatted = person(email_verified_at=None)
    sign_up(client, TAKEN)
    squatted.refresh_from_db()
    assert squatted.email_verified_at is None


@pytest.mark.parametrize(
    "spelling", ["ALICE@EXAMPLE.COM", "Alice@Example.com", " alice@example.com ", "alice@ｅｘａｍｐｌｅ.com"]
)
def test_another_spelling_of_a_taken_address_is_taken(client, alice, spelling):
    sign_up(client, spelling)
    assert User.objects.count() == 1


def test_an_address_is_kept_in_one_spelling(client):
    sign_up(client, "Free@EXAMPLE.com")
    assert User.objects.get().email == FREE


@pytest.mark.parametrize(
    "address", ["", "free", "free@", "@example.com", "free@example", "a b@example.com", "a@example.com\0"]
)
def test_what_is_not_an_address_is_refused(client, address):
    assert sign_up(client, address).status_code == 422


@pytest.mark.parametrize("address", ["a@b.example，eve＠example.com", "a@eve＠example.com", "a@℀.example"])
def test_what_is_no_address_in_its_one_spelling_is_refused(client, address):
    assert sign_up(client, address).status_code == 422


def test_an_address_that_the_database_cannot_hold_is_refused(client):
    address = f"{'a' * 60}@{'.'.join(['b' * 60] * 4)}.com"
    assert sign_up(client, address).status_code == 422


def test_a_list_of_addresses_is_not_an_address(client):
    client.post("/accounts/signup/", {"email[]": [FREE, "eve@example.com"], "password": PASSWORD})
    assert letters() == []


def test_of_an_address_given_twice_neither_gets_mail(client):
    assert (sign_up(client, [FREE, "eve@example.com"]).status_code, letters()) == (400, [])


@pytest.mark.proves("6.2.1-6.2.9")
@pytest.mark.parametrize(
    "password",
    ["", "7 chars", "password123", "qwertyuiop", "12345678", "free@example.com", "x y" * 342],
    ids=lambda password: password[:12],
)
def test_a_weak_or_endless_password_is_refused(client, password):
    assert sign_up(client, password=password).status_code == 422


@pytest.mark.proves("6.2.1-6.2.9")
@pytest.mark.parametrize(
    "password",
    ["mfk vrz8", "wintergarten", "9381750264", " spaces kept ", "ключ под ковриком", "x y z wv" * 128],
    ids=lambda password: password[:12],
)
def test_eight_characters_are_enough_whatever_they_are(client, password):
    assert sign_up(client, password=password).status_code == 303


def test_spaces_around_a_password_belong_to_it(client):
    sign_up(client, password=" spaces kept ")
    assert User.objects.get().check_password(" spaces kept ")


def test_a_refused_sign_up_makes_nobody(client):
    sign_up(client, password="short")
    assert (User.objects.count(), letters()) == (0, [])


def test_a_refused_sign_up_keeps_the_address_that_was_typed(client):
    assert f'value="{FREE}"' in sign_up(client, password="short").text


def test_a_refused_sign_up_never_sends_the_password_back(client):
    assert "hunter2" not in sign_up(client, password="hunter2").text


@pytest.mark.proves("15.3.3")
def test_signing_up_gives_no_rights(client):
    sign_up(client, is_staff="on", is_superuser="on", email_verified_at="2026-01-01")
    user = User.objects.get()
    assert (user.is_staff, user.is_superuser, user.email_verified_at) == (False, False, None)


def test_the_language_of_the_page_is_kept_with_the_person(client):
    client.post("/accounts/signup/", {"email": FREE, "password": PASSWORD}, headers={"Accept-Language": "de"})
    assert User.objects.get().language == "de"


@pytest.mark.proves("6.3.2")
def test_a_new_site_has_no_accounts():
    assert User.objects.count() == 0


def test_signing_up_needs_the_token_of_its_page(db):
    assert sign_up(Client(enforce_csrf_checks=True)).status_code == 403


def test_reading_the_page_makes_nobody(client):
    client.get("/accounts/signup/", {"email": FREE, "password": PASSWORD})
    assert (User.objects.count(), letters()) == (0, [])
