"""The security epoch: a number whose change ends every session of a person.

It is a column of the user model if that inherits models.SecurityMixin, which costs no query. For any other
user model it is in our table SecurityRecord, at one query a request.
"""

import hashlib
from collections.abc import Mapping
from copy import copy
from typing import Any, cast

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, get_user, get_user_model
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from twofactor.models import SecurityMixin, SecurityRecord
from twofactor.users import TwoFactorUser

RECORD = "_twofactor_security_record"  # the attribute of a user for the row of our table
EPOCH = "twofactor_epoch"  # in the session, where the user model's own session hash does not carry it


def is_on_user() -> bool:
    return issubclass(get_user_model(), SecurityMixin)


def security_record(user: TwoFactorUser) -> SecurityMixin | SecurityRecord:
    """Has security_epoch, email_verified_at and end_sessions()."""
    if is_on_user():
        return cast(SecurityMixin, user)
    return getattr(user, RECORD, None) or read_record(user)


def read_record(user: TwoFactorUser) -> SecurityRecord:
    """Keeps it with the user, so that it is as old as a column of the user would be."""
    record = SecurityRecord.objects.get_or_create(pk=user.pk)[0]
    setattr(user, RECORD, record)
    return record


def auth_hash(user: TwoFactorUser, epochs_back: int = 0) -> str:
    """Differs once the password or the epoch has changed. What must end with them carries it."""
    if is_on_user():
        then = cast(SecurityMixin, copy(user))
        then.security_epoch -= epochs_back
        return then.get_session_auth_hash()
    own, epoch = user.get_session_auth_hash(), security_record(user).security_epoch - epochs_back
    return salted_hmac("twofactor.security_record", f"{own}|{epoch}", algorithm="sha256").hexdigest()


def end_sessions(user: TwoFactorUser) -> None:
    security_record(user).end_sessions()


def lock(user: TwoFactorUser) -> int:
    """Lock the row with the epoch, as end_sessions() does, and return what it is now."""
    model = get_user_model() if is_on_user() else SecurityRecord
    row = model._base_manager.select_for_update(no_key=True).filter(pk=user.pk)
    number: int = row.values_list("security_epoch", flat=True).get()
    return number


def mark_session(request: HttpRequest, user: TwoFactorUser) -> None:
    """Write the epoch into the session, where Django's own session hash does not carry it."""
    if not is_on_user():
        request.session[EPOCH] = security_record(user).security_epoch


def hash_of_session(contents: Mapping[str, Any]) -> str:
    """For the row of a session: it changes with all that ends the session."""
    return digest(contents.get(HASH_SESSION_KEY), contents.get(EPOCH))


def hashes_of_sessions(user: TwoFactorUser) -> list[str]:
    """What the rows of a person's sessions have while they work. Several, because SECRET_KEY may change."""
    epoch = None if is_on_user() else security_record(user).security_epoch
    own = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return [digest(each, epoch) for each in own]


def digest(session_hash: str | None, epoch: int | None) -> str:
    return hashlib.sha256(f"{session_hash}|{epoch}".encode()).hexdigest()


def has_ended(request: HttpRequest) -> bool:
    """Reads the row anew at each request: a site may keep its users from one to the next."""
    if is_on_user() or not request.user.is_authenticated:
        return False  # Django has compared the session hash already
    person = owner_of_session(request)
    return not person.is_authenticated or request.session.get(EPOCH) != read_record(person).security_epoch


def owner_of_session(request: HttpRequest) -> Any:
    """Not always request.user: a middleware may have set another person there, for whom the owner acts."""
    user: Any = request.user
    is_owner = request.session.get(SESSION_KEY) == user._meta.pk.value_to_string(user)
    return user if is_owner else get_user(request)
