"""The numbers in the sentences that people read are those of the code, and change with it."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from twofactor import adminsite
from twofactor.factors import code_text, sent_codes, totp
from twofactor.signin import pending, step_up, trusted_browsers

# Every sentence stands in each catalogue; test_catalogues.py compares them with the sources.
CATALOGUE = (Path(__file__).parent.parent / "locale/de/LC_MESSAGES/django.po").read_text()
SENTENCES = {
    "".join(re.findall(r'"(.*)"', sentence))
    for sentence in re.findall(r'^msgid(?:_plural)? ((?:".*"\n)+)', CATALOGUE, re.MULTILINE)
}
SPELLED = {1: "one", 3: "three", 6: "six", 10: "ten"}
NUMBER_WORDS = "|".join(["a", "an", "two", *SPELLED.values()])
NUMBER = re.compile(
    rf"\b(\d+|{NUMBER_WORDS}) (second|minute|hour|day|character|letter|number|digit)s?\b", re.IGNORECASE
)


def count(span: timedelta) -> int:
    """Of the longest unit that leaves no rest."""
    seconds = int(span.total_seconds())
    return next(seconds // unit for unit in (86400, 3600, 60, 1) if seconds % unit == 0)


def spelled(span: timedelta) -> str:
    seconds, number = int(span.total_seconds()), count(span)
    unit = {86400: "day", 3600: "hour", 60: "minute", 1: "second"}[seconds // number]
    return f"{SPELLED[number]} {unit}{'s' * (number > 1)}"


FROM_THE_CODE = [
    f"in {adminsite.DAYS} days",
    f"of the last {adminsite.DAYS} days",
    f"time based, {totp.DIGITS} digits, {totp.PERIOD} seconds",
    f"For {spelled(step_up.SETUP_AGE)} you need only your password",
    f"It works once, for {count(sent_codes.MAX_AGE)} minutes at most",
    f"It works for {count(sent_codes.MAX_AGE)} minutes.",
    f"Trust this browser for {count(trusted_browsers.AGE)} days",
    f"A backup code has {code_text.BACKUP_LENGTH} letters and numbers",
    f"Signing in took more than {spelled(pending.MAX_AGE)}.",
]
NO_LIMITS = [
    "Try again in a minute",
    "Two minutes to set up",
    "a second time",
    "a number can be taken over",
]


@pytest.mark.parametrize("part", FROM_THE_CODE)
def test_a_sentence_says_the_number_of_the_code(part):
    assert [sentence for sentence in SENTENCES if part in sentence]


def test_every_number_in_a_sentence_is_compared_with_the_code():
    told = [sentence for sentence in SENTENCES if NUMBER.search(sentence)]
    assert [each for each in told if not any(part in each for part in [*FROM_THE_CODE, *NO_LIMITS])] == []
