"""Spans of time that several modules use."""

from datetime import timedelta
from math import ceil

from django.utils.translation import ngettext, pgettext

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(hours=24)

# The clocks of two servers differ by less. A stored time that lies further ahead comes from a clock that was
# wrong and has been set back; it counts as over.
CLOCKS_APART = timedelta(seconds=30)

MAX_AGE_IN_WORDS = 30  # days; of what is older, the date says more


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


def format_age(span: timedelta) -> str:
    """In the words of the active language: "5 minutes ago", rounded down, and nothing after 30 days.

    A negative span, by the clock of another server, is "just now".
    """
    minutes, hours, days = span // MINUTE, span // HOUR, span // DAY
    if minutes < 1:
        return pgettext("two-factor", "just now")
    if hours < 1:
        return ngettext("%(count)d minute ago", "%(count)d minutes ago", minutes) % {"count": minutes}
    if days < 1:
        return ngettext("%(count)d hour ago", "%(count)d hours ago", hours) % {"count": hours}
    if days <= MAX_AGE_IN_WORDS:
        return ngettext("%(count)d day ago", "%(count)d days ago", days) % {"count": days}
    return ""
