"""Who may sign in with a code by email or text message."""

import pytest
from django.contrib.auth.hashers import make_password
from django.core import mail

from tests.accounts.letters import link
from tests.accounts.passwords import NEW as NEW_PASSWORD
from tests.accounts.passwords import reset_password
from tests.people import PASSWORD, client_after_password, enrol, give_password, person, signed_in_as
from tests.twofactor.sent_codes import (
    OTHER,
    add_number,
    enter_sent_code,
    mailed_code,
    request_code,
    texted_code,
)
from tests.twofactor.setup_steps import set_up

VERIFY = "/two-factor/verify/"


def offered_channels(client):
    return [channel.kind for channel in client.get(OTHER).context["channels"]]


def test_a_confirmed_address_is_offered(pending_client):
    assert offered_channels(pending_client) == ["email"]


def test_an_unconfirmed_address_is_not_offered(client, clock, db):
    enrol(person(email_verified_at=None))
    give_password(client)
    assert offered_channels(client) == []


@pytest.mark.proves("N-09", "V-34")
def test_an_unconfirmed_address_gets_no_code(client, clock, db):
    enrol(person(email_verified_at=None))
    give_password(client)
    assert (request_code(client).status_code, mail.outbox) == (422, [])


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
def test_a_site_says_who_may_come_back_by_email(client, db, clock, settings, rule, is_staff, kinds):
    settings.TWOFACTOR_EMAIL_FALLBACK = rule
    enrol(person(is_staff=is_staff))
    give_password(client)
    assert (offered_channels(client), request_code(client).status_code == 303) == (kinds, bool(kinds))


def test_a_changed_rule_holds_from_the_next_request(pending_client, settings):
    settings.TWOFACTOR_EMAIL_FALLBACK = "nobody"
    assert (request_code(pending_client).status_code, mail.outbox) == (422, [])


def change_address(client, phone):
    to = "/accounts/email/change/"
    client.post(f"/two-factor/confirm/?next={to}", {"password": PASSWORD, "code": phone.code()})
    client.post(to, {"email": "alice@new.example"})
    client.post(link())


A_YEAR = 365 * 86400


@pytest.mark.proves("D-2")
@pytest.mark.parametrize("later", [0, A_YEAR])
def test_after_a_reset_by_mail_the_mailbox_is_not_enough(client, phone, clock, later):
    reset_password(client)
    clock.shift(later)
    waiting = client_after_password(password=NEW_PASSWORD)
    assert (offered_channels(waiting), request_code(waiting).status_code) == ([], 422)


@pytest.mark.proves("D-2")
def test_after_a_change_of_address_the_mailbox_is_not_enough(signed_in_client, phone, clock):
    change_address(signed_in_client, phone)
    clock.shift(A_YEAR)
    assert offered_channels(client_after_password(email="alice@new.example")) == []


@pytest.mark.parametrize("column", ["password", "email"])
def test_a_change_made_directly_in_the_table_counts_too(client, phone, alice, column):
    """A site may write to its table of users directly, so we depend on no signal or method."""
    value = make_password(PASSWORD) if column == "password" else "alice@new.example"
    type(alice).objects.update(**{column: value})
    assert offered_channels(client_after_password(email=value if column == "email" else alice.email)) == []


@pytest.mark.proves("D-2")
def test_a_sign_in_with_the_app_makes_it_enough_again(client, phone, clock):
    reset_password(client)
    client_after_password(password=NEW_PASSWORD).post(VERIFY, {"code": phone.code()})
    assert offered_channels(client_after_password(password=NEW_PASSWORD)) == ["email"]


def test_a_sign_in_with_a_backup_code_makes_it_enough_again(client, printed_codes, clock):
    reset_password(client)
    client_after_password(password=NEW_PASSWORD).post(VERIFY, {"code": printed_codes[0]})
    assert offered_channels(client_after_password(password=NEW_PASSWORD)) == ["email"]


def test_a_wrong_code_does_not_make_it_enough(client, phone, clock):
    reset_password(client)
    client_after_password(password=NEW_PASSWORD).post(VERIFY, {"code": "000000"})
    assert offered_channels(client_after_password(password=NEW_PASSWORD)) == []


@pytest.mark.proves("D-2")
def test_a_sign_in_by_text_message_does_not_make_it_enough(client, alice, phone, clock, text_messages):
    add_number(alice)
    reset_password(client)
    waiting = client_after_password(password=NEW_PASSWORD)
    request_code(waiting, "sms")
    enter_sent_code(waiting, texted_code())
    assert (signed_in_as(waiting), offered_channels(client_after_password(password=NEW_PASSWORD))) == (
        alice,
        ["sms"],
    )


@pytest.mark.proves("D-2")
def test_a_trusted_browser_does_not_make_it_enough(client, alice, phone, clock):
    give_password(client)
    client.post(VERIFY, {"code": phone.code(), "trust_browser": "on"})
    client.post("/accounts/logout/")
    type(alice).objects.update(email="alice@new.example")
    give_password(client, "alice@new.example")
    assert (signed_in_as(client), offered_channels(client_after_password(email="alice@new.example"))) == (
        alice,
        [],
    )


def test_a_password_that_is_only_hashed_anew_is_the_same(client, phone, clock, settings):
    settings.PASSWORD_HASHERS = settings.PASSWORD_HASHERS[::-1]
    assert offered_channels(client_after_password()) == ["email"]


def test_a_new_password_with_an_outdated_hash_in_its_place_is_a_new_one(alice, phone, clock, settings):
    """A site may store a password without set_password()."""
    settings.PASSWORD_HASHERS = settings.PASSWORD_HASHERS[::-1]
    alice = type(alice).objects.get()
    alice.password = make_password(NEW_PASSWORD)
    alice.save(update_fields=["password"])
    assert offered_channels(client_after_password(password=NEW_PASSWORD)) == []


def test_a_code_on_its_way_is_dead_when_the_address_has_changed(sent_code_client, alice, phone):
    code = mailed_code()
    type(alice).objects.update(email="alice@new.example")
    assert (enter_sent_code(sent_code_client, code).status_code, signed_in_as(sent_code_client)) == (
        422,
        None,
    )


def test_after_setting_up_a_code_by_mail_helps(client, alice, clock):
    give_password(client)
    set_up(client)
    assert offered_channels(client_after_password()) == ["email"]


def test_after_a_reset_a_text_message_is_still_offered(client, alice, phone, clock, text_messages):
    add_number(alice)
    reset_password(client)
    assert offered_channels(client_after_password(password=NEW_PASSWORD)) == ["sms"]


def test_a_password_changed_by_hand_asks_for_a_factor_too(signed_in_client, phone, clock):
    change_password(signed_in_client, phone)
    assert offered_channels(client_after_password(password=NEW_PASSWORD)) == []


def change_password(client, phone):
    new = {"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}
    form = {"old_password": PASSWORD, "code": phone.code(), **new}
    return client.post("/accounts/password_change/", form)
