"""Passwords that are known from breaches: refused when someone chooses one, mentioned after signing in.

The list is the one that Django ships. Nothing is stored about whose password is on it.
"""

from functools import cache
from typing import Any

from django.contrib import messages
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext as _

from twofactor import conf
from twofactor.outgoing import range_lookup
from twofactor.web.links import find_link

__all__ = ["BreachedPasswordValidator"]


class BreachedPasswordValidator:
    """For AUTH_PASSWORD_VALIDATORS, in place of Django's CommonPasswordValidator."""

    def validate(self, password: str, user: Any = None) -> None:
        if is_listed(password) or (conf.asks_elsewhere() and range_lookup.is_known(password)):
            sentence = _("This password is in a list of passwords known from data breaches. Choose another.")
            raise ValidationError(sentence, code="password_breached")

    def get_help_text(self) -> str:
        return _("Your password can't be one that is known from data breaches.")


@cache
def common_passwords() -> CommonPasswordValidator:
    """Read once in a process, when the first password is looked up: 20,000 take up to 80 ms."""
    return CommonPasswordValidator()


def is_listed(password: str) -> bool:
    """In the list that ships. Nobody else is asked. False for an empty text."""
    if not password or not conf.refuses_breached_passwords():
        return False
    try:
        common_passwords().validate(password)
    except ValidationError:
        return True
    return False


def mention(request: HttpRequest) -> None:
    """On the next page. To be called once the person is signed in completely."""
    sentence = _("Your password is in a list of passwords known from data breaches. Change it soon.")
    link = find_link("password")
    if link:
        sentence = format_html('{} <a href="{}">{}</a>', sentence, link, _("Change password"))
    messages.warning(request, sentence)
