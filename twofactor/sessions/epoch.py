"""What ends a person's sessions, and what is known of their address.

It stands on the user model if that has room for it (user.SecurityMixin), which costs nothing. In a site
whose model has none, a row of ours stands in, at one query a request.
"""

from copy import copy
from typing import Any

from django.contrib.auth import get_user_model
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from twofactor.models import SecurityMixin, Standing

EPOCH = "epoch"  # in the session, where the user model's own session hash does not carry it


def is_on_user() -> bool:
    return issubclass(get_user_model(), SecurityMixin)


def security_record(user: Any) -> Any:
    """Has security_epoch, email_verified_at and end_sessions()."""
    return user if is_on_user() else Standing.objects.get_or_create(pk=user.pk)[0]


def auth_hash(user: Any, ago: int = 0) -> str:
    """Changes with the password and with the epoch: what outlives neither is bound to it."""
    if is_on_user():
        then = copy(user)
        then.security_epoch -= ago
        return str(then.get_session_auth_hash())
    own, epoch = user.get_session_auth_hash(), security_record(user).security_epoch - ago
    return salted_hmac("twofactor.standing", f"{own}|{epoch}", algorithm="sha256").hexdigest()


def end_sessions(user: Any) -> None:
    security_record(user).end_sessions()


def mark_session(request: HttpRequest, user: Any) -> None:
    """The session belongs to this epoch."""
    if not is_on_user():
        request.session[EPOCH] = security_record(user).security_epoch


def has_ended(request: HttpRequest) -> bool:
    if is_on_user() or not request.user.is_authenticated:
        return False  # Django has compared the session hash already
    return bool(request.session.get(EPOCH) != security_record(request.user).security_epoch)
