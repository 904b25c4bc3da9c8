"""Spans of time that several modules use."""

from datetime import timedelta

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(hours=24)

# The clocks of two servers differ by less. A stored time that lies further ahead comes from a clock that was
# wrong and has been set back; it counts as over.
CLOCKS_APART = timedelta(seconds=30)
