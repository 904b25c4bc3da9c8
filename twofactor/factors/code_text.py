"""How codes are written, and how what people type is read."""

import secrets
import unicodedata
from unicodedata import east_asian_width

from django.utils.translation import gettext as _

from twofactor.factors.refusal import Refused, in_a_row

BACKUP_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base32: no I, L, O, U
BACKUP_GROUPS = 3
BACKUP_GROUP = 5
BACKUP_LENGTH = BACKUP_GROUPS * BACKUP_GROUP  # 75 bits
LONGEST = 64  # of what people type; the rest of a pasted novel is not looked at
SLIPS = str.maketrans("OIL", "011")
KANA_HYPHEN = "\N{KATAKANA-HIRAGANA PROLONGED SOUND MARK}"  # what the hyphen's key writes among kana


def half_width(text: str) -> str:
    """What a Japanese keyboard writes, as others would. Not all of NFKC, for which ² and ① are digits too."""
    characters = (
        unicodedata.normalize("NFKC", character) if east_asian_width(character) in {"F", "H"} else character
        for character in text[:LONGEST]
    )
    return "".join(characters).replace(KANA_HYPHEN, "-")


def compact(text: str) -> str:
    """Without spaces, hyphens and invisible characters; every script's decimal digits as 0 to 9."""
    kept = []
    for character in half_width(text):
        if unicodedata.category(character) in {"Zs", "Pd", "Cf", "Cc"} or character == "\N{MINUS SIGN}":
            continue
        digit = unicodedata.decimal(character, None)
        kept.append(character if digit is None else str(digit))
    return "".join(kept)


def is_digits(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def backup_code() -> str:
    """As compared and hashed; grouped() is how it is shown."""
    return "".join(secrets.choice(BACKUP_ALPHABET) for _ in range(BACKUP_LENGTH))


def grouped(code: str) -> str:
    return "-".join(code[start : start + BACKUP_GROUP] for start in range(0, len(code), BACKUP_GROUP))


def read_imported_code(text: str) -> str:
    """A code of another app stands as it was written, in its case; between digits, hyphens mean nothing.

    One of ours stays one of ours, so that support can help anybody. It has to be grouped as we group it:
    with a hyphen elsewhere it may well be theirs.
    """
    written = half_width(text.strip())
    ours = read_backup_code(written)
    if ours and "-".join(written.split()).upper().translate(SLIPS) in {ours, grouped(ours)}:
        return ours
    code = compact(written)
    return code if is_digits(code) else written


def read_backup_code(text: str) -> str | None:
    """The code, with the slips of a hand corrected, or None when it is not one."""
    code = compact(text).upper().translate(SLIPS)
    return code if len(code) == BACKUP_LENGTH and set(code) <= set(BACKUP_ALPHABET) else None


def read_digits(text: str, digits: int) -> str:
    """The code, or Refused with a sentence that says what is wrong about it."""
    code = compact(text)
    if is_digits(code) and len(code) == digits:
        return code
    rule = _("The code must be %(digits)d numbers") % {"digits": digits}
    if read_backup_code(text):
        raise Refused(
            _("That looks like a backup code. Enter the code from your authenticator app"), keep=True
        )
    if not is_digits(code):
        raise Refused(rule, keep=True)
    many = len(code) > digits
    slip = _("You have entered too many numbers") if many else _("You have entered too few numbers")
    raise Refused(in_a_row([slip, rule]), keep=True)
