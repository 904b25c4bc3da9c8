"""Set-up in three steps, and putting another authenticator in place of the one in use."""

import re
from datetime import timedelta
from urllib.parse import unquote, urlencode

import pyotp
import pytest
from django.db.models.signals import post_save, pre_delete
from django.test import Client
from django.utils import timezone

from tests.people import PASSWORD, Phone, give_password, open_sessions, person, sign_in, signed_in_as
from twofactor import enrolment
from twofactor.factors import backup_codes, code_text, totp
from twofactor.models import Authenticator, BackupCode, Draft, Event, GuessBudget

SETUP = "/two-factor/setup/"
VERIFY = "/two-factor/setup/verify/"
CODES = "/two-factor/setup/codes/"
CANCEL = "/two-factor/setup/cancel/"
CONFIRM = "/two-factor/confirm/"
SAVED = {"saved": "on"}


@pytest.fixture
def laptop(alice, client):
    """Alice's, who has just signed in with her password."""
    give_password(client)
    return client


def scan(laptop):
    """The app of whoever points it at the page."""
    address = re.search(r'href="(otpauth:[^"]+)"', laptop.get(SETUP).text)[1]
    return Phone(pyotp.parse_uri(address.replace("&amp;", "&")).secret)


def confirm_key(laptop):
    phone = scan(laptop)
    laptop.post(VERIFY, {"code": phone.code()})
    return phone


def codes_on(laptop):
    return re.findall(r"<code>([^<]+)</code>", laptop.get(CODES).text)


def set_up(laptop):
    phone = confirm_key(laptop)
    laptop.post(CODES, SAVED)
    return phone


# Step 1: the key


def test_the_key_is_shown_in_groups_of_four(laptop):
    groups = re.findall(r"<span>([A-Z2-7]{4})</span>", laptop.get(SETUP).text)
    assert "".join(groups) == scan(laptop).key


def test_the_key_has_160_bits(laptop):
    assert len(scan(laptop).key) == 32


def test_the_address_names_account_and_issuer(laptop, alice, settings):
    settings.TWOFACTOR_ISSUER = "Example & Söhne"
    address = re.search(r'href="(otpauth:[^"]+)"', laptop.get(SETUP).text)[1]
    app = pyotp.parse_uri(address.replace("&amp;", "&"))
    assert (app.name, app.issuer) == (alice.email, "Example & Söhne")


def test_the_qr_code_brings_its_own_white(laptop):
    assert b'fill="#fff"' in laptop.get(SETUP).content


@pytest.mark.parametrize("fact", ["alice@example.com", "Countersign", "time based, 6 digits, 30 seconds"])
def test_the_facts_of_the_key_are_shown(laptop, fact):
    assert fact in laptop.get(SETUP).text


def test_a_reload_shows_the_same_key(laptop):
    assert scan(laptop).key == scan(laptop).key


def test_a_second_tab_shows_the_same_key_after_the_password_was_given_again(laptop, clock):
    phone = scan(laptop)
    clock.shift(11 * 60)
    laptop.post("/two-factor/confirm/", {"password": PASSWORD, "next": SETUP})
    assert scan(laptop).key == phone.key


def test_whoever_knows_the_password_too_learns_neither_key_nor_codes(laptop):
    mallory = Client()
    give_password(mallory)
    theirs = scan(mallory)
    phone = confirm_key(laptop)
    assert codes_on(mallory) == []
    assert scan(mallory).key not in {phone.key, theirs.key}


def test_a_cookie_that_somebody_planted_shows_them_no_key(laptop):
    mallory = Client()
    give_password(mallory)
    laptop.cookies["twofactor_draft"] = mallory.cookies["twofactor_draft"] = "planted"
    assert scan(mallory).key != scan(laptop).key


def test_a_wrong_code_leaves_the_same_key(laptop):
    phone = scan(laptop)
    laptop.post(VERIFY, {"code": "000000"})
    assert scan(laptop).key == phone.key


def test_going_back_after_a_right_code_shows_the_same_key(laptop):
    phone = confirm_key(laptop)
    assert scan(laptop).key == phone.key


def test_two_people_never_see_the_same_key(laptop, alice):
    person("bob@example.com")
    other = Client()
    give_password(other, "bob@example.com")
    assert scan(other).key != scan(laptop).key


@pytest.mark.proves("K-09")
def test_the_key_is_sealed_in_the_database(laptop):
    phone = scan(laptop)
    assert phone.key not in str(list(Draft.objects.values()))


@pytest.mark.proves("K-09")
def test_the_key_is_not_in_the_session(laptop):
    phone = scan(laptop)
    assert phone.key not in str(open_sessions())


def test_a_draft_moved_to_another_person_is_not_shown(laptop, alice):
    phone = scan(laptop)
    bob = person("bob@example.com")
    Draft.objects.update(user=bob)
    other = Client()
    give_password(other, "bob@example.com")
    assert other.get(VERIFY).url == SETUP or scan(other).key != phone.key


@pytest.mark.parametrize("field", ["key", "secret", "sealed", "code", "digits"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_key_from_the_browser_is_not_looked_at(laptop, field, method):
    theirs = totp.generate_key()
    getattr(laptop, method)(SETUP, {field: theirs})
    assert scan(laptop).key != theirs


@pytest.mark.proves("V-08")
def test_a_key_sent_along_with_its_code_is_not_looked_at(laptop):
    scan(laptop)
    theirs = Phone(totp.generate_key())
    laptop.post(VERIFY, {"code": theirs.code(), "key": theirs.key, "secret": theirs.key})
    assert Draft.objects.get().confirmed_step is None


def everything(user):
    rows = [Authenticator, BackupCode, GuessBudget, Event]
    return [list(model.objects.values()) for model in rows], user.security_epoch


@pytest.mark.parametrize("path", [SETUP, VERIFY, CODES, CANCEL])
def test_looking_changes_nothing_but_the_draft(laptop, alice, path):
    confirm_key(laptop)
    before = everything(alice)
    laptop.get(path)
    alice.refresh_from_db()
    assert everything(alice) == before


def test_looking_at_the_way_out_is_not_taking_it(laptop):
    scan(laptop)
    laptop.get(CANCEL)
    assert Draft.objects.count() == 1


# Step 2: a code from it


def test_a_right_code_leads_to_the_backup_codes(laptop):
    response = laptop.post(VERIFY, {"code": scan(laptop).code()})
    assert (response.status_code, response.url) == (303, CODES)


def test_a_wrong_code_is_refused_with_422(laptop):
    scan(laptop)
    assert laptop.post(VERIFY, {"code": "000000"}).status_code == 422


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "²23456"])
def test_a_badly_formed_code_uses_up_none_of_the_ten(laptop, typed):
    scan(laptop)
    laptop.post(VERIFY, {"code": typed})
    assert Draft.objects.get().failures == 0


def test_a_code_is_read_as_it_was_meant(laptop):
    code = scan(laptop).code()
    assert laptop.post(VERIFY, {"code": f" {code[:3]} {code[3:]}\n"}).url == CODES


@pytest.mark.parametrize(("off", "right"), [(-2, False), (-1, True), (1, True), (2, False)])
def test_one_step_either_side_is_accepted(laptop, off, right):
    status = laptop.post(VERIFY, {"code": scan(laptop).code(off=off)}).status_code
    assert status == (303 if right else 422)


@pytest.mark.proves("L-7")
def test_a_key_has_ten_guesses(laptop):
    phone = scan(laptop)
    [laptop.post(VERIFY, {"code": "000000"}) for _ in range(10)]
    assert laptop.post(VERIFY, {"code": phone.code()}).status_code == 422


def test_the_tenth_guess_is_looked_at(laptop):
    phone = scan(laptop)
    [laptop.post(VERIFY, {"code": "000000"}) for _ in range(9)]
    assert laptop.post(VERIFY, {"code": phone.code()}).status_code == 303


def test_wrong_codes_while_setting_up_lock_nothing(laptop, alice):
    scan(laptop)
    [laptop.post(VERIFY, {"code": "000000"}) for _ in range(12)]
    assert not GuessBudget.objects.exists()


def test_a_new_key_has_guesses_of_its_own(laptop):
    scan(laptop)
    [laptop.post(VERIFY, {"code": "000000"}) for _ in range(10)]
    laptop.post(CANCEL)
    assert laptop.post(VERIFY, {"code": scan(laptop).code()}).url == CODES


def test_without_a_key_the_second_step_leads_to_the_first(laptop):
    assert laptop.get(VERIFY).url == SETUP


# Step 3: the backup codes


@pytest.mark.proves("2.3.1")
def test_without_a_right_code_the_third_step_leads_to_the_second(laptop):
    scan(laptop)
    assert laptop.get(CODES).url == VERIFY


def test_without_a_key_the_third_step_leads_to_the_first(laptop):
    assert laptop.get(CODES).url == SETUP


def test_ten_codes_are_shown(laptop):
    confirm_key(laptop)
    assert len(set(codes_on(laptop))) == 10


def test_a_reload_shows_the_same_codes(laptop):
    confirm_key(laptop)
    assert codes_on(laptop) == codes_on(laptop)


def test_the_codes_are_not_in_the_database(laptop):
    confirm_key(laptop)
    code = codes_on(laptop)[0]
    assert code.replace("-", "") not in str(list(Draft.objects.values()))


def test_without_saying_that_they_are_saved_nothing_is_turned_on(laptop):
    confirm_key(laptop)
    status = laptop.post(CODES).status_code
    assert (status, Authenticator.objects.count()) == (422, 0)


def test_without_saying_that_they_are_saved_the_same_codes_stay(laptop):
    confirm_key(laptop)
    codes = codes_on(laptop)
    assert all(code in laptop.post(CODES).text for code in codes)


def test_the_file_to_keep_has_one_code_per_line(laptop):
    confirm_key(laptop)
    page = laptop.get(CODES).text
    lines = unquote(re.search(r'href="data:text/plain;charset=utf-8,([^"]+)"', page)[1]).splitlines()
    assert lines == ["Countersign", "alice@example.com", "2026-03-01", "", *codes_on(laptop)]


def not_yet(laptop):
    pass


def only_scanned(laptop):
    scan(laptop)


def confirmed(laptop):
    confirm_key(laptop)


def refused(laptop):
    confirm_key(laptop)
    laptop.post(CODES)


@pytest.mark.parametrize("far", [not_yet, only_scanned, confirmed, refused])
def test_until_the_end_the_password_is_enough(laptop, alice, far):
    far(laptop)
    other = Client()
    give_password(other)
    assert signed_in_as(other) == alice


@pytest.mark.parametrize("far", [only_scanned, confirmed, refused])
def test_settings_offer_to_go_on(laptop, far):
    far(laptop)
    page = laptop.get("/two-factor/").content
    assert b"Set-up not finished" in page
    assert b"Continue set-up" in page


# On


def test_finishing_turns_it_on(laptop, alice):
    set_up(laptop)
    assert Authenticator.objects.get().user == alice


def test_finishing_says_so(laptop):
    confirm_key(laptop)
    page = laptop.post(CODES, SAVED, follow=True)
    assert (page.redirect_chain, b"Two-factor authentication is on" in page.content) == (
        [("/two-factor/", 303)],
        True,
    )


def test_the_codes_that_were_shown_are_the_codes_that_work(laptop, alice, clock):
    confirm_key(laptop)
    code = codes_on(laptop)[7]
    laptop.post(CODES, SAVED)
    other = Client()
    give_password(other)
    other.post("/two-factor/verify/backup/", {"code": code})
    assert signed_in_as(other) == alice


def test_the_key_that_was_shown_is_the_key_that_works(laptop, alice, clock):
    phone = set_up(laptop)
    clock.shift(60)
    other = Client()
    sign_in(other, phone)
    assert signed_in_as(other) == alice


@pytest.mark.proves("V-18")
def test_the_code_set_up_with_does_not_sign_in(laptop, alice):
    phone = set_up(laptop)
    other = Client()
    sign_in(other, phone)
    assert signed_in_as(other) is None


def test_ten_codes_are_kept(laptop, alice):
    set_up(laptop)
    assert backup_codes.count_unused(alice) == 10


def test_the_columns_have_the_defaults_of_the_algorithm():
    """models.py repeats the numbers, because it imports nothing of ours."""
    defaults = [Authenticator._meta.get_field(name).default for name in ("digits", "period")]
    assert defaults == [totp.DIGITS, totp.PERIOD]


def test_digits_and_period_are_kept_with_the_authenticator(laptop):
    set_up(laptop)
    assert Authenticator.objects.values_list("digits", "period").get() == (6, 30)


def test_a_new_default_does_not_break_an_old_authenticator(laptop, alice, clock, monkeypatch):
    phone = set_up(laptop)
    clock.shift(60)
    monkeypatch.setattr(totp, "DIGITS", 8)
    monkeypatch.setattr(totp, "PERIOD", 60)
    other = Client()
    give_password(other)
    other.post("/two-factor/verify/", {"code": pyotp.TOTP(phone.key).at(timezone.now())})
    assert signed_in_as(other) == alice


def test_afterwards_the_draft_is_gone(laptop):
    set_up(laptop)
    assert not Draft.objects.exists()


def test_afterwards_the_codes_are_not_shown_again(laptop):
    confirm_key(laptop)
    codes = codes_on(laptop)
    laptop.post(CODES, SAVED)
    assert codes[0] not in laptop.get(CODES, follow=True).text


def test_ones_own_session_goes_on(laptop, alice):
    set_up(laptop)
    assert signed_in_as(laptop) == alice
    assert laptop.get("/two-factor/").status_code == 200


def test_ones_own_session_has_given_the_factor(laptop):
    set_up(laptop)
    assert laptop.session["twofactor_amr"] == "totp"


def test_ones_own_session_gets_a_new_key(laptop):
    confirm_key(laptop)
    before = laptop.session.session_key
    laptop.post(CODES, SAVED)
    assert laptop.session.session_key != before


@pytest.mark.proves("7.4.3")
def test_other_sessions_end(laptop):
    other = Client()
    give_password(other)
    set_up(laptop)
    assert other.get("/two-factor/").url.startswith("/accounts/login/")


@pytest.mark.proves("V-04")
def test_sending_the_last_step_again_makes_no_second_set(laptop, alice):
    set_up(laptop)
    before = list(BackupCode.objects.values())
    assert laptop.post(CODES, SAVED).status_code == 409
    assert list(BackupCode.objects.values()) == before


@pytest.mark.proves("V-04")
def test_sending_the_second_step_again_makes_no_second_authenticator(laptop):
    phone = set_up(laptop)
    before = list(Authenticator.objects.values())
    laptop.post(VERIFY, {"code": phone.code()})
    assert list(Authenticator.objects.values()) == before


MOMENTS = [(pre_delete, Draft), (post_save, Authenticator), (post_save, GuessBudget), (post_save, Event)]


@pytest.mark.proves("2.3.3")
@pytest.mark.parametrize(("signal", "model"), MOMENTS)
def test_an_error_at_the_end_leaves_everything_as_it_was(laptop, alice, signal, model):
    def breaks(**kwargs):
        raise RuntimeError

    confirm_key(laptop)
    before = everything(alice)
    signal.connect(breaks, model)
    laptop.raise_request_exception = False
    status = laptop.post(CODES, SAVED).status_code
    signal.disconnect(breaks, model)
    alice.refresh_from_db()
    assert (status, everything(alice), Draft.objects.count()) == (500, before, 1)


# Half an hour


@pytest.mark.proves("K-09")
@pytest.mark.parametrize(("seconds", "same"), [(1799, True), (1801, False)])
def test_a_key_is_shown_for_thirty_minutes(laptop, clock, seconds, same):
    key = scan(laptop).key
    clock.shift(seconds)
    laptop.post(CONFIRM, {"password": PASSWORD})
    assert (scan(laptop).key == key) is same


@pytest.mark.parametrize("step", [VERIFY, CODES])
def test_after_thirty_minutes_it_begins_anew(laptop, clock, step):
    confirm_key(laptop)
    clock.shift(1801)
    laptop.post(CONFIRM, {"password": PASSWORD})
    assert laptop.get(step).url == SETUP


def test_after_thirty_minutes_nothing_is_turned_on(laptop, clock):
    confirm_key(laptop)
    clock.shift(1801)
    laptop.post(CONFIRM, {"password": PASSWORD})
    laptop.post(CODES, SAVED)
    assert not Authenticator.objects.exists()


def test_after_thirty_minutes_settings_do_not_offer_to_go_on(laptop, clock):
    scan(laptop)
    clock.shift(1801)
    assert b"Set-up not finished" not in laptop.get("/two-factor/").content


def test_going_through_the_steps_does_not_make_it_live_longer(laptop, clock):
    phone = scan(laptop)
    clock.shift(1500)
    laptop.post(CONFIRM, {"password": PASSWORD})
    laptop.post(VERIFY, {"code": phone.code()})
    clock.shift(301)
    laptop.post(CODES, SAVED)
    assert not Authenticator.objects.exists()


# Cancelling


@pytest.mark.parametrize("far", [not_yet, only_scanned, confirmed])
def test_cancelling_leads_to_the_settings(laptop, far):
    far(laptop)
    assert (laptop.post(CANCEL).status_code, laptop.post(CANCEL).url) == (303, "/two-factor/")


def test_cancelling_forgets_the_key(laptop):
    key = scan(laptop).key
    laptop.post(CANCEL)
    assert scan(laptop).key != key


def test_cancelling_turns_nothing_on(laptop):
    confirm_key(laptop)
    laptop.post(CANCEL)
    laptop.post(CODES, SAVED)
    assert not Authenticator.objects.exists()


def test_cancelling_says_that_nothing_has_changed(laptop):
    scan(laptop)
    assert b"Nothing has changed" in laptop.post(CANCEL, follow=True).content


# Who may


@pytest.mark.parametrize(("seconds", "asked"), [(599, False), (601, True)])
def test_it_needs_the_password_of_the_last_ten_minutes(laptop, clock, seconds, asked):
    clock.shift(seconds)
    assert (laptop.get(SETUP).status_code == 303) is asked


@pytest.mark.parametrize("path", [SETUP, VERIFY, CODES])
def test_every_step_needs_the_password_of_the_last_ten_minutes(laptop, clock, path):
    confirm_key(laptop)
    clock.shift(601)
    assert laptop.get(path).url == f"{CONFIRM}?next={path.replace('/', '%2F')}"


def test_the_last_step_needs_it_too(laptop, clock):
    confirm_key(laptop)
    clock.shift(601)
    laptop.post(CODES, SAVED)
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize(("seconds", "asked"), [(599, False), (601, True)])
def test_the_password_given_again_is_good_for_ten_minutes(laptop, clock, seconds, asked):
    clock.shift(1000)
    laptop.post(CONFIRM, {"password": PASSWORD, "next": SETUP})
    clock.shift(seconds)
    assert (laptop.get(SETUP).status_code == 303) is asked


def test_the_password_given_again_leads_back(laptop, clock):
    clock.shift(1000)
    assert laptop.post(CONFIRM, {"password": PASSWORD, "next": SETUP}).url == SETUP


@pytest.mark.parametrize("path", [SETUP, VERIFY, CODES, CANCEL])
def test_strangers_are_led_to_sign_in(client, db, path):
    assert client.get(path).url.startswith("/accounts/login/")


def starts(laptop, count):
    for _ in range(count):
        laptop.post(CANCEL)
        status = laptop.get(SETUP).status_code
    return status


@pytest.mark.proves("2.3.2", "L-7")
def test_ten_keys_an_hour_are_enough(laptop):
    assert [starts(laptop, 10), starts(laptop, 1)] == [200, 429]


def test_after_an_hour_there_are_keys_again(laptop, clock):
    starts(laptop, 11)
    clock.shift(timedelta(hours=1))
    other = Client()
    give_password(other)
    assert other.get(SETUP).status_code == 200


def test_looking_at_the_same_key_is_not_counted(laptop):
    assert {laptop.get(SETUP).status_code for _ in range(12)} == {200}


# Replacing


@pytest.fixture
def risen(alices, phone, clock):
    """Alice's laptop, after password and code on the confirm page."""
    alices.post(CONFIRM, {"password": PASSWORD, "code": phone.code()})
    clock.shift(60)
    return alices


@pytest.mark.proves("N-12")
@pytest.mark.parametrize("page", [SETUP, VERIFY, CODES, f"{SETUP}?replace=1", f"{SETUP}?next=/help/"])
def test_replacing_needs_more_than_having_signed_in(alices, page):
    assert alices.get(page).url == f"{CONFIRM}?{urlencode({'next': page})}"


@pytest.mark.parametrize("path", [SETUP, VERIFY, CODES])
def test_whoever_comes_back_soon_after_the_last_step_is_shown_the_panel(alices, path):
    Authenticator.objects.update(enabled_at=timezone.now() - timedelta(minutes=9))
    assert (alices.get(path).url, alices.post(path).status_code) == ("/two-factor/", 409)


def test_the_panel_leads_to_replacing(alices):
    assert f'href="{SETUP}?replace=1"' in alices.get("/two-factor/").text


@pytest.mark.parametrize(("seconds", "asked"), [(239, False), (241, True)])
def test_replacing_needs_a_confirmation_of_the_last_five_minutes(risen, clock, seconds, asked):
    clock.shift(seconds)
    assert (risen.get(SETUP).status_code == 303) is asked


def test_the_old_authenticator_works_until_the_new_one_is_finished(risen, phone, alice):
    confirm_key(risen)
    other = Client()
    sign_in(other, phone)
    assert signed_in_as(other) == alice


def test_a_code_of_the_old_one_does_not_confirm_the_new(risen, phone):
    scan(risen)
    assert risen.post(VERIFY, {"code": phone.code()}).status_code == 422


def test_afterwards_the_new_one_works(risen, alice, clock):
    new = set_up(risen)
    clock.shift(60)
    other = Client()
    sign_in(other, new)
    assert signed_in_as(other) == alice


def test_afterwards_the_old_one_does_not(risen, phone, clock):
    set_up(risen)
    clock.shift(60)
    other = Client()
    sign_in(other, phone)
    assert signed_in_as(other) is None


def test_afterwards_the_old_backup_codes_do_not_work(risen, paper, clock):
    set_up(risen)
    other = Client()
    give_password(other)
    other.post("/two-factor/verify/backup/", {"code": paper[0]})
    assert signed_in_as(other) is None


def test_cancelling_keeps_the_old_one(risen, phone, alice):
    confirm_key(risen)
    risen.post(CANCEL)
    other = Client()
    sign_in(other, phone)
    assert signed_in_as(other) == alice


@pytest.mark.proves("7.4.3")
def test_replacing_ends_the_other_sessions(risen, phone):
    other = Client()
    sign_in(other, phone)
    set_up(risen)
    assert other.get("/two-factor/").url.startswith("/accounts/login/")


def test_replacing_ends_a_pending_sign_in(risen, phone):
    other = Client()
    give_password(other)
    new = set_up(risen)
    other.post("/two-factor/verify/", {"code": new.code(off=1)})
    assert signed_in_as(other) is None


def test_an_eight_digit_authenticator_is_replaced_by_an_ordinary_one(risen):
    Authenticator.objects.update(digits=8, period=60)
    set_up(risen)
    assert Authenticator.objects.values_list("digits", "period").get() == (6, 30)


def test_there_is_never_more_than_one(risen):
    set_up(risen)
    assert Authenticator.objects.count() == 1


def test_replacing_keeps_the_count_of_the_day(risen):
    GuessBudget.objects.update(day_failures=7, day_began_at=timezone.now())
    set_up(risen)
    assert GuessBudget.objects.get().day_failures == 7


def test_the_codes_are_written_as_people_read_them(laptop):
    confirm_key(laptop)
    for code in codes_on(laptop):
        assert code_text.format_backup_code(code_text.read_backup_code(code)) == code


def test_the_wait_for_another_key_is_not_longer_than_it_is(laptop, clock):
    for _ in range(11):
        laptop.post(CANCEL)
        laptop.get(SETUP)
    clock.shift(timedelta(minutes=8))
    assert int(laptop.get(SETUP).headers["Retry-After"]) <= 52 * 60 + 1


def test_too_many_keys_are_not_called_wrong_codes(laptop):
    for _ in range(11):
        laptop.post(CANCEL)
        page = laptop.get(SETUP).content
    assert b"wrong code too many times" not in page


def test_no_code_that_confirmed_the_key_signs_in(laptop, alice):
    phone = scan(laptop)
    for off in (1, 0):
        laptop.post(VERIFY, {"code": phone.code(off=off)})
    laptop.post(CODES, SAVED)
    other = Client()
    give_password(other)
    other.post("/two-factor/verify/", {"code": phone.code(off=1)})
    assert signed_in_as(other) is None


def test_a_new_password_forgets_an_unfinished_set_up(laptop, alice):
    """Whoever knew the old password may have seen its key."""
    key = scan(laptop).key
    alice.set_password("another good password")
    alice.save()
    other = Client()
    other.post("/accounts/login/", {"username": alice.email, "password": "another good password"})
    assert scan(other).key != key


@pytest.mark.proves("N-03")
def test_replacing_does_not_reset_the_count_of_wrong_codes(alices, phone, clock):
    """N-03: a new secret does not."""
    alices.post(CONFIRM, {"password": PASSWORD, "code": phone.code()})
    confirm_key(alices)
    [alices.post("/two-factor/disable/", {"password": PASSWORD, "code": "000000"}) for _ in range(4)]
    alices.post(CODES, SAVED)
    assert alices.post("/two-factor/disable/", {"password": PASSWORD, "code": "000000"}).status_code == 422
    assert alices.post("/two-factor/disable/", {"password": PASSWORD, "code": "000000"}).status_code == 429


def test_what_does_not_open_any_more_is_begun_anew(client, alice):
    """Its key is gone, say: nobody waits half an hour for that."""
    give_password(client)
    client.get(SETUP)
    Draft.objects.update(sealed="0000.nothing")
    assert client.get(SETUP).context["setup"].key


@pytest.mark.proves("C-04")
def test_confirming_what_was_finished_meanwhile_is_no_wrong_code(alice):
    draft = enrolment.start(alice, Draft.Kind.SETUP, timezone.now())
    enrolment.cancel(alice, Draft.Kind.SETUP)
    with pytest.raises(enrolment.Changed):
        enrolment.confirm(draft, "000000", timezone.now())
