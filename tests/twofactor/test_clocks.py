"""How long ago something was, in words."""

from datetime import timedelta

import pytest
from django.utils import translation

from twofactor.clocks import DAY, HOUR, MINUTE, format_age

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (-HOUR, "just now"),
        (59 * SECOND, "just now"),
        (MINUTE, "1 minute ago"),
        (HOUR - SECOND, "59 minutes ago"),
        (HOUR, "1 hour ago"),
        (DAY - SECOND, "23 hours ago"),
        (DAY, "1 day ago"),
        (31 * DAY - SECOND, "30 days ago"),
        (31 * DAY, ""),
    ],
)
def test_how_long_ago_it_was(span, said):
    assert format_age(span) == said


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("de", ["gerade eben", "vor 1 Minute", "vor 2 Stunden", "vor 11 Tagen"]),
        ("ar", ["قبل لحظات", "قبل دقيقة واحدة", "قبل ساعتين", "قبل 11 يومًا"]),
    ],
)
def test_each_language_counts_in_its_own_way(language, said):
    with translation.override(language):
        assert [format_age(span) for span in (SECOND, MINUTE, 2 * HOUR, 11 * DAY)] == said
