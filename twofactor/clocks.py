"""Spans of time that several modules use."""

from datetime import timedelta
from math import ceil

from django.utils.translation import ngettext

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(hours=24)

# The clocks of two servers differ by less. A stored time that lies further ahead comes from a clock that was
# wrong and has been set back; it counts as over.
CLOCKS_APART = timedelta(seconds=30)


def format_duration(span: timedelta) -> str:
    """In the words of the active language: "10 minutes". Rounded up, so that nobody comes back too early."""
    seconds = ceil(span.total_seconds())
    minutes, hours = ceil(seconds / 60), ceil(seconds / 3600)
    if seconds < 60:
        return ngettext("%(count)d second", "%(count)d seconds", seconds) % {"count": seconds}
    if minutes < 60:
        return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
    if hours > 48:
        days = ceil(seconds / 86400)
        return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}
    return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}
