"""No number of a limit is written into a text: the code puts it there, so that the two cannot differ.

tests/accounts/test_numbers.py and tests/twofactor/test_numbers.py change the constants and read the texts.
"""

import re

from tests.messages import sentences

NUMBER_WORDS = "one|two|three|four|five|six|seven|eight|nine|ten|fifteen|thirty|hundred"
NUMBER = re.compile(
    rf"\b(\d+|an?|{NUMBER_WORDS})[ -](second|minute|hour|day|month)s?\b"
    rf"|\b(\d+|{NUMBER_WORDS})[ -](\w+ )?(character|letter|number|digit|code)s?\b",
    re.IGNORECASE,
)
NO_LIMITS = [
    "Try again in a minute",
    "Two minutes to set up",
    "a second step",
]


def test_no_text_has_a_number_of_its_own(message_template):
    found = [text for text in sentences(message_template) if NUMBER.search(text)]
    assert [text for text in found if not any(known in text for known in NO_LIMITS)] == []
