"""What a token permits, for how long, and what ends it."""

from datetime import timedelta

import jwt
import pytest
from django.conf import settings as site
from django.contrib.auth import get_user_model
from django.utils import timezone

from tests.api.program import Program, status_and_code
from tests.people import NOW, PASSWORD, give_password, sign_in
from tests.twofactor.sent_codes import mailed_code
from twofactor import sealing
from twofactor.api import tokens
from twofactor.models import Event, TokenFamily
from twofactor.sessions import epoch
from twofactor.signals import two_factor_enabled

MINUTE = 60
HOUR = 60 * MINUTE


def claims(token):
    return jwt.decode(token, options={"verify_signature": False})


def forged(token, key=None, algorithm="HS256", header=None, **changes):
    """The same token with changed claims, signed with the right key unless another is passed."""
    header = {**jwt.get_unverified_header(token), **(header or {})}
    key = sealing.key_by_id("access token", header["kid"]) if key is None else key
    changed = {name: value for name, value in {**claims(token), **changes}.items() if value is not ...}
    return jwt.encode(changed, key, algorithm, headers={"kid": header["kid"], "typ": header["typ"]})


def opens(program, token):
    program.access = token
    return program.is_signed_in()


@pytest.fixture
def token(signed_in):
    return signed_in.access


# What stands in them


def test_an_access_token_says_whose_it_is_and_how_they_signed_in(signed_in, alice):
    found = claims(signed_in.access)
    assert (found["sub"], found["amr"], found["token_type"]) == (str(alice.pk), ["totp"], "access")
    assert found["auth_time"] == NOW.timestamp()


@pytest.mark.proves("11.5.1")
@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_no_two_tokens_have_the_same_id(signed_in, kind):
    ids = {claims(getattr(signed_in, kind))["jti"]}
    signed_in.renew()
    ids.add(claims(getattr(signed_in, kind))["jti"])
    assert {len(id_) for id_ in ids} == {43}
    assert len(ids) == 2


def test_a_code_by_mail_is_called_recovery(password_given):
    password_given.send()
    password_given.give(sent_code=mailed_code())
    assert claims(password_given.access)["amr"] == ["recovery"]


# Told apart


@pytest.mark.proves("9.1.1-9.2.4", "S-15")
def test_a_token_as_it_was_issued_opens(signed_in, token):
    assert opens(signed_in, forged(token))


@pytest.mark.filterwarnings(
    "ignore::jwt.warnings.InsecureKeyLengthWarning"
)  # HS512 wants longer keys than ours
@pytest.mark.proves("9.1.1-9.2.4", "S-15")
@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "http://testserver/api/refresh"},
        {"aud": "https://other.example/api/access"},
        {"aud": ...},
        {"iss": "https://other.example"},
        {"iss": ...},
        {"exp": int(NOW.timestamp())},
        {"exp": ...},
        {"nbf": int(NOW.timestamp()) + HOUR},
        {"nbf": ...},
        {"jti": ...},
        {"sid": ...},
        {"sub": ...},
        {"token_type": "refresh"},
        {"token_type": ...},
        {"header": {"typ": "refresh+jwt"}},
        {"header": {"typ": "JWT"}},
        {"algorithm": "HS512"},
        {"key": "a key of someone else, of thirty-two bytes"},
    ],
)
def test_a_token_that_is_not_quite_ours_opens_nothing(signed_in, token, changes):
    assert not opens(signed_in, forged(token, **changes))


@pytest.mark.proves("9.1.1-9.2.4")
def test_another_spelling_of_a_token_opens_nothing(signed_in, token):
    characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    same_bytes = token[:-1] + characters[characters.index(token[-1]) ^ 1]  # the last bits carry no data
    others = [f"{token}=", f"{token}==", same_bytes, token.replace(".", "=.", 1), f"{token}!"]
    assert [opens(signed_in, other) for other in others] == [False] * 5


@pytest.mark.proves("9.1.1-9.2.4")
def test_a_token_without_a_signature_opens_nothing(signed_in, token):
    assert not opens(signed_in, forged(token, key="", algorithm="none"))


@pytest.mark.proves("9.1.1-9.2.4")
def test_no_other_secret_of_the_site_signs_tokens(signed_in, token):
    for key in (site.SECRET_KEY, site.TWOFACTOR_KEYS[0], sealing.key_by_id("refresh token", kid(token))):
        assert not opens(signed_in, forged(token, key=key))


def kid(token):
    return jwt.get_unverified_header(token)["kid"]


@pytest.mark.proves("9.1.1-9.2.4", "S-15")
def test_a_refresh_token_is_no_access_token(signed_in):
    assert not opens(signed_in, signed_in.refresh)


@pytest.mark.proves("S-15")
def test_an_access_token_renews_nothing(signed_in):
    assert status_and_code(signed_in.post("jwt/refresh/", {"refresh": signed_in.access})) == (
        401,
        "token_not_valid",
    )


@pytest.mark.proves("9.1.1-9.2.4", "S-15", "V-13", "V-33")
def test_a_challenge_is_no_token(password_given):
    assert not opens(password_given, password_given.challenge)
    assert password_given.post("jwt/refresh/", {"refresh": password_given.challenge}).status_code == 401
    assert password_given.post("jwt/verify/", {"token": password_given.challenge}).status_code == 401


@pytest.mark.proves("S-15")
def test_a_new_key_signs_and_an_older_one_still_opens(signed_in, settings):
    old, settings.TWOFACTOR_KEYS = kid(signed_in.access), [sealing.generate_key(), *settings.TWOFACTOR_KEYS]
    assert signed_in.is_signed_in()
    signed_in.renew()
    assert (signed_in.is_signed_in(), kid(signed_in.access) == old) == (True, False)


def test_a_key_that_was_taken_away_opens_nothing(signed_in, settings):
    settings.TWOFACTOR_KEYS = [sealing.generate_key()]
    assert not signed_in.is_signed_in()


# How long


@pytest.mark.proves("S-15")
def test_an_access_token_lives_fifteen_minutes(signed_in, clock):
    clock.shift(13 * MINUTE)
    assert signed_in.is_signed_in()
    clock.shift(2 * MINUTE)
    assert not signed_in.is_signed_in()


def test_a_challenge_lives_two_minutes(password_given, phone, clock):
    clock.shift(119)
    assert password_given.give(otp_code=phone.code()).status_code == 200


@pytest.mark.proves("S-01")
def test_after_two_minutes_a_challenge_is_over(password_given, phone, clock):
    clock.shift(121)
    assert status_and_code(password_given.give(otp_code=phone.code())) == (400, "challenge_over")


@pytest.mark.proves("7.3.1", "N-13")
def test_an_hour_without_renewing_ends_a_sign_in(signed_in, clock):
    clock.shift(HOUR)
    assert signed_in.renew().status_code == 401


@pytest.mark.proves("7.3.2", "N-13")
def test_a_day_ends_a_sign_in_however_often_it_is_renewed(signed_in, clock):
    for _ in range(28):
        clock.shift(50 * MINUTE)
        assert signed_in.renew().status_code == 200
    clock.shift(40 * MINUTE)
    assert (signed_in.renew().status_code, signed_in.is_signed_in()) == (401, False)


# Renewing


@pytest.mark.proves("S-15")
def test_using_a_refresh_token_again_ends_the_sign_in(signed_in):
    old = signed_in.refresh
    signed_in.renew()
    assert status_and_code(signed_in.post("jwt/refresh/", {"refresh": old})) == (401, "token_not_valid")
    assert not signed_in.is_signed_in()
    assert signed_in.renew().status_code == 401


def test_a_token_used_again_is_in_the_audit_log_once(signed_in):
    old = signed_in.refresh
    signed_in.renew()
    for _ in range(2):
        signed_in.post("jwt/refresh/", {"refresh": old})
    assert Event.objects.filter(kind="token_reused").count() == 1


def test_using_a_token_again_ends_no_other_sign_in(signed_in, phone):
    other = Program().sign_in(phone)
    old = signed_in.refresh
    signed_in.renew()
    signed_in.post("jwt/refresh/", {"refresh": old})
    assert other.is_signed_in()


def test_checking_a_token_does_not_use_it_up(signed_in):
    signed_in.post("jwt/verify/", {"token": signed_in.refresh})
    assert signed_in.renew().status_code == 200


def test_a_used_refresh_token_is_no_longer_good(signed_in):
    old = signed_in.refresh
    signed_in.renew()
    assert status_and_code(signed_in.post("jwt/verify/", {"token": old})) == (401, "token_not_valid")


# What ends them


def is_over(program):
    return not program.is_signed_in() and program.renew().status_code == 401


@pytest.mark.proves("V-33", "7.4.3", "V-15", "S-08")
def test_turning_two_factor_on_ends_every_sign_in_from_before(bobs_program):
    other = Program(bobs_program.email)
    other.give_password()
    before = bobs_program.access, bobs_program.refresh
    key = bobs_program.post("totp/create/").json()["key"]
    confirm(bobs_program, key)
    assert bobs_program.is_signed_in()
    bobs_program.access, bobs_program.refresh = before
    assert is_over(other)
    assert is_over(bobs_program)


def confirm(program, key):
    from tests.people import Phone

    return program.post("totp/confirm/", {"input_code": Phone(key).code()})


@pytest.mark.proves("7.3.2", "7.5.1")
def test_turning_two_factor_on_makes_a_sign_in_no_younger(bobs_program, clock):
    clock.shift(5 * MINUTE)
    confirm(bobs_program, bobs_program.post("totp/create/").json()["key"])
    clock.shift(MINUTE)
    assert claims(bobs_program.access)["auth_time"] == NOW.timestamp()
    answer = bobs_program.post("totp/rotate_backup_codes/", {"otp_code": "000000"})
    assert status_and_code(answer) == (403, "password_needed")


@pytest.mark.proves("S-08")
@pytest.mark.parametrize("path", ["totp/disable/", "totp/rotate_backup_codes/"])
def test_a_change_ends_the_other_sign_ins_and_keeps_this_one(signed_in, phone, clock, path):
    other = Program().sign_in(phone)
    clock.shift(60)
    signed_in.post(path, {"otp_code": phone.code()})
    assert is_over(other)
    assert signed_in.is_signed_in()
    assert signed_in.renew().status_code == 200


@pytest.mark.proves("7.4.3", "S-08")
def test_a_change_keeps_no_sign_in_that_was_ended_meanwhile(signed_in, alice):
    family = tokens.find_by_access_token(signed_in.access, timezone.now())
    epoch.end_sessions(alice)
    epoch.end_sessions(family.user)
    tokens.keep_sign_in(family, "totp")
    assert is_over(signed_in)


@pytest.mark.django_db(transaction=True)
@pytest.mark.proves("7.4.3", "S-08")
def test_a_set_up_brings_no_tokens_to_a_sign_in_that_was_ended_meanwhile(bobs_program):
    def end_them_too(user, **kwargs):
        epoch.end_sessions(user)

    two_factor_enabled.connect(end_them_too)
    try:
        answer = confirm(bobs_program, bobs_program.post("totp/create/").json()["key"])
    finally:
        two_factor_enabled.disconnect(end_them_too)
    assert status_and_code(answer) == (401, "token_not_valid")
    assert not TokenFamily.objects.exists()


def test_after_turning_off_a_token_is_one_for_the_password_alone(signed_in, phone):
    signed_in.post("totp/disable/", {"otp_code": phone.code()})
    signed_in.renew()
    assert (signed_in.get("totp/status/").json()["amr"], claims(signed_in.access)["amr"]) == (
        "none",
        ["none"],
    )


@pytest.mark.proves("7.4.2")
def test_blocking_a_person_ends_them(signed_in, alice):
    get_user_model().objects.update(is_active=False)
    assert is_over(signed_in)


@pytest.mark.proves("S-08")
def test_a_new_password_ends_them(signed_in, alice):
    alice.set_password("another horse battery")
    alice.save()
    assert is_over(signed_in)


@pytest.mark.proves("S-08")
def test_signing_out_everywhere_on_a_page_ends_them(signed_in, phone, client):
    sign_in(client, phone)
    client.post("/two-factor/sessions/end/")
    assert is_over(signed_in)


@pytest.mark.proves("V-23")
def test_a_challenge_dies_with_the_password_it_was_given_for(password_given, alice, phone):
    alice.set_password("another horse battery")
    alice.save()
    assert status_and_code(password_given.give(otp_code=phone.code())) == (400, "challenge_over")


@pytest.mark.proves("V-23", "7.4.2")
def test_a_challenge_dies_when_the_person_is_blocked(password_given, phone):
    get_user_model().objects.update(is_active=False)
    assert status_and_code(password_given.give(otp_code=phone.code())) == (400, "challenge_over")


@pytest.mark.proves("S-15")
def test_a_challenge_works_once(password_given, phone, printed_codes):
    challenge = password_given.challenge
    password_given.give(otp_code=phone.code())
    password_given.challenge = challenge
    assert status_and_code(password_given.give(backup_code=printed_codes[0])) == (400, "challenge_over")


def test_a_challenge_stays_good_after_a_wrong_code(password_given, phone):
    password_given.give(otp_code="000000")
    assert password_given.give(otp_code=phone.code()).status_code == 200


def test_signing_in_on_a_page_ends_a_challenge(password_given, phone, client, clock):
    give_password(client)
    client.post("/two-factor/verify/", {"code": phone.code()})
    clock.shift(60)
    assert status_and_code(password_given.give(otp_code=phone.code())) == (400, "challenge_over")


@pytest.mark.proves("S-06")
def test_a_request_asks_the_database_once_who_it_is(signed_in, django_assert_num_queries):
    with django_assert_num_queries(1):
        tokens.find_by_access_token(signed_in.access, timezone.now())


# At rest


@pytest.mark.proves("K-01")
def test_the_database_holds_no_token(signed_in):
    row = TokenFamily.objects.values().get()
    found = {str(value) for value in row.values()}
    secrets = {
        signed_in.access,
        signed_in.refresh,
        claims(signed_in.refresh)["jti"],
        claims(signed_in.access)["jti"],
    }
    assert not found & secrets


def test_a_day_later_the_row_can_go(signed_in):
    row = TokenFamily.objects.get()
    assert row.expires_at - NOW <= timedelta(hours=2)


@pytest.mark.proves("V-30")
def test_nothing_that_was_sent_is_in_the_log(password_given, phone, printed_codes, caplog):
    caplog.set_level("DEBUG")
    words = [password_given.challenge, phone.code(), printed_codes[0], PASSWORD]
    password_given.give(backup_code=printed_codes[0])
    password_given.renew()
    signed_in = [password_given.access, password_given.refresh]
    password_given.post("jwt/refresh/", {"refresh": signed_in[1]})
    password_given.post("jwt/refresh/", {"refresh": signed_in[1]})
    assert [word for word in [*words, *signed_in] if word in caplog.text] == []
