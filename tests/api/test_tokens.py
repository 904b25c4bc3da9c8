"""What a token is good for, for how long, and what ends it."""

from datetime import timedelta

import jwt
import pytest
from django.conf import settings as site
from django.contrib.auth import get_user_model
from django.utils import timezone

from tests.api.program import Program, code_of
from tests.people import NOW, PASSWORD, give_password, sign_in
from tests.twofactor.sent_codes import mailed
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
    """The same token with something changed, signed with the right key unless another is given."""
    header = {**jwt.get_unverified_header(token), **(header or {})}
    key = sealing.key_by_id("access token", header["kid"]) if key is None else key
    changed = {name: value for name, value in {**claims(token), **changes}.items() if value is not ...}
    return jwt.encode(changed, key, algorithm, headers={"kid": header["kid"], "typ": header["typ"]})


def opens(program, token):
    program.access = token
    return program.is_signed_in()


@pytest.fixture
def token(hers):
    return hers.access


# What stands in them


def test_an_access_token_says_whose_it_is_and_how_they_signed_in(hers, alice):
    found = claims(hers.access)
    assert (found["sub"], found["amr"], found["token_type"]) == (str(alice.pk), ["totp"], "access")
    assert found["auth_time"] == NOW.timestamp()


@pytest.mark.proves("11.5.1")
@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_no_two_tokens_have_the_same_id(hers, kind):
    ids = {claims(getattr(hers, kind))["jti"]}
    hers.renew()
    ids.add(claims(getattr(hers, kind))["jti"])
    assert {len(id_) for id_ in ids} == {43}
    assert len(ids) == 2


def test_a_code_by_mail_is_called_recovery(asked):
    asked.send()
    asked.give(sent_code=mailed())
    assert claims(asked.access)["amr"] == ["recovery"]


# Told apart


@pytest.mark.proves("9.1.1-9.2.4", "S-15")
def test_a_token_as_it_was_issued_opens(hers, token):
    assert opens(hers, forged(token))


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")  # of HS512, on our side
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
        {"key": "a key of somebody else, of thirty-two bytes"},
    ],
)
def test_a_token_that_is_not_quite_ours_opens_nothing(hers, token, changes):
    assert not opens(hers, forged(token, **changes))


@pytest.mark.proves("9.1.1-9.2.4")
def test_another_spelling_of_a_token_opens_nothing(hers, token):
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    same_bytes = token[:-1] + letters[letters.index(token[-1]) ^ 1]  # the last bits mean nothing
    others = [f"{token}=", f"{token}==", same_bytes, token.replace(".", "=.", 1), f"{token}!"]
    assert [opens(hers, other) for other in others] == [False] * 5


@pytest.mark.proves("9.1.1-9.2.4")
def test_a_token_without_a_signature_opens_nothing(hers, token):
    assert not opens(hers, forged(token, key="", algorithm="none"))


@pytest.mark.proves("9.1.1-9.2.4")
def test_no_other_secret_of_the_site_signs_tokens(hers, token):
    for key in (site.SECRET_KEY, site.TWOFACTOR_KEYS[0], sealing.key_by_id("refresh token", kid(token))):
        assert not opens(hers, forged(token, key=key))


def kid(token):
    return jwt.get_unverified_header(token)["kid"]


@pytest.mark.proves("9.1.1-9.2.4", "S-15")
def test_a_refresh_token_is_no_access_token(hers):
    assert not opens(hers, hers.refresh)


@pytest.mark.proves("S-15")
def test_an_access_token_renews_nothing(hers):
    assert code_of(hers.post("jwt/refresh/", {"refresh": hers.access})) == (401, "token_not_valid")


@pytest.mark.proves("9.1.1-9.2.4", "S-15", "V-13", "V-33")
def test_a_challenge_is_no_token(asked):
    assert not opens(asked, asked.challenge)
    assert asked.post("jwt/refresh/", {"refresh": asked.challenge}).status_code == 401
    assert asked.post("jwt/verify/", {"token": asked.challenge}).status_code == 401


@pytest.mark.proves("S-15")
def test_a_new_key_signs_and_an_older_one_still_opens(hers, settings):
    old, settings.TWOFACTOR_KEYS = kid(hers.access), [sealing.generate_key(), *settings.TWOFACTOR_KEYS]
    assert hers.is_signed_in()
    hers.renew()
    assert (hers.is_signed_in(), kid(hers.access) == old) == (True, False)


def test_a_key_that_was_taken_away_opens_nothing(hers, settings):
    settings.TWOFACTOR_KEYS = [sealing.generate_key()]
    assert not hers.is_signed_in()


# How long


@pytest.mark.proves("S-15")
def test_an_access_token_lives_fifteen_minutes(hers, clock):
    clock.shift(13 * MINUTE)
    assert hers.is_signed_in()
    clock.shift(2 * MINUTE)
    assert not hers.is_signed_in()


def test_a_challenge_lives_two_minutes(asked, phone, clock):
    clock.shift(119)
    assert asked.give(otp_code=phone.code()).status_code == 200


@pytest.mark.proves("S-01")
def test_after_two_minutes_a_challenge_is_over(asked, phone, clock):
    clock.shift(121)
    assert code_of(asked.give(otp_code=phone.code())) == (400, "challenge_over")


@pytest.mark.proves("7.3.1", "N-13")
def test_an_hour_without_renewing_ends_a_sign_in(hers, clock):
    clock.shift(HOUR)
    assert hers.renew().status_code == 401


@pytest.mark.proves("7.3.2", "N-13")
def test_a_day_ends_a_sign_in_however_often_it_is_renewed(hers, clock):
    for _ in range(28):
        clock.shift(50 * MINUTE)
        assert hers.renew().status_code == 200
    clock.shift(40 * MINUTE)
    assert (hers.renew().status_code, hers.is_signed_in()) == (401, False)


# Renewing


@pytest.mark.proves("S-15")
def test_using_a_refresh_token_again_ends_the_sign_in(hers):
    old = hers.refresh
    hers.renew()
    assert code_of(hers.post("jwt/refresh/", {"refresh": old})) == (401, "token_not_valid")
    assert not hers.is_signed_in()
    assert hers.renew().status_code == 401


def test_a_token_used_again_is_in_the_audit_log_once(hers):
    old = hers.refresh
    hers.renew()
    for _ in range(2):
        hers.post("jwt/refresh/", {"refresh": old})
    assert Event.objects.filter(kind="token_reused").count() == 1


def test_it_ends_no_other_sign_in(hers, phone):
    other = Program().sign_in(phone)
    old = hers.refresh
    hers.renew()
    hers.post("jwt/refresh/", {"refresh": old})
    assert other.is_signed_in()


def test_asking_whether_a_token_is_good_uses_it_up_as_little_as_it_can(hers):
    hers.post("jwt/verify/", {"token": hers.refresh})
    assert hers.renew().status_code == 200


def test_a_used_refresh_token_is_no_longer_good(hers):
    old = hers.refresh
    hers.renew()
    assert code_of(hers.post("jwt/verify/", {"token": old})) == (401, "token_not_valid")


# What ends them


def is_over(program):
    return not program.is_signed_in() and program.renew().status_code == 401


@pytest.mark.proves("V-33", "7.4.3", "V-15", "S-08")
def test_turning_two_factor_on_ends_every_sign_in_from_before(bobs):
    other = Program(bobs.email)
    other.give_password()
    before = bobs.access, bobs.refresh
    key = bobs.post("totp/create/").json()["key"]
    confirm(bobs, key)
    assert bobs.is_signed_in()
    bobs.access, bobs.refresh = before
    assert is_over(other)
    assert is_over(bobs)


def confirm(program, key):
    from tests.people import Phone

    return program.post("totp/confirm/", {"input_code": Phone(key).code()})


@pytest.mark.proves("7.3.2", "7.5.1")
def test_turning_two_factor_on_makes_a_sign_in_no_younger(bobs, clock):
    clock.shift(5 * MINUTE)
    confirm(bobs, bobs.post("totp/create/").json()["key"])
    clock.shift(MINUTE)
    assert claims(bobs.access)["auth_time"] == NOW.timestamp()
    answer = bobs.post("totp/rotate_backup_codes/", {"otp_code": "000000"})
    assert code_of(answer) == (403, "password_needed")


@pytest.mark.proves("S-08")
@pytest.mark.parametrize("path", ["totp/disable/", "totp/rotate_backup_codes/"])
def test_a_change_ends_the_other_sign_ins_and_keeps_this_one(hers, phone, clock, path):
    other = Program().sign_in(phone)
    clock.shift(60)
    hers.post(path, {"otp_code": phone.code()})
    assert is_over(other)
    assert hers.is_signed_in()
    assert hers.renew().status_code == 200


@pytest.mark.proves("7.4.3", "S-08")
def test_a_change_keeps_no_sign_in_that_was_ended_meanwhile(hers, alice):
    family = tokens.find_by_access_token(hers.access, timezone.now())
    epoch.end_sessions(alice)
    epoch.end_sessions(family.user)
    tokens.keep_sign_in(family, "totp")
    assert is_over(hers)


@pytest.mark.django_db(transaction=True)
@pytest.mark.proves("7.4.3", "S-08")
def test_a_set_up_brings_no_tokens_to_a_sign_in_that_was_ended_meanwhile(bobs):
    def end_them_too(user, **kwargs):
        epoch.end_sessions(user)

    two_factor_enabled.connect(end_them_too)
    try:
        answer = confirm(bobs, bobs.post("totp/create/").json()["key"])
    finally:
        two_factor_enabled.disconnect(end_them_too)
    assert code_of(answer) == (401, "token_not_valid")
    assert not TokenFamily.objects.exists()


def test_after_turning_off_a_token_is_one_for_the_password_alone(hers, phone):
    hers.post("totp/disable/", {"otp_code": phone.code()})
    hers.renew()
    assert (hers.get("totp/status/").json()["amr"], claims(hers.access)["amr"]) == ("none", ["none"])


@pytest.mark.proves("7.4.2")
def test_blocking_a_person_ends_them(hers, alice):
    get_user_model().objects.update(is_active=False)
    assert is_over(hers)


@pytest.mark.proves("S-08")
def test_a_new_password_ends_them(hers, alice):
    alice.set_password("another horse battery")
    alice.save()
    assert is_over(hers)


@pytest.mark.proves("S-08")
def test_signing_out_everywhere_on_a_page_ends_them(hers, phone, client):
    sign_in(client, phone)
    client.post("/two-factor/sessions/end/")
    assert is_over(hers)


@pytest.mark.proves("V-23")
def test_a_challenge_dies_with_the_password_it_was_given_for(asked, alice, phone):
    alice.set_password("another horse battery")
    alice.save()
    assert code_of(asked.give(otp_code=phone.code())) == (400, "challenge_over")


@pytest.mark.proves("V-23", "7.4.2")
def test_a_challenge_dies_when_the_person_is_blocked(asked, phone):
    get_user_model().objects.update(is_active=False)
    assert code_of(asked.give(otp_code=phone.code())) == (400, "challenge_over")


@pytest.mark.proves("S-15")
def test_a_challenge_works_once(asked, phone, paper):
    challenge = asked.challenge
    asked.give(otp_code=phone.code())
    asked.challenge = challenge
    assert code_of(asked.give(backup_code=paper[0])) == (400, "challenge_over")


def test_a_challenge_stays_good_after_a_wrong_code(asked, phone):
    asked.give(otp_code="000000")
    assert asked.give(otp_code=phone.code()).status_code == 200


def test_signing_in_on_a_page_ends_a_challenge(asked, phone, client, clock):
    give_password(client)
    client.post("/two-factor/verify/", {"code": phone.code()})
    clock.shift(60)
    assert code_of(asked.give(otp_code=phone.code())) == (400, "challenge_over")


@pytest.mark.proves("S-06")
def test_a_request_asks_the_database_once_who_it_is(hers, django_assert_num_queries):
    with django_assert_num_queries(1):
        tokens.find_by_access_token(hers.access, timezone.now())


# At rest


@pytest.mark.proves("K-01")
def test_the_database_holds_no_token(hers):
    row = TokenFamily.objects.values().get()
    found = {str(value) for value in row.values()}
    secrets = {hers.access, hers.refresh, claims(hers.refresh)["jti"], claims(hers.access)["jti"]}
    assert not found & secrets


def test_a_day_later_the_row_can_go(hers):
    row = TokenFamily.objects.get()
    assert row.expires_at - NOW <= timedelta(hours=2)


@pytest.mark.proves("V-30")
def test_nothing_that_was_sent_is_in_the_log(asked, phone, paper, caplog):
    caplog.set_level("DEBUG")
    words = [asked.challenge, phone.code(), paper[0], PASSWORD]
    asked.give(backup_code=paper[0])
    asked.renew()
    hers = [asked.access, asked.refresh]
    asked.post("jwt/refresh/", {"refresh": hers[1]})
    asked.post("jwt/refresh/", {"refresh": hers[1]})
    assert [word for word in [*words, *hers] if word in caplog.text] == []
