"""Making new backup codes."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tests.people import PASSWORD, add_app, give_password, sign_in, signed_in_as
from tests.twofactor.code_forms import counted_failures, enter_password_and_code
from tests.twofactor.sent_codes import add_number, enter_sent_code, mailed_code, request_code, texted_code
from tests.twofactor.setup_steps import shown_codes
from tests.twofactor.trusted_browsers import forget_session
from twofactor.factors import backup_codes, code_text, totp
from twofactor.models import Authenticator, BackupCode, Draft

SETTINGS = "/two-factor/"
CODES = "/two-factor/backup-codes/"
CONFIRM = "/two-factor/confirm/"
SAVED = {"saved": "on"}


@pytest.fixture
def new_codes_client(signed_in_client, phone, printed_codes):
    """Alice's browser, which shows ten new codes that are not saved yet."""
    enter_password_and_code(signed_in_client, CODES, phone.code())
    return signed_in_client


def test_ten_new_codes_are_shown(new_codes_client):
    assert len(set(shown_codes(new_codes_client, CODES))) == 10


def test_a_backup_code_makes_no_new_ones(signed_in_client, printed_codes):
    enter_password_and_code(signed_in_client, CODES, printed_codes[0])
    assert not Draft.objects.exists()


def test_a_backup_code_given_for_new_ones_is_not_spent(signed_in_client, alice, printed_codes):
    enter_password_and_code(signed_in_client, CODES, printed_codes[0])
    assert (backup_codes.count_unused(alice), counted_failures()) == (3, 0)


def test_a_backup_code_given_for_new_ones_is_told_from_a_wrong_code(signed_in_client, printed_codes):
    assert (
        b"That looks like a backup code"
        in enter_password_and_code(signed_in_client, CODES, printed_codes[0]).content
    )


@pytest.mark.proves("7.5.3")
def test_having_confirmed_is_not_enough_for_new_ones(signed_in_client, phone):
    enter_password_and_code(signed_in_client, CONFIRM, phone.code())
    signed_in_client.post(CODES, {"password": PASSWORD})
    assert not Draft.objects.exists()


@pytest.mark.proves("C-04")
def test_a_tab_that_is_late_saves_no_codes_that_it_never_showed(new_codes_client, alice):
    """A third tab finds those that the second has begun by being late."""
    statuses = [new_codes_client.post(CODES, SAVED).status_code for _ in range(3)]
    assert (statuses, Draft.objects.count(), alice.backup_codes.count()) == ([303, 409, 409], 0, 10)


def test_a_reload_shows_the_same_new_codes(new_codes_client):
    assert shown_codes(new_codes_client, CODES) == shown_codes(new_codes_client, CODES)


def test_the_old_codes_work_until_the_new_ones_are_saved(new_codes_client, alice, printed_codes):
    other = Client()
    give_password(other)
    other.post("/two-factor/verify/backup/", {"code": printed_codes[0]})
    assert signed_in_as(other) == alice


def test_the_new_codes_do_not_work_before_they_are_saved(new_codes_client):
    other = Client()
    give_password(other)
    other.post("/two-factor/verify/backup/", {"code": shown_codes(new_codes_client, CODES)[0]})
    assert signed_in_as(other) is None


def test_without_the_box_the_old_codes_stay(new_codes_client, alice):
    assert (new_codes_client.post(CODES).status_code, backup_codes.count_unused(alice)) == (422, 3)


def test_without_the_box_the_same_new_codes_stay(new_codes_client):
    codes = shown_codes(new_codes_client, CODES)
    assert all(code in new_codes_client.post(CODES).text for code in codes)


def test_once_saved_the_new_codes_work(new_codes_client, alice):
    code = shown_codes(new_codes_client, CODES)[4]
    new_codes_client.post(CODES, SAVED)
    other = Client()
    give_password(other)
    other.post("/two-factor/verify/backup/", {"code": code})
    assert signed_in_as(other) == alice


def test_once_saved_the_old_codes_do_not_work(new_codes_client, printed_codes):
    new_codes_client.post(CODES, SAVED)
    other = Client()
    give_password(other)
    other.post("/two-factor/verify/backup/", {"code": printed_codes[0]})
    assert signed_in_as(other) is None


def test_once_saved_there_are_ten(new_codes_client, alice):
    new_codes_client.post(CODES, SAVED)
    assert backup_codes.count_unused(alice) == 10


def test_once_saved_they_are_not_shown_again(new_codes_client):
    new_codes_client.post(CODES, SAVED)
    assert shown_codes(new_codes_client, CODES) == []


def test_saving_says_so(new_codes_client):
    page = new_codes_client.post(CODES, SAVED, follow=True)
    assert b"Your new backup codes are saved. The old ones no longer work." in page.content


def test_saving_leaves_the_authenticator_as_it_is(new_codes_client):
    before = Authenticator.objects.values("sealed_key", "added_at").get()
    new_codes_client.post(CODES, SAVED)
    assert Authenticator.objects.values("sealed_key", "added_at").get() == before


def test_new_codes_are_sealed_in_the_database(new_codes_client):
    assert shown_codes(new_codes_client, CODES)[0].replace("-", "") not in str(list(Draft.objects.values()))


@pytest.mark.parametrize(("seconds", "there"), [(1799, 10), (1801, 0)])
def test_new_codes_are_shown_for_thirty_minutes(new_codes_client, clock, seconds, there):
    clock.shift(seconds)
    assert len(shown_codes(new_codes_client, CODES)) == there


def test_another_session_is_not_shown_the_new_codes(new_codes_client, phone, clock):
    clock.shift(60)
    other = Client()
    sign_in(other, phone)
    assert shown_codes(other, CODES) == []


def test_another_session_cannot_save_the_new_codes(new_codes_client, alice, phone, clock):
    clock.shift(60)
    other = Client()
    sign_in(other, phone)
    other.post(CODES, SAVED)
    assert backup_codes.count_unused(alice) == 3


# Later sessions of the same browser


def sign_out(client):
    client.post("/accounts/logout/")


def close_browser(client):
    """The cookie of the session goes, that of the draft stays."""
    forget_session(client)


def sign_in_with_mailed_code(client):
    give_password(client)
    request_code(client)
    return enter_sent_code(client, mailed_code())


def sign_in_with_texted_code(client):
    give_password(client)
    request_code(client, "sms")
    return enter_sent_code(client, texted_code())


@pytest.fixture
def trusted_codes_client(trusted_client, phone, printed_codes, clock):
    """A trusted browser of Alice, which shows ten new codes that are not saved yet."""
    give_password(trusted_client)
    enter_password_and_code(trusted_client, CODES, phone.code())
    clock.shift(600)
    return trusted_client


@pytest.mark.proves("S-10-codes")
@pytest.mark.parametrize("leave", [sign_out, close_browser])
def test_a_sign_in_without_a_code_is_not_shown_new_codes(trusted_codes_client, alice, leave):
    assert len(shown_codes(trusted_codes_client, CODES)) == 10
    leave(trusted_codes_client)
    give_password(trusted_codes_client)
    assert (shown_codes(trusted_codes_client, CODES), signed_in_as(trusted_codes_client)) == ([], alice)


@pytest.mark.parametrize("leave", [sign_out, close_browser])
def test_a_sign_in_without_a_code_saves_no_new_codes(trusted_codes_client, alice, leave):
    """Nor does it become one with a code."""
    leave(trusted_codes_client)
    give_password(trusted_codes_client)
    trusted_codes_client.post(CODES, SAVED)
    assert (backup_codes.count_unused(alice), trusted_codes_client.session["twofactor_amr"]) == (3, "trusted")


@pytest.mark.parametrize("leave", [sign_out, close_browser])
@pytest.mark.parametrize("sign_in_again", [sign_in_with_mailed_code, sign_in_with_texted_code])
def test_a_sign_in_with_a_sent_code_is_not_shown_new_codes(
    new_codes_client, alice, clock, text_messages, leave, sign_in_again
):
    add_number(alice)
    leave(new_codes_client)
    clock.shift(600)
    sign_in_again(new_codes_client)
    assert (shown_codes(new_codes_client, CODES), signed_in_as(new_codes_client)) == ([], alice)


@pytest.mark.parametrize("leave", [sign_out, close_browser])
def test_a_sign_in_with_a_backup_code_is_not_shown_new_codes(new_codes_client, alice, printed_codes, leave):
    leave(new_codes_client)
    give_password(new_codes_client)
    new_codes_client.post("/two-factor/verify/backup/", {"code": printed_codes[0]})
    assert (shown_codes(new_codes_client, CODES), signed_in_as(new_codes_client)) == ([], alice)


@pytest.mark.parametrize("leave", [sign_out, close_browser])
def test_a_sign_in_with_a_recent_app_is_not_shown_new_codes(new_codes_client, alice, leave):
    Authenticator.objects.update(added_at=timezone.now() - timedelta(days=9))
    recent = add_app(alice, totp.generate_key(), timezone.now() - timedelta(minutes=30), name="New")
    leave(new_codes_client)
    sign_in(new_codes_client, recent)
    assert (shown_codes(new_codes_client, CODES), signed_in_as(new_codes_client)) == ([], alice)


def test_a_step_up_with_a_backup_code_hides_new_codes(new_codes_client, printed_codes):
    enter_password_and_code(new_codes_client, CONFIRM, printed_codes[0])
    assert shown_codes(new_codes_client, CODES) == []


def test_a_code_of_the_app_shows_the_same_new_codes_again(new_codes_client, phone, printed_codes, clock):
    before = shown_codes(new_codes_client, CODES)
    enter_password_and_code(new_codes_client, CONFIRM, printed_codes[0])
    clock.shift(60)
    enter_password_and_code(new_codes_client, CODES, phone.code())
    assert shown_codes(new_codes_client, CODES) == before


def test_signing_out_drops_the_cookie_of_the_draft(new_codes_client):
    before = new_codes_client.cookies["twofactor_draft"].value
    sign_out(new_codes_client)
    assert (bool(before), new_codes_client.cookies["twofactor_draft"].value) == (True, "")


# How many there are


def test_without_two_factor_there_are_no_codes_to_make(client, alice):
    give_password(client)
    assert client.get(CODES).url == SETTINGS


def test_settings_tell_how_many_are_unused(signed_in_client, printed_codes):
    BackupCode.objects.filter(pk=BackupCode.objects.first().pk).update(used_at="2026-01-01T00:00Z")
    assert b"2 of 3 unused" in signed_in_client.get(SETTINGS).content


def test_new_codes_are_fifteen_characters(new_codes_client):
    assert {len(code_text.read_backup_code(code)) for code in shown_codes(new_codes_client, CODES)} == {15}


def test_a_confirmation_with_a_backup_code_does_not_open_new_codes(
    signed_in_client, phone, printed_codes, clock
):
    """New codes need a code of the authenticator, never a backup code."""
    signed_in_client.post("/two-factor/backup-codes/", {"password": PASSWORD, "code": phone.code()})
    clock.shift(60)
    other = Client()
    sign_in(other, phone)
    other.post(CONFIRM, {"password": PASSWORD, "code": printed_codes[0]})
    assert b'class="codes"' not in other.get("/two-factor/backup-codes/").content
