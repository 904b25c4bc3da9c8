"""Setup in three steps: the key, a code from it, and the backup codes."""

import re
from urllib.parse import unquote

import pyotp
import pytest
from django.test import Client
from django.utils import timezone

from tests.people import PASSWORD, Phone, give_password, open_sessions, person
from tests.twofactor.setup_steps import CODES, SETUP, VERIFY, confirm_key, scan_key, shown_codes, stored_rows
from twofactor import drafts
from twofactor.factors import code_text, totp
from twofactor.factors.refusal import Changed
from twofactor.models import Authenticator, Draft, GuessBudget

CANCEL = "/two-factor/setup/cancel/"


# Step 1: the key


def test_the_key_is_shown_in_groups_of_four(no_factor_client):
    groups = re.findall(r"<span>([A-Z2-7]{4})</span>", no_factor_client.get(SETUP).text)
    assert "".join(groups) == scan_key(no_factor_client).key


def test_the_key_has_160_bits(no_factor_client):
    assert len(scan_key(no_factor_client).key) == 32


def test_the_address_names_account_and_issuer(no_factor_client, alice, settings):
    settings.TWOFACTOR_ISSUER = "Example & Söhne"
    address = re.search(r'href="(otpauth:[^"]+)"', no_factor_client.get(SETUP).text)[1]
    app = pyotp.parse_uri(address.replace("&amp;", "&"))
    assert (app.name, app.issuer) == (alice.email, "Example & Söhne")


def test_the_qr_code_brings_its_own_white(no_factor_client):
    assert b'fill="#fff"' in no_factor_client.get(SETUP).content


@pytest.mark.parametrize("fact", ["alice@example.com", "Countersign", "Time-based, 6 digits, 30 seconds"])
def test_the_facts_of_the_key_are_shown(no_factor_client, fact):
    assert fact in no_factor_client.get(SETUP).text


def test_a_guide_names_apps_and_leads_nowhere(no_factor_client):
    page = no_factor_client.get(SETUP).text
    guide = re.search(r'<details class="guide">.*?</details>', page, re.DOTALL)[0]
    apps = (
        "Passwords (built in)",
        "Google Authenticator",
        "Microsoft Authenticator",
        "1Password",
        "Bitwarden",
    )
    assert [app for app in apps if app not in guide] == []
    assert "a new 6-digit code every 30 seconds" in guide
    assert "href" not in guide


def test_a_reload_shows_the_same_key(no_factor_client):
    assert scan_key(no_factor_client).key == scan_key(no_factor_client).key


def test_a_second_tab_shows_the_same_key_after_the_password_was_given_again(no_factor_client, clock):
    phone = scan_key(no_factor_client)
    clock.shift(11 * 60)
    no_factor_client.post("/two-factor/confirm/", {"password": PASSWORD, "next": SETUP})
    assert scan_key(no_factor_client).key == phone.key


def test_someone_else_who_knows_the_password_learns_neither_key_nor_codes(no_factor_client):
    mallory = Client()
    give_password(mallory)
    theirs = scan_key(mallory)
    phone = confirm_key(no_factor_client)
    assert shown_codes(mallory) == []
    assert scan_key(mallory).key not in {phone.key, theirs.key}


def test_a_cookie_that_someone_planted_shows_them_no_key(no_factor_client):
    mallory = Client()
    give_password(mallory)
    no_factor_client.cookies["twofactor_draft"] = mallory.cookies["twofactor_draft"] = "planted"
    assert scan_key(mallory).key != scan_key(no_factor_client).key


def test_a_wrong_code_leaves_the_same_key(no_factor_client):
    phone = scan_key(no_factor_client)
    no_factor_client.post(VERIFY, {"code": "000000"})
    assert scan_key(no_factor_client).key == phone.key


def test_going_back_after_a_right_code_shows_the_same_key(no_factor_client):
    phone = confirm_key(no_factor_client)
    assert scan_key(no_factor_client).key == phone.key


def test_two_people_never_see_the_same_key(no_factor_client, alice):
    person("bob@example.com")
    other = Client()
    give_password(other, "bob@example.com")
    assert scan_key(other).key != scan_key(no_factor_client).key


@pytest.mark.proves("K-09")
def test_the_key_is_sealed_in_the_database(no_factor_client):
    phone = scan_key(no_factor_client)
    assert phone.key not in str(list(Draft.objects.values()))


@pytest.mark.proves("K-09")
def test_the_key_is_not_in_the_session(no_factor_client):
    phone = scan_key(no_factor_client)
    assert phone.key not in str(open_sessions())


def test_a_draft_moved_to_another_person_is_not_shown(no_factor_client, alice):
    phone = scan_key(no_factor_client)
    bob = person("bob@example.com")
    Draft.objects.update(user=bob)
    other = Client()
    give_password(other, "bob@example.com")
    assert other.get(VERIFY).url == SETUP or scan_key(other).key != phone.key


def test_what_does_not_open_any_more_is_begun_anew(client, alice):
    """For example because the encryption key is gone. Nobody should wait half an hour then."""
    give_password(client)
    client.get(SETUP)
    Draft.objects.update(sealed="0000.nothing")
    assert client.get(SETUP).context["draft"].key


@pytest.mark.parametrize("field", ["key", "secret", "sealed", "code", "digits"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_key_from_the_browser_is_not_looked_at(no_factor_client, field, method):
    theirs = totp.generate_key()
    getattr(no_factor_client, method)(SETUP, {field: theirs})
    assert scan_key(no_factor_client).key != theirs


@pytest.mark.proves("V-08")
def test_a_key_sent_along_with_its_code_is_not_looked_at(no_factor_client):
    scan_key(no_factor_client)
    theirs = Phone(totp.generate_key())
    no_factor_client.post(VERIFY, {"code": theirs.code(), "key": theirs.key, "secret": theirs.key})
    assert Draft.objects.get().confirmed_step is None


@pytest.mark.parametrize("path", [SETUP, VERIFY, CODES, CANCEL])
def test_looking_changes_nothing_but_the_draft(no_factor_client, alice, path):
    confirm_key(no_factor_client)
    before = stored_rows(alice)
    no_factor_client.get(path)
    alice.refresh_from_db()
    assert stored_rows(alice) == before


def test_looking_at_the_way_out_is_not_taking_it(no_factor_client):
    scan_key(no_factor_client)
    no_factor_client.get(CANCEL)
    assert Draft.objects.count() == 1


# Step 2: a code from it


def test_a_right_code_leads_to_the_backup_codes(no_factor_client):
    response = no_factor_client.post(VERIFY, {"code": scan_key(no_factor_client).code()})
    assert (response.status_code, response.url) == (303, CODES)


def test_the_second_step_shows_the_key_of_the_first(no_factor_client):
    first = scan_key(no_factor_client)
    assert scan_key(no_factor_client, VERIFY).key == first.key
    assert b'fill="#fff"' in no_factor_client.get(VERIFY).content


def test_a_wrong_code_says_one_sentence_and_advice_apart(no_factor_client):
    scan_key(no_factor_client)
    page = no_factor_client.post(VERIFY, {"code": "000000"}).text
    error = re.search(r'id="id_code_error">.*?</span>(.*?)<span class="advice">(.*?)</span>', page, re.DOTALL)
    assert [part.strip() for part in error.groups()] == [
        "The code is not correct.",
        "Wait for your app to show a new code, then try again. "
        "Check that your phone sets its time automatically.",
    ]


def test_a_wrong_code_is_refused_with_422(no_factor_client):
    scan_key(no_factor_client)
    assert no_factor_client.post(VERIFY, {"code": "000000"}).status_code == 422


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "²23456"])
def test_a_badly_formed_code_uses_up_none_of_the_ten(no_factor_client, typed):
    scan_key(no_factor_client)
    no_factor_client.post(VERIFY, {"code": typed})
    assert Draft.objects.get().failures == 0


def test_a_code_is_read_as_it_was_meant(no_factor_client):
    code = scan_key(no_factor_client).code()
    assert no_factor_client.post(VERIFY, {"code": f" {code[:3]} {code[3:]}\n"}).url == CODES


@pytest.mark.parametrize(("off", "right"), [(-2, False), (-1, True), (1, True), (2, False)])
def test_one_step_either_side_is_accepted(no_factor_client, off, right):
    status = no_factor_client.post(VERIFY, {"code": scan_key(no_factor_client).code(off=off)}).status_code
    assert status == (303 if right else 422)


@pytest.mark.proves("L-7")
def test_a_key_has_ten_guesses(no_factor_client):
    phone = scan_key(no_factor_client)
    [no_factor_client.post(VERIFY, {"code": "000000"}) for _ in range(10)]
    assert no_factor_client.post(VERIFY, {"code": phone.code()}).status_code == 422


def test_the_tenth_guess_is_looked_at(no_factor_client):
    phone = scan_key(no_factor_client)
    [no_factor_client.post(VERIFY, {"code": "000000"}) for _ in range(9)]
    assert no_factor_client.post(VERIFY, {"code": phone.code()}).status_code == 303


def test_wrong_codes_while_setting_up_lock_nothing(no_factor_client, alice):
    scan_key(no_factor_client)
    [no_factor_client.post(VERIFY, {"code": "000000"}) for _ in range(12)]
    assert not GuessBudget.objects.exists()


def test_a_new_key_has_guesses_of_its_own(no_factor_client):
    scan_key(no_factor_client)
    [no_factor_client.post(VERIFY, {"code": "000000"}) for _ in range(10)]
    no_factor_client.post(CANCEL)
    assert no_factor_client.post(VERIFY, {"code": scan_key(no_factor_client).code()}).url == CODES


def test_without_a_key_the_second_step_leads_to_the_first(no_factor_client):
    assert no_factor_client.get(VERIFY).url == SETUP


@pytest.mark.proves("C-04")
def test_confirming_what_was_finished_meanwhile_is_no_wrong_code(alice):
    draft = drafts.start(alice, Draft.Kind.SETUP, timezone.now())
    drafts.cancel(alice, Draft.Kind.SETUP)
    with pytest.raises(Changed):
        drafts.confirm(draft, "000000", timezone.now())


# Step 3: the backup codes


@pytest.mark.proves("2.3.1")
def test_without_a_right_code_the_third_step_leads_to_the_second(no_factor_client):
    scan_key(no_factor_client)
    assert no_factor_client.get(CODES).url == VERIFY


def test_without_a_key_the_third_step_leads_to_the_first(no_factor_client):
    assert no_factor_client.get(CODES).url == SETUP


def test_ten_codes_are_shown(no_factor_client):
    confirm_key(no_factor_client)
    assert len(set(shown_codes(no_factor_client))) == 10


def test_the_codes_are_written_as_people_read_them(no_factor_client):
    confirm_key(no_factor_client)
    for code in shown_codes(no_factor_client):
        assert code_text.format_backup_code(code_text.read_backup_code(code)) == code


def test_a_reload_shows_the_same_codes(no_factor_client):
    confirm_key(no_factor_client)
    assert shown_codes(no_factor_client) == shown_codes(no_factor_client)


def test_the_codes_are_not_in_the_database(no_factor_client):
    confirm_key(no_factor_client)
    code = shown_codes(no_factor_client)[0]
    assert code.replace("-", "") not in str(list(Draft.objects.values()))


def test_without_saying_that_they_are_saved_nothing_is_turned_on(no_factor_client):
    confirm_key(no_factor_client)
    status = no_factor_client.post(CODES).status_code
    assert (status, Authenticator.objects.count()) == (422, 0)


def test_without_saying_that_they_are_saved_the_same_codes_stay(no_factor_client):
    confirm_key(no_factor_client)
    codes = shown_codes(no_factor_client)
    assert all(code in no_factor_client.post(CODES).text for code in codes)


def test_the_file_to_keep_has_one_code_per_line(no_factor_client):
    confirm_key(no_factor_client)
    page = no_factor_client.get(CODES).text
    lines = unquote(re.search(r'href="data:text/plain;charset=utf-8,([^"]+)"', page)[1]).splitlines()
    assert lines == ["Countersign", "alice@example.com", "2026-03-01", "", *shown_codes(no_factor_client)]
