"""{% load two_factor %} in any template of the site."""

from datetime import datetime
from math import ceil
from typing import Any

from django import template
from django.utils.translation import ngettext

from twofactor import enrolment
from twofactor.http import seconds_until

register = template.Library()


@register.filter
def has_two_factor(user: Any) -> bool:
    """{% if user|has_two_factor %}: is it on for this person? One query; user.is_verified costs none."""
    return bool(user.is_authenticated) and enrolment.is_on(user)


@register.filter
def wait(until: datetime) -> str:
    """How long until then, rounded up, so that nobody comes back too early."""
    seconds = seconds_until(until)
    minutes, hours = ceil(seconds / 60), ceil(seconds / 3600)
    if seconds < 60:
        return ngettext("%(count)d second", "%(count)d seconds", seconds) % {"count": seconds}
    if minutes < 60:
        return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
    return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}
