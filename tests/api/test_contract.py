"""The contract of the API: paths, fields and responses."""

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from accounts.mail_limits import FROM_NETWORK
from tests.accounts.letters import link
from tests.api.program import Program, status_and_code
from tests.people import PASSWORD, Phone, add_app
from tests.twofactor.sent_codes import (
    NUMBER,
    add_number,
    different_code,
    mailed_code,
    record_text_messages,
    texted_code,
)
from twofactor.clocks import MINUTE
from twofactor.factors import backup_codes, enrolled, totp
from twofactor.models import Allowance, Event, SentCode

# Signing in


def test_without_a_second_factor_the_password_gives_tokens(bobs_program):
    answer = bobs_program.give_password()
    assert answer.status_code == 200
    assert answer.json().keys() == {"is_totp_enabled", "access", "refresh", "client_token"}
    assert answer.json()["is_totp_enabled"] is False


def test_with_a_second_factor_the_password_gives_a_challenge(program, phone):
    answer = program.give_password().json()
    assert answer.keys() == {
        "is_totp_enabled",
        "totp_challenge_token",
        "channels",
        "channel",
        "has_phone",
    }
    assert answer["is_totp_enabled"] is True


def test_a_challenge_says_where_a_code_could_go(program, phone):
    assert program.give_password().json()["channels"] == [{"channel": "email", "target": "a•••e@example.com"}]


def test_a_wrong_password_is_401(program, alice):
    assert status_and_code(program.give_password("wrong horse battery")) == (401, "credentials_refused")


def test_the_authenticators_code_gives_tokens(password_given, phone):
    answer = password_given.give(otp_code=phone.code())
    assert (answer.status_code, answer.json().keys()) == (200, {"access", "refresh", "client_token"})


def test_a_backup_code_gives_tokens_and_is_spent(password_given, alice, printed_codes):
    assert password_given.give(backup_code=printed_codes[0]).status_code == 200
    assert backup_codes.count_unused(alice) == 2


def test_a_wrong_code_is_400(password_given, phone):
    assert status_and_code(password_given.give(otp_code=different_code(phone.code()))) == (
        400,
        "code_refused",
    )


def test_a_backup_code_is_no_otp_code(password_given, printed_codes):
    assert status_and_code(password_given.give(otp_code=printed_codes[0])) == (400, "code_refused")


@pytest.mark.parametrize("codes", [{}, {"otp_code": "123456", "backup_code": "x"}])
def test_one_code_is_wanted(password_given, codes):
    assert status_and_code(password_given.give(**codes)) == (400, "invalid")


def test_a_challenge_that_nobody_made_is_400(program, db):
    program.challenge = "made.up"
    assert status_and_code(program.give(otp_code="123456")) == (400, "challenge_over")


def test_a_good_token_is_answered_with_nothing(signed_in):
    for token in (signed_in.access, signed_in.refresh):
        answer = signed_in.post("jwt/verify/", {"token": token})
        assert (answer.status_code, answer.json()) == (200, {})


def test_a_token_that_nobody_made_is_401(program, db):
    assert status_and_code(program.post("jwt/verify/", {"token": "made.up.token"})) == (
        401,
        "token_not_valid",
    )


def test_renewing_gives_two_new_tokens(signed_in):
    before = signed_in.access, signed_in.refresh
    assert signed_in.renew().status_code == 200
    assert not {signed_in.access, signed_in.refresh} & {*before}


@pytest.mark.proves("7.4.1")
def test_signing_out_ends_both_tokens(signed_in):
    assert signed_in.post("jwt/logout/", {"refresh": signed_in.refresh}).status_code == 204
    assert not signed_in.is_signed_in()
    assert signed_in.renew().status_code == 401


# Sent codes


def test_a_code_by_mail_signs_in(password_given):
    assert password_given.send().json()["target"] == "a•••e@example.com"
    assert password_given.give(sent_code=mailed_code()).status_code == 200


def test_another_channel_is_one_call_at_once(password_given, alice, settings):
    record_text_messages(settings)
    add_number(alice, NUMBER)
    password_given.send("email")
    assert password_given.send("sms").status_code == 200


def test_a_newer_code_by_another_channel_voids_the_older(password_given, alice, settings, clock):
    record_text_messages(settings)
    add_number(alice, NUMBER)
    password_given.send("email")
    clock.shift(61)
    password_given.send("sms")
    assert status_and_code(password_given.give(sent_code=mailed_code())) == (400, "code_refused")
    assert password_given.give(sent_code=texted_code()).status_code == 200


def test_a_channel_that_nobody_confirmed_sends_nothing(password_given):
    assert status_and_code(password_given.send("sms")) == (400, "no_such_channel")
    assert not SentCode.objects.exists()


def test_sending_again_too_soon_says_when(password_given):
    password_given.send()
    answer = password_given.send()
    assert (*status_and_code(answer), answer.headers["Retry-After"]) == (429, "too_often", "60")


def test_six_codes_an_hour_are_sent_by_pages_and_api_together(password_given, clock, settings):
    for _ in range(5):
        assert password_given.send().status_code == 200
        clock.shift(61)
        password_given.give_password()
    assert status_and_code(password_given.send()) == (429, "too_often")


def test_a_challenge_lives_on_while_a_sent_code_does(password_given, clock):
    password_given.send()
    clock.shift(590)
    assert password_given.give(sent_code=mailed_code()).status_code == 200


@pytest.mark.proves("S-01")
def test_ten_minutes_after_the_password_it_is_over_all_the_same(password_given, clock):
    clock.shift(100)
    password_given.send()
    clock.shift(501)
    assert status_and_code(password_given.give(sent_code=mailed_code())) == (400, "challenge_over")


# Setting up


def begin(program):
    """The phone that has scanned the QR code."""
    return Phone(program.post("totp/create/").json()["key"])


def test_creating_gives_a_picture(bobs_program):
    answer = bobs_program.post("totp/create/")
    assert answer.status_code == 201
    assert answer.json()["svg"].startswith('<svg xmlns="http://www.w3.org/2000/svg"')


def test_creating_turns_nothing_on(bobs_program):
    bobs_program.post("totp/create/")
    assert bobs_program.get("totp/status/").json()["is_totp_enabled"] is False


def test_creating_needs_no_body_at_all(bobs_program):
    headers = {"Authorization": f"Bearer {bobs_program.access}"}
    assert bobs_program.client.generic("POST", "/api/totp/create/", headers=headers).status_code == 201


def test_confirming_turns_it_on_and_shows_ten_codes(bobs_program):
    answer = bobs_program.post("totp/confirm/", {"input_code": begin(bobs_program).code()})
    assert answer.status_code == 200
    assert len(set(answer.json()["backup_codes"])) == 10
    assert enrolled.is_on(get_user_model().objects.get())


def test_a_code_that_was_shown_signs_in(bobs_program, clock):
    codes = bobs_program.post("totp/confirm/", {"input_code": begin(bobs_program).code()}).json()[
        "backup_codes"
    ]
    bobs_program.give_password()
    assert bobs_program.give(backup_code=codes[3]).status_code == 200


@pytest.mark.proves("V-18")
def test_the_code_that_confirmed_signs_nobody_in(bobs_program):
    phone = begin(bobs_program)
    bobs_program.post("totp/confirm/", {"input_code": phone.code()})
    bobs_program.give_password()
    assert status_and_code(bobs_program.give(otp_code=phone.code())) == (400, "code_refused")


def test_a_wrong_code_confirms_nothing(bobs_program):
    phone = begin(bobs_program)
    assert status_and_code(
        bobs_program.post("totp/confirm/", {"input_code": different_code(phone.code())})
    ) == (
        400,
        "code_refused",
    )


def test_after_ten_wrong_codes_creating_gives_a_new_key(bobs_program, settings):
    settings.TOTP_THROTTLE_RATE = "100/minute"
    old = begin(bobs_program)
    for _ in range(10):
        bobs_program.post("totp/confirm/", {"input_code": different_code(old.code())})
    new = begin(bobs_program)
    assert new.key != old.key
    assert bobs_program.post("totp/confirm/", {"input_code": new.code()}).status_code == 200


def test_confirming_without_having_begun_is_400(bobs_program):
    assert status_and_code(bobs_program.post("totp/confirm/", {"input_code": "123456"})) == (400, "no_setup")


def test_creating_when_it_is_on_is_400(signed_in):
    assert status_and_code(signed_in.post("totp/create/")) == (400, "already_on")


def test_a_set_up_that_began_elsewhere_is_not_this_one(bobs_program, client):
    client.post("/accounts/login/", {"username": bobs_program.email, "password": PASSWORD})
    key = client.get("/two-factor/setup/").context["draft"].key
    assert status_and_code(bobs_program.post("totp/confirm/", {"input_code": Phone(key).code()})) == (
        400,
        "no_setup",
    )
    assert bobs_program.post("totp/create/").json()["key"] != key


# Changing


@pytest.mark.proves("V-14")
def test_disabling_needs_a_code(signed_in):
    assert status_and_code(signed_in.post("totp/disable/")) == (400, "invalid")


def test_disabling_with_the_authenticator(signed_in, phone, alice):
    answer = signed_in.post("totp/disable/", {"otp_code": phone.code()})
    assert (answer.status_code, answer.content, enrolled.is_on(alice)) == (204, b"", False)


def test_disabling_with_a_backup_code(signed_in, alice, printed_codes):
    assert signed_in.post("totp/disable/", {"backup_code": printed_codes[0]}).status_code == 204
    assert not enrolled.is_on(alice)


def test_disabling_with_a_wrong_code_changes_nothing(signed_in, phone, alice):
    signed_in.post("totp/disable/", {"otp_code": different_code(phone.code())})
    assert enrolled.is_on(alice)


def test_disabling_what_is_off_is_400(bobs_program):
    assert status_and_code(bobs_program.post("totp/disable/", {"otp_code": "123456"})) == (400, "not_on")


def test_rotating_gives_ten_new_codes_and_voids_the_old(signed_in, phone, printed_codes, clock):
    answer = signed_in.post("totp/rotate_backup_codes/", {"otp_code": phone.code()})
    assert (answer.status_code, len(answer.json()["backup_codes"])) == (200, 10)
    other = Program()
    other.give_password()
    assert status_and_code(other.give(backup_code=printed_codes[0])) == (400, "code_refused")


def test_rotating_takes_no_backup_code(signed_in, printed_codes):
    assert status_and_code(signed_in.post("totp/rotate_backup_codes/", {"otp_code": printed_codes[0]})) == (
        400,
        "code_refused",
    )


@pytest.mark.proves("S-10-codes")
@pytest.mark.parametrize(("seconds", "status"), [(299, 200), (301, 400)])
def test_rotating_takes_no_code_within_five_minutes_of_a_sign_in_with_the_app(
    program, phone, clock, seconds, status
):
    program.sign_in(phone)
    clock.shift(seconds)
    assert program.post("totp/rotate_backup_codes/").status_code == status


@pytest.mark.proves("S-10-codes")
def test_a_sign_in_with_a_backup_code_is_not_enough_to_rotate(password_given, printed_codes):
    password_given.give(backup_code=printed_codes[0])
    answer = password_given.post("totp/rotate_backup_codes/")
    assert (answer.status_code, answer.json()["fields"].keys()) == (400, {"otp_code"})


@pytest.mark.proves("S-10-recent")
@pytest.mark.parametrize("path", ["totp/disable/", "totp/rotate_backup_codes/"])
def test_an_app_that_was_added_recently_is_not_enough(password_given, alice, phone, clock, path):
    new = add_app(alice, totp.generate_key(), timezone.now() - MINUTE, name="New")
    password_given.give(otp_code=new.code())
    clock.shift(60)
    assert password_given.post(path).status_code == 400
    assert status_and_code(password_given.post(path, {"otp_code": new.code()})) == (400, "code_refused")
    assert password_given.post(path, {"otp_code": phone.code()}).status_code < 300


@pytest.mark.proves("S-10-never")
def test_a_sign_in_with_a_sent_code_is_not_enough_to_rotate(password_given):
    password_given.send()
    password_given.give(sent_code=mailed_code())
    assert status_and_code(password_given.post("totp/rotate_backup_codes/")) == (400, "invalid")


@pytest.mark.proves("S-10-mark")
def test_renewing_the_tokens_makes_it_no_longer(program, phone, clock):
    program.sign_in(phone)
    clock.shift(200)
    program.renew()
    clock.shift(101)
    assert program.post("totp/rotate_backup_codes/").status_code == 400


@pytest.mark.proves("S-10-mark")
def test_rotating_keeps_it(program, phone):
    program.sign_in(phone)
    statuses = [program.post("totp/rotate_backup_codes/").status_code for _ in range(2)]
    assert statuses == [200, 200]


@pytest.mark.proves("S-10-setup")
def test_a_setup_is_not_enough_to_rotate(bobs_program):
    new = Phone(bobs_program.post("totp/create/").json()["key"])
    bobs_program.post("totp/confirm/", {"input_code": new.code()})
    assert status_and_code(bobs_program.post("totp/rotate_backup_codes/")) == (400, "invalid")


@pytest.mark.proves("S-10-fresh")
def test_disabling_takes_a_code_right_after_the_sign_in_too(program, phone, alice):
    program.sign_in(phone)
    assert (status_and_code(program.post("totp/disable/")), enrolled.is_on(alice)) == ((400, "invalid"), True)


@pytest.mark.proves("7.5.1")
@pytest.mark.parametrize("path", ["totp/disable/", "totp/rotate_backup_codes/"])
def test_six_minutes_later_the_password_is_wanted_too(signed_in, phone, clock, path):
    clock.shift(300)
    assert status_and_code(signed_in.post(path, {"otp_code": phone.code()})) == (403, "password_needed")
    wrong = signed_in.post(path, {"otp_code": phone.code(), "password": "wrong horse battery"})
    assert status_and_code(wrong) == (400, "password_refused")
    assert signed_in.post(path, {"otp_code": phone.code(), "password": PASSWORD}).status_code < 300


def test_setting_up_wants_the_password_after_eleven_minutes(bobs_program, clock):
    clock.shift(660)
    assert status_and_code(bobs_program.post("totp/create/")) == (403, "password_needed")
    assert bobs_program.post("totp/create/", {"password": PASSWORD}).status_code == 201


@pytest.mark.proves("S-16")
def test_who_came_back_by_mail_replaces_the_authenticator_with_the_password(password_given):
    password_given.send()
    password_given.give(sent_code=mailed_code())
    assert status_and_code(password_given.post("totp/create/")) == (403, "password_needed")
    new = Phone(password_given.post("totp/create/", {"password": PASSWORD}).json()["key"])
    answer = password_given.post("totp/confirm/", {"input_code": new.code(), "password": PASSWORD})
    assert (answer.status_code, password_given.get("totp/status/").json()["amr"]) == (200, "totp")


def test_status_says_how_things_stand(signed_in, printed_codes):
    assert signed_in.get("totp/status/").json() == {
        "is_totp_enabled": True,
        "enabled_at": "2026-03-01T11:00:00Z",
        "backup_codes_left": 3,
        "channels": [{"channel": "email", "target": "a•••e@example.com"}],
        "is_required": False,
        "amr": "totp",
    }


# The same audit log


def test_a_sign_in_is_in_the_audit_log(password_given, phone):
    password_given.give(otp_code=phone.code())
    assert Event.objects.get().kind == "signed_in_with_code"


def test_a_sign_in_without_a_second_factor_is_in_the_audit_log(bobs_program):
    assert Event.objects.get().kind == "signed_in_without_second_factor"


# Signing up


def test_signing_up_sends_a_link(program, db, mailoutbox):
    answer = program.post("register/", {"email": "eve@example.com", "password": "a quiet green harbour"})
    assert answer.status_code == 202
    assert [letter.to for letter in mailoutbox] == [["eve@example.com"]]


@pytest.mark.proves("V-22")
def test_a_taken_address_gets_the_same_answer(program, alice, mailoutbox):
    body = {"password": "a quiet green harbour"}
    new = program.post("register/", {"email": "eve@example.com", **body})
    taken = program.post("register/", {"email": alice.email, **body})
    assert (taken.status_code, taken.content) == (new.status_code, new.content)
    assert len(mailoutbox) == 2


def test_a_weak_password_is_refused_by_its_field(program, db):
    answer = program.post("register/", {"email": "eve@example.com", "password": "harbour"})
    assert (*status_and_code(answer), *answer.json()["fields"]) == (400, "invalid", "password")


def test_who_signed_up_here_signs_in_here(program, db):
    program.post("register/", {"email": "eve@example.com", "password": "a quiet green harbour"})
    program.email = "eve@example.com"
    assert program.give_password("a quiet green harbour").status_code == 200


def test_who_signed_up_here_confirms_the_address_before_a_set_up(program, db):
    program.post("register/", {"email": "eve@example.com", "password": PASSWORD})
    program.email = "eve@example.com"
    program.give_password()
    assert status_and_code(program.post("totp/create/")) == (403, "address_not_confirmed")


def test_the_address_is_confirmed_by_the_mail_and_the_set_up_begins(program, client, db):
    program.post("register/", {"email": "eve@example.com", "password": PASSWORD})
    program.email = "eve@example.com"
    client.post(link(), {"password": PASSWORD})
    program.give_password()
    assert program.post("totp/create/").status_code == 201


def test_the_first_confirmation_ends_a_sign_in_from_before(program, client, db):
    program.post("register/", {"email": "eve@example.com", "password": PASSWORD})
    program.email = "eve@example.com"
    program.give_password()
    client.post(link(), {"password": PASSWORD})
    assert not program.is_signed_in()


def test_who_asks_too_often_from_one_network_is_told(program, db, clock):
    program.post("register/", {"email": "eve@example.com", "password": PASSWORD})
    Allowance.objects.filter(key__startswith=FROM_NETWORK.key("signup")).update(count=100)
    answer = program.post("register/", {"email": "mallory@example.com", "password": PASSWORD})
    assert (*status_and_code(answer), answer["Retry-After"]) == (429, "too_often", "3600")
