"""{% load two_factor %} in any template of the site."""

from typing import Any

from django import template

from twofactor import enrolment

register = template.Library()


@register.filter
def has_two_factor(user: Any) -> bool:
    """{% if user|has_two_factor %}: is it on for this person? One query; user.is_verified costs none."""
    return bool(user.is_authenticated) and enrolment.is_on(user)
