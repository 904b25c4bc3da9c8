"""The algorithm: steps, codes, and the address for the QR code."""

from base64 import b32decode, b32encode
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyotp
import pytest

from twofactor.factors import totp

RFC_KEY = b32encode(b"12345678901234567890").decode()
APPENDIX_D = [
    "755224",
    "287082",
    "359152",
    "969429",
    "338314",
    "254676",
    "287922",
    "162583",
    "399871",
    "520489",
]
APPENDIX_B = {
    59: "94287082",
    1111111109: "07081804",
    1111111111: "14050471",
    1234567890: "89005924",
    2000000000: "69279037",
    20000000000: "65353130",
}
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def at(seconds):
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.proves("R-01")
@pytest.mark.parametrize(("counter", "code"), list(enumerate(APPENDIX_D)))
def test_codes_are_those_of_rfc_4226(counter, code):
    assert totp.code_at(RFC_KEY, counter) == code


@pytest.mark.proves("R-02")
@pytest.mark.parametrize(("seconds", "code"), list(APPENDIX_B.items()))
def test_codes_of_eight_digits_are_those_of_rfc_6238(seconds, code):
    assert totp.code_at(RFC_KEY, totp.step_at(at(seconds)), digits=8) == code


@pytest.mark.parametrize(("seconds", "code"), list(APPENDIX_B.items()))
def test_codes_of_six_digits_are_the_end_of_those(seconds, code):
    assert totp.matching_step(RFC_KEY, code[2:], at(seconds)) == seconds // 30


@pytest.mark.proves("R-10")
def test_a_leading_zero_is_part_of_the_code():
    assert totp.matching_step(RFC_KEY, "07081804", at(1111111109), digits=8) == 37037036


def test_a_code_without_its_leading_zero_is_wrong():
    assert totp.matching_step(RFC_KEY, "7081804", at(1111111109), digits=8) is None


@pytest.mark.proves("R-08")
def test_codes_work_in_the_year_2100():
    now = datetime(2100, 6, 1, tzinfo=UTC)
    assert totp.matching_step(RFC_KEY, pyotp.TOTP(RFC_KEY).at(now), now) == int(now.timestamp()) // 30


@pytest.mark.proves("R-05")
@pytest.mark.parametrize(("off", "found"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_one_step_either_side_is_accepted(off, found):
    step = totp.step_at(NOON) + off
    assert totp.matching_step(RFC_KEY, totp.code_at(RFC_KEY, step), NOON) == (step if found else None)


@pytest.mark.proves("6.5.5")
@pytest.mark.parametrize(("seconds", "found"), [(0, True), (59, True), (60, False)])
def test_a_code_ends_with_the_step_after_its_own(seconds, found):
    step = totp.step_at(NOON)
    late = NOON + timedelta(seconds=seconds)
    assert (totp.matching_step(RFC_KEY, totp.code_at(RFC_KEY, step), late) == step) is found


@pytest.mark.proves("R-05")
def test_a_window_of_nothing_accepts_the_current_step_alone(settings):
    settings.TWOFACTOR_WINDOW = 0
    step = totp.step_at(NOON)
    codes = [totp.code_at(RFC_KEY, step + off) for off in (-1, 0, 1)]
    assert [totp.matching_step(RFC_KEY, code, NOON) for code in codes] == [None, step, None]


def test_a_period_of_sixty_seconds_counts_in_minutes():
    code = pyotp.TOTP(RFC_KEY, interval=60).at(NOON)
    assert totp.matching_step(RFC_KEY, code, NOON, period=60) == int(NOON.timestamp()) // 60


def test_the_time_zone_of_the_clock_does_not_matter():
    in_tokyo = NOON.astimezone(tz=ZoneInfo("Asia/Tokyo"))
    assert totp.step_at(in_tokyo) == totp.step_at(NOON)


def test_the_first_step_of_all_has_no_step_before_it():
    assert totp.matching_step(RFC_KEY, "000000", at(0)) is None


def test_letters_in_a_code_are_no_step():
    assert totp.matching_step(RFC_KEY, "ä" * 6, NOON) is None


@pytest.mark.proves("N-05", "R-04")
def test_a_key_has_160_bits():
    assert len(totp.generate_key()) * 5 == 160


def test_a_key_is_base32():
    assert len(b32decode(totp.generate_key())) == 20


@pytest.mark.proves("R-04")
def test_ten_thousand_keys_are_ten_thousand_different_ones():
    assert len({totp.generate_key() for _ in range(10_000)}) == 10_000


ISSUERS = ["Example", "Example Ltd", "A: B", "Bücher & Söhne", "日本", "50% off?"]


@pytest.mark.proves("R-10")
@pytest.mark.parametrize("issuer", ISSUERS)
def test_an_app_reads_the_issuer_as_we_wrote_it(issuer):
    assert pyotp.parse_uri(totp.otpauth_url(RFC_KEY, "alice@example.com", issuer)).issuer == issuer


@pytest.mark.parametrize("account", ["alice@example.com", "a+b@example.com", "jürgen@example.com", "a b@c"])
def test_an_app_reads_the_account_as_we_wrote_it(account):
    assert pyotp.parse_uri(totp.otpauth_url(RFC_KEY, account, "Example")).name == account


def test_an_app_shows_our_codes():
    app = pyotp.parse_uri(totp.otpauth_url(RFC_KEY, "alice@example.com", "Example"))
    assert app.at(NOON) == totp.code_at(RFC_KEY, totp.step_at(NOON))
