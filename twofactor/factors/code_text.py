"""How codes are written, and how typed text is read as a code."""

import secrets
import unicodedata
from collections.abc import Collection
from unicodedata import east_asian_width

from django.utils.translation import gettext as _

from twofactor.factors.refusal import Refused

BACKUP_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base32: no I, L, O, U
BACKUP_GROUPS = 3
BACKUP_GROUP_LENGTH = 5
BACKUP_LENGTH = BACKUP_GROUPS * BACKUP_GROUP_LENGTH  # 75 bits
MAX_LENGTH = 64  # of typed text; the rest of what someone pastes is ignored
LOOKALIKES = str.maketrans("OIL", "011")
KANA_HYPHEN = "\N{KATAKANA-HIRAGANA PROLONGED SOUND MARK}"  # from the hyphen key of a Japanese keyboard


def to_half_width(text: str) -> str:
    """Full-width characters, as Japanese keyboards write them. Whole NFKC would turn ² and ① into digits."""
    characters = (
        unicodedata.normalize("NFKC", character) if east_asian_width(character) in {"F", "H"} else character
        for character in text[:MAX_LENGTH]
    )
    return "".join(characters).replace(KANA_HYPHEN, "-")


def compact(text: str) -> str:
    """Removes spaces, hyphens and invisible characters, and writes the digits of every script as 0 to 9."""
    kept = []
    for character in to_half_width(text):
        if unicodedata.category(character) in {"Zs", "Pd", "Cf", "Cc"} or character == "\N{MINUS SIGN}":
            continue
        digit = unicodedata.decimal(character, None)
        kept.append(character if digit is None else str(digit))
    return "".join(kept)


def is_digits(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def generate_backup_code() -> str:
    """In the form that is compared and hashed. People see it as format_backup_code() writes it."""
    return "".join(secrets.choice(BACKUP_ALPHABET) for _ in range(BACKUP_LENGTH))


def format_backup_code(code: str) -> str:
    starts = range(0, len(code), BACKUP_GROUP_LENGTH)
    return "-".join(code[start : start + BACKUP_GROUP_LENGTH] for start in starts)


def sample_backup_code() -> str:
    """For people to see what one looks like."""
    return format_backup_code(("ABCDE12345FGHJK67890" * BACKUP_LENGTH)[:BACKUP_LENGTH])


def read_imported_code(text: str) -> str:
    """A code of another app is compared as it was written, but hyphens in a number are ignored.

    What is written as we write our codes is read as one of them, because support can give one to anyone.
    Its hyphens must be where we put them: with others, it may be a code of the other app.
    """
    written = to_half_width(text.strip())
    ours = read_backup_code(written)
    if ours and "-".join(written.split()).upper().translate(LOOKALIKES) in {ours, format_backup_code(ours)}:
        return ours
    code = compact(written)
    return code if is_digits(code) else written


def read_backup_code(text: str) -> str | None:
    """The code, with O, I and L read as 0 and 1, or None if this is no backup code."""
    code = compact(text).upper().translate(LOOKALIKES)
    return code if len(code) == BACKUP_LENGTH and set(code) <= set(BACKUP_ALPHABET) else None


def require_text(text: str) -> str:
    code = compact(text)
    if not code:
        raise Refused(_("Enter the code."))
    return code


def digits_rule(digits: int) -> str:
    return _("The code must be %(digits)d digits.") % {"digits": digits}


def read_digits(text: str, lengths: Collection[int]) -> str:
    """The code, or Refused with a sentence that says what is wrong about it."""
    code = compact(text)
    if is_digits(code) and len(code) in lengths:
        return code
    if read_backup_code(text):
        raise Refused(
            _("That looks like a backup code. Enter the code from your authenticator app."), keep=True
        )
    digits = min(lengths)
    if not is_digits(code):
        raise Refused(digits_rule(digits), keep=True)
    many = len(code) > digits
    slip = _("You've entered too many digits.") if many else _("You've entered too few digits.")
    raise Refused(slip, digits_rule(digits), keep=True)
