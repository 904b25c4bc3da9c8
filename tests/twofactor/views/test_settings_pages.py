"""Turning off, new backup codes, and proving once more that it is you."""

import re
from datetime import timedelta

import pytest
from django.db.models.signals import post_save
from django.test import Client
from django.utils import timezone

from tests.people import PASSWORD, give_password, sign_in, signed_in_as
from tests.twofactor.sent_codes import has_number
from twofactor import enrolment
from twofactor.factors import backup_codes, code_text
from twofactor.models import Authenticator, BackupCode, Draft, Event, GuessBudget, Phone, TrustedBrowser

SETTINGS = "/two-factor/"
DISABLE = "/two-factor/disable/"
CODES = "/two-factor/backup-codes/"
CONFIRM = "/two-factor/confirm/"
SETUP = "/two-factor/setup/"
SAVED = {"saved": "on"}
WRONG_PASSWORD = "wrong"


def prove(client, path, code, password=PASSWORD, **data):
    return client.post(path, {"password": password, "code": code, **data})


def failures():
    return GuessBudget.objects.get().failures


# The same rules wherever password and code are asked for

PROOFS = [DISABLE, CODES, CONFIRM]


@pytest.fixture(params=PROOFS)
def path(request):
    return request.param


def test_password_and_code_are_enough(alices, phone, path):
    assert prove(alices, path, phone.code()).status_code == 303


def test_a_wrong_password_is_refused(alices, phone, path):
    assert prove(alices, path, phone.code(), WRONG_PASSWORD).status_code == 422


@pytest.mark.proves("7.5.1")
def test_a_missing_password_is_refused(alices, phone, path):
    assert alices.post(path, {"code": phone.code()}).status_code == 422


def test_a_wrong_code_is_refused(alices, path):
    assert prove(alices, path, "000000").status_code == 422


@pytest.mark.proves("7.5.1")
def test_a_missing_code_is_refused(alices, path):
    assert alices.post(path, {"password": PASSWORD}).status_code == 422


def test_after_a_wrong_password_the_code_is_not_looked_at(alices, path):
    prove(alices, path, "000000", WRONG_PASSWORD)
    assert failures() == 0


def test_after_a_wrong_password_the_code_is_not_spent(alices, phone, path):
    prove(alices, path, phone.code(), WRONG_PASSWORD)
    assert prove(alices, path, phone.code()).status_code == 303


def test_a_wrong_code_is_counted_with_all_others(alices, path):
    prove(alices, path, "000000")
    assert failures() == 1


@pytest.mark.parametrize("typed", ["", "12345", "abc"])
def test_a_badly_formed_code_costs_no_guess(alices, path, typed):
    prove(alices, path, typed)
    assert failures() == 0


def test_wrong_codes_lock(alices, path):
    [prove(alices, path, "000000") for _ in range(5)]
    assert prove(alices, path, "000000").status_code == 429


def test_wrong_codes_lock_the_sign_in_as_well(alices, phone, path):
    [prove(alices, path, "000000") for _ in range(5)]
    other = Client()
    assert sign_in(other, phone).status_code == 429


def test_wrong_passwords_lock_as_at_the_login_page(alices, phone, path):
    answers = [prove(alices, path, phone.code(), WRONG_PASSWORD).status_code for _ in range(5)]
    assert answers == [422, 422, 422, 422, 429]


def test_the_code_that_signed_in_is_not_accepted_again(client, phone, path):
    sign_in(client, phone)
    assert prove(client, path, phone.code()).status_code == 422


def test_the_code_that_signed_in_is_called_used(client, phone, path):
    sign_in(client, phone)
    assert b"You have already used that code" in prove(client, path, phone.code()).content


def test_a_code_spent_here_does_not_sign_in(alices, phone, clock):
    prove(alices, CONFIRM, phone.code())
    other = Client()
    sign_in(other, phone)
    assert signed_in_as(other) is None


@pytest.mark.proves("V-18")
@pytest.mark.parametrize("second", PROOFS)
def test_a_code_spent_for_one_thing_buys_no_other(alices, phone, second):
    prove(alices, CONFIRM, phone.code())
    assert prove(alices, second, phone.code()).status_code == 422


def test_looking_changes_nothing(alices, alice, path):
    before = list(Authenticator.objects.values()), list(BackupCode.objects.values()), Draft.objects.count()
    alices.get(path, {"password": PASSWORD, "code": "000000"})
    assert before == (
        list(Authenticator.objects.values()),
        list(BackupCode.objects.values()),
        Draft.objects.count(),
    )


def test_strangers_are_led_to_sign_in(client, phone, path):
    assert client.get(path).url.startswith("/accounts/login/")


def test_with_the_password_alone_it_is_out_of_reach(client, phone, path):
    give_password(client)
    assert prove(client, path, phone.code()).url.startswith("/accounts/login/")


def test_the_password_is_never_shown_again(alices, path):
    assert PASSWORD.encode() not in prove(alices, path, "000000").content


@pytest.mark.proves("3.5.1")
def test_a_form_without_its_token_is_refused(alices, phone, path):
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = alices.cookies
    assert prove(strict, path, phone.code()).status_code == 403


# Turning off


@pytest.mark.proves("6.5.6")
def test_turning_off_forgets_authenticator_and_codes(alices, alice, phone, paper):
    prove(alices, DISABLE, phone.code())
    assert (enrolment.is_on(alice), BackupCode.objects.count()) == (False, 0)


def test_turning_off_accepts_a_backup_code(alices, alice, paper):
    prove(alices, DISABLE, paper[0])
    assert not enrolment.is_on(alice)


def test_turning_off_does_not_accept_a_used_backup_code(alices, alice, paper):
    BackupCode.objects.update(used_at="2026-01-01T00:00Z")
    prove(alices, DISABLE, paper[0])
    assert enrolment.is_on(alice)


@pytest.mark.proves("V-14")
def test_having_confirmed_does_not_turn_off_without_a_code(alices, alice, phone):
    prove(alices, CONFIRM, phone.code())
    alices.post(DISABLE, {"password": PASSWORD})
    alices.post(DISABLE)
    assert enrolment.is_on(alice)


def test_turning_off_says_so(alices, phone):
    page = alices.post(DISABLE, {"password": PASSWORD, "code": phone.code()}, follow=True)
    assert b"Two-factor authentication is off" in page.content


def test_the_page_says_what_turning_off_means(alices):
    assert b"Afterwards your password alone is enough" in alices.get(DISABLE).content


def test_afterwards_the_password_is_enough(alices, alice, phone):
    prove(alices, DISABLE, phone.code())
    other = Client()
    give_password(other)
    assert signed_in_as(other) == alice


def test_afterwards_an_unfinished_replacement_is_gone(alices, phone, clock):
    prove(alices, CONFIRM, phone.code())
    alices.get(SETUP)
    clock.shift(60)
    prove(alices, DISABLE, phone.code())
    assert not Draft.objects.exists()


def test_afterwards_no_browser_is_trusted(alices, phone, clock):
    give_password(other := Client())
    other.post("/two-factor/verify/", {"code": phone.code(), "trust_browser": "on"})
    clock.shift(60)
    prove(alices, DISABLE, phone.code())
    assert not TrustedBrowser.objects.exists()


def test_afterwards_the_phone_number_is_gone(alices, alice, phone):
    has_number(alice)
    prove(alices, DISABLE, phone.code())
    assert not Phone.objects.exists()


def test_turning_off_gives_no_guesses_back(alices, phone):
    GuessBudget.objects.update(day_failures=7, day_began_at=timezone.now())
    prove(alices, DISABLE, phone.code())
    assert GuessBudget.objects.get().day_failures == 7


def test_afterwards_the_session_is_no_longer_a_proven_one(alices, phone):
    prove(alices, DISABLE, phone.code())
    assert alices.session["twofactor_amr"] == "none"


def test_without_two_factor_there_is_nothing_to_turn_off(client, alice):
    give_password(client)
    assert client.post(DISABLE, {"password": PASSWORD}).status_code == 409


def test_a_code_given_in_a_refused_form_turns_nothing_off(alices, alice, phone):
    prove(alices, DISABLE, phone.code(), WRONG_PASSWORD)
    assert enrolment.is_on(alice)


# New backup codes


def shown(client):
    return re.findall(r"<code>([^<]+)</code>", client.get(CODES).text)


@pytest.fixture
def renewing(alices, phone, paper):
    """Alice's browser, in which ten new codes are shown."""
    prove(alices, CODES, phone.code())
    return alices


def test_ten_new_codes_are_shown(renewing):
    assert len(set(shown(renewing))) == 10


def test_a_backup_code_makes_no_new_ones(alices, paper):
    prove(alices, CODES, paper[0])
    assert not Draft.objects.exists()


def test_a_backup_code_given_for_new_ones_is_not_spent(alices, alice, paper):
    prove(alices, CODES, paper[0])
    assert (backup_codes.count_unused(alice), failures()) == (3, 0)


def test_a_backup_code_given_for_new_ones_is_told_from_a_wrong_code(alices, paper):
    assert b"That looks like a backup code" in prove(alices, CODES, paper[0]).content


@pytest.mark.proves("7.5.3")
def test_having_confirmed_is_not_enough_for_new_ones(alices, phone):
    prove(alices, CONFIRM, phone.code())
    alices.post(CODES, {"password": PASSWORD})
    assert not Draft.objects.exists()


def test_a_reload_shows_the_same_new_codes(renewing):
    assert shown(renewing) == shown(renewing)


def test_the_old_codes_work_until_the_new_ones_are_saved(renewing, alice, paper):
    other = Client()
    give_password(other)
    other.post("/two-factor/verify/backup/", {"code": paper[0]})
    assert signed_in_as(other) == alice


def test_the_new_codes_do_not_work_before_they_are_saved(renewing):
    other = Client()
    give_password(other)
    other.post("/two-factor/verify/backup/", {"code": shown(renewing)[0]})
    assert signed_in_as(other) is None


def test_without_the_box_the_old_codes_stay(renewing, alice):
    assert (renewing.post(CODES).status_code, backup_codes.count_unused(alice)) == (422, 3)


def test_without_the_box_the_same_new_codes_stay(renewing):
    codes = shown(renewing)
    assert all(code in renewing.post(CODES).text for code in codes)


def test_once_saved_the_new_codes_work(renewing, alice):
    code = shown(renewing)[4]
    renewing.post(CODES, SAVED)
    other = Client()
    give_password(other)
    other.post("/two-factor/verify/backup/", {"code": code})
    assert signed_in_as(other) == alice


def test_once_saved_the_old_codes_do_not(renewing, paper):
    renewing.post(CODES, SAVED)
    other = Client()
    give_password(other)
    other.post("/two-factor/verify/backup/", {"code": paper[0]})
    assert signed_in_as(other) is None


def test_once_saved_there_are_ten(renewing, alice):
    renewing.post(CODES, SAVED)
    assert backup_codes.count_unused(alice) == 10


def test_once_saved_they_are_not_shown_again(renewing):
    renewing.post(CODES, SAVED)
    assert shown(renewing) == []


def test_saving_says_so(renewing):
    page = renewing.post(CODES, SAVED, follow=True)
    assert b"New backup codes saved. Old ones no longer work." in page.content


def test_saving_leaves_the_authenticator_as_it_is(renewing):
    before = Authenticator.objects.values("sealed_key", "enabled_at").get()
    renewing.post(CODES, SAVED)
    assert Authenticator.objects.values("sealed_key", "enabled_at").get() == before


def test_new_codes_are_sealed_in_the_database(renewing):
    assert shown(renewing)[0].replace("-", "") not in str(list(Draft.objects.values()))


@pytest.mark.parametrize(("seconds", "there"), [(1799, 10), (1801, 0)])
def test_new_codes_are_shown_for_thirty_minutes(renewing, clock, seconds, there):
    clock.shift(seconds)
    assert len(shown(renewing)) == there


def test_another_session_is_not_shown_the_new_codes(renewing, phone, clock):
    clock.shift(60)
    other = Client()
    sign_in(other, phone)
    assert shown(other) == []


def test_another_session_cannot_save_the_new_codes(renewing, alice, phone, clock):
    clock.shift(60)
    other = Client()
    sign_in(other, phone)
    other.post(CODES, SAVED)
    assert backup_codes.count_unused(alice) == 3


def test_without_two_factor_there_are_no_codes_to_make(client, alice):
    give_password(client)
    assert client.get(CODES).url == SETTINGS


def test_settings_tell_how_many_are_unused(alices, paper):
    BackupCode.objects.filter(pk=BackupCode.objects.first().pk).update(used_at="2026-01-01T00:00Z")
    assert b"2 of 10 unused" in alices.get(SETTINGS).content


def test_new_codes_are_fifteen_characters(renewing):
    assert {len(code_text.read_backup_code(code)) for code in shown(renewing)} == {15}


# Confirming


def test_confirming_leads_on(alices, phone):
    assert prove(alices, CONFIRM, phone.code(), next=SETUP).url == SETUP


@pytest.mark.parametrize(
    "to", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", ""]
)
def test_confirming_leads_nowhere_else(alices, phone, to):
    assert prove(alices, CONFIRM, phone.code(), next=to).url == "/"


@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example", "javascript:alert(1)"])
def test_the_page_does_not_carry_a_foreign_address_along(alices, to):
    assert f'value="{to}"' not in alices.get(CONFIRM, {"next": to}).text


@pytest.mark.proves("S-02")
def test_confirming_gives_the_session_a_new_key(alices, phone):
    before = alices.session.session_key
    prove(alices, CONFIRM, phone.code())
    assert alices.session.session_key != before


@pytest.mark.proves("7.2.4")
def test_confirming_ends_the_old_key(alices, phone):
    session = alices.session
    prove(alices, CONFIRM, phone.code())
    assert not session.exists(session.session_key)


def test_confirming_accepts_a_backup_code(alices, paper):
    assert prove(alices, CONFIRM, paper[0]).status_code == 303


def test_signing_in_is_no_confirmation(client, phone):
    sign_in(client, phone)
    assert client.get(SETUP).url.startswith(CONFIRM)


def test_somebody_without_a_factor_confirms_with_the_password(client, alice):
    give_password(client)
    assert client.post(CONFIRM, {"password": PASSWORD, "next": SETUP}).url == SETUP


def test_somebody_without_a_factor_is_not_asked_for_a_code(client, alice):
    give_password(client)
    assert b'name="code"' not in client.get(CONFIRM).content


def test_a_confirmation_is_not_one_for_other_sessions(alices, phone, clock):
    other = Client()
    sign_in(other, phone)
    clock.shift(60)
    prove(alices, CONFIRM, phone.code())
    assert other.get(SETUP).url.startswith(CONFIRM)


def test_a_confirmation_ends_with_the_session(alices, phone, clock):
    prove(alices, CONFIRM, phone.code())
    clock.shift(60)
    alices.post("/accounts/logout/")
    sign_in(alices, phone)
    assert alices.get(SETUP).url.startswith(CONFIRM)


# What ends elsewhere (S-08)


def turn_off(client, phone):
    prove(client, DISABLE, phone.code())


def renew(client, phone):
    prove(client, CODES, phone.code())
    client.post(CODES, SAVED)


def change_password(client, phone):
    new = "another good password"
    form = {"old_password": PASSWORD, "code": phone.code(), "new_password1": new, "new_password2": new}
    client.post("/accounts/password_change/", form)


CHANGES = [turn_off, renew, change_password]


@pytest.mark.proves("7.4.3", "V-15", "S-08")
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_ends_the_other_sessions(alices, phone, clock, change):
    other = Client()
    sign_in(other, phone)
    clock.shift(60)
    change(alices, phone)
    assert other.get(SETTINGS).url.startswith("/accounts/login/")


@pytest.mark.proves("S-08")
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_leaves_ones_own_session(alices, alice, phone, change):
    change(alices, phone)
    assert (alices.get(SETTINGS).status_code, signed_in_as(alices)) == (200, alice)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_gives_ones_own_session_a_new_key(alices, phone, change):
    before = alices.session.session_key
    change(alices, phone)
    assert alices.session.session_key != before


@pytest.mark.proves("S-08")
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_ends_a_pending_sign_in(alices, phone, clock, change):
    other = Client()
    give_password(other)
    change(alices, phone)
    clock.shift(60)
    other.post("/two-factor/verify/", {"code": phone.code()})
    assert signed_in_as(other) is None


@pytest.mark.parametrize("change", [renew, change_password])
def test_a_change_leaves_ones_own_session_proven(alices, phone, change):
    change(alices, phone)
    assert alices.session["twofactor_amr"] == "totp"


def test_a_reset_password_leaves_two_factor_on(alices, alice):
    alice.set_password("another good password")
    alice.save()
    assert enrolment.is_on(alice)


@pytest.mark.proves("2.3.3")
@pytest.mark.parametrize("change", [turn_off, renew])
def test_an_error_at_the_end_of_a_change_leaves_everything_as_it_was(alices, alice, phone, paper, change):
    def breaks(instance, **kwargs):
        if instance.kind in {"two_factor_disabled", "backup_codes_regenerated"}:
            raise RuntimeError

    before = list(BackupCode.objects.values())
    post_save.connect(breaks, Event)
    alices.raise_request_exception = False
    change(alices, phone)
    post_save.disconnect(breaks, Event)
    assert (enrolment.is_on(alice), list(BackupCode.objects.values())) == (True, before)


def test_every_change_is_remembered_once(alices, phone, clock):
    renew(alices, phone)
    clock.shift(timedelta(seconds=60))
    turn_off(alices, phone)
    changes = ["backup_codes_regenerated", "two_factor_disabled"]
    assert [Event.objects.filter(kind=kind).count() for kind in changes] == [1, 1]


def test_a_confirmation_with_a_backup_code_does_not_open_new_codes(alices, phone, paper, clock):
    """Made elsewhere with a live code; a backup code never opens new ones."""
    alices.post("/two-factor/backup-codes/", {"password": PASSWORD, "code": phone.code()})
    clock.shift(60)
    other = Client()
    sign_in(other, phone)
    other.post(CONFIRM, {"password": PASSWORD, "code": paper[0]})
    assert b'class="codes"' not in other.get("/two-factor/backup-codes/").content


def test_an_authenticator_that_was_removed_meanwhile_is_no_error(alices, phone):
    Authenticator.objects.all().delete()
    alices.raise_request_exception = False
    form = {"password": PASSWORD, "code": phone.code()}
    assert alices.post(CONFIRM, form).status_code < 500


def test_a_sign_in_whose_authenticator_was_removed_meanwhile_is_no_error(client, phone):
    give_password(client)
    Authenticator.objects.all().delete()
    client.raise_request_exception = False
    assert client.post("/two-factor/verify/", {"code": phone.code()}).status_code < 500
