"""How backup codes are written, and read as people type them."""

import pytest

from twofactor.factors import code_text

FORGIVEN = {
    "a space": "123 456",
    "a hyphen": "123-456",
    "an en dash": "123–456",
    "a minus sign": "123\N{MINUS SIGN}456",
    "a line end": " 123456\n",
    "a tab": "123\t456",
    "a no-break space": "123\N{NO-BREAK SPACE}456",
    "a narrow no-break space": "123\N{NARROW NO-BREAK SPACE}456",
    "a zero width space": "123\N{ZERO WIDTH SPACE}456",
    "a byte order mark": "\N{ZERO WIDTH NO-BREAK SPACE}123456",
    "a right-to-left mark": "\N{RIGHT-TO-LEFT MARK}123456",
    "full-width digits": "１２３４５６",
    "Arabic-Indic digits": "١٢٣٤٥٦",
    "Persian digits": "۱۲۳۴۵۶",
    "Devanagari digits": "१२३४५६",
}
REFUSED = ["²23456", "①23456", "½23456", "12345Ⅵ", "一二三四五六", "12.456", "12345o", "+123456"]


@pytest.mark.parametrize("typed", list(FORGIVEN.values()), ids=list(FORGIVEN))
def test_a_code_is_read_as_it_was_meant(typed):
    assert code_text.compact(typed) == "123456"


@pytest.mark.parametrize("typed", REFUSED)
def test_what_is_no_decimal_digit_is_no_digit(typed):
    assert not code_text.is_digits(code_text.compact(typed))


def test_leading_zeros_are_kept():
    assert code_text.compact("000 042") == "000042"


def test_only_the_first_64_characters_are_read():
    assert len(code_text.compact("x" * 1_000_000)) == code_text.MAX_LENGTH


def test_empty_text_is_not_digits():
    assert not code_text.is_digits("")


@pytest.mark.proves("6.5.4", "N-08")
def test_a_backup_code_has_at_least_75_bits():
    assert len(code_text.BACKUP_ALPHABET) ** len(code_text.generate_backup_code()) >= 2**75


def test_a_backup_code_has_no_letter_that_looks_like_a_digit():
    assert set(code_text.BACKUP_ALPHABET) & set("ILOU") == set()


def test_a_thousand_backup_codes_use_every_character():
    codes = [code_text.generate_backup_code() for _ in range(1000)]
    assert set("".join(codes)) == set(code_text.BACKUP_ALPHABET)


def test_a_thousand_backup_codes_are_a_thousand_different_ones():
    assert len({code_text.generate_backup_code() for _ in range(1000)}) == 1000


def test_a_backup_code_is_shown_in_groups_of_five():
    assert code_text.format_backup_code("ABCDE12345FGHJK") == "ABCDE-12345-FGHJK"


SLIPS = [
    "ABCDE-10101-FGHJK",
    "abcde-10101-fghjk",
    "ABCDE 10101 FGHJK",
    "ABCDE10101FGHJK",
    "  ABCDE–10101–FGHJK\n",
    "ABCDE-1O1O1-FGHJK",
    "abcde-lolol-fghjk",
    "ABCDE-I0I0I-FGHJK",
    "ABCDE-1010１-FGHJK",
    "ＡＢＣＤＥ－１０１０１－ＦＧＨＪＫ",
    "ａｂｃｄｅ－ｌｏｌｏｌ－ｆｇｈｊｋ",
    "ＡＢＣＤＥ　ＩＯＩＯＩ　ＦＧＨＪＫ",
    "ＡＢＣＤＥー１０１０１ーＦＧＨＪＫ",
    "ABCDEｰ10101ｰFGHJK",
]


@pytest.mark.parametrize("typed", SLIPS)
def test_the_slips_of_a_hand_are_corrected(typed):
    assert code_text.read_backup_code(typed) == "ABCDE10101FGHJK"


@pytest.mark.parametrize("typed", ["", "ABCDE-12345", "ABCDE-12345-FGHJKM", "ABCDE-12345-FGHJU", "123456"])
def test_what_is_no_backup_code_is_none(typed):
    assert code_text.read_backup_code(typed) is None
