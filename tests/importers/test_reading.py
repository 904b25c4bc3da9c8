"""How codes, clock drifts and phone numbers of any package are read."""

from datetime import timedelta

import pytest

from tests.people import NOW
from twofactor.factors import code_text, totp
from twofactor.importers.run import to_e164

KEY = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("gv6mzk2a", "gv6mzk2a"),
        (" gv6mzk2a\n", "gv6mzk2a"),
        ("aB3-dE5_gH7", "aB3-dE5_gH7"),
        ("1234-5678", "12345678"),
        ("１２３４ ５６７８", "12345678"),
        ("ａＢ３－ｄＥ５＿ｇＨ７", "aB3-dE5_gH7"),
        ("ａｂｃｄｅ－１２３４５－ｆｇｈｊｋ", "ABCDE12345FGHJK"),
        ("abc-12345defghjk", "abc-12345defghjk"),  # our characters, but not grouped as ours
        ("abcde-12345-fghjk", "ABCDE12345FGHJK"),
        ("abcde 12345 fghjk", "ABCDE12345FGHJK"),
        ("abcdeI2345fghjk", "ABCDE12345FGHJK"),
        ("", ""),
    ],
)
def test_a_code_of_another_app_is_read_as_it_was_written(written, read):
    assert code_text.read_imported_code(written) == read


@pytest.mark.parametrize("written", ["gv6mzk2a", "aB3-dE5_gH7", "1234-5678", "abcde 12345 fghjk"])
def test_reading_what_was_read_changes_nothing(written):
    read = code_text.read_imported_code(written)
    assert code_text.read_imported_code(read) == read


def test_steps_can_be_counted_from_another_moment():
    assert totp.step_at(NOW, 30, t0=int(NOW.timestamp()) - 59) == 1


@pytest.mark.parametrize(
    ("drift", "accepted"),
    [(0, [-1, 0, 1]), (1, [0, 1, 2]), (-1, [-2, -1, 0]), (5, [0, 1, 2]), (-5, [-2, -1, 0])],
)
def test_drift_moves_the_window_but_never_past_the_present(drift, accepted):
    now = totp.step_at(NOW)
    codes = {off: totp.code_at(KEY, now + off) for off in range(-8, 9)}
    matched = [off for off, code in codes.items() if totp.matching_step(KEY, code, NOW, drift=drift)]
    assert matched == accepted


def test_without_a_window_drift_has_no_room(settings):
    settings.TWOFACTOR_WINDOW = 0
    code = totp.code_at(KEY, totp.step_at(NOW) + 1)
    assert totp.matching_step(KEY, code, NOW, drift=1) is None


def test_before_the_first_step_there_is_none():
    later = int((NOW + timedelta(days=1)).timestamp())
    assert totp.matching_step(KEY, "000000", NOW, t0=later) is None


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("+4917012345678", "+4917012345678"),
        ("+49 170 1234-5678", "+4917012345678"),
        ("tel:+49-170-12345678;ext=1", "+4917012345678"),
        ("0170 12345678", None),
        ("+1234567890123456", None),
        ("+", None),
        ("", ""),
    ],
)
def test_a_phone_number_needs_its_country_code(written, read):
    assert to_e164(written) == read
