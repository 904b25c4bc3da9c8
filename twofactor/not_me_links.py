"""The link "this wasn't me" in a mail about an event. Whoever reads the mail can use it, without signing in.

So it names the person, the event and the security epoch, and what it does makes the account safer and
nothing else (not_me.py).
"""

from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.urls import reverse

from twofactor import conf, sealing
from twofactor.models import Event
from twofactor.sessions import credential_digests, epoch
from twofactor.users import TwoFactorUser

PURPOSE = "not me"


class DeadLink(Exception):
    """The link is too old or not ours, or the account has changed since."""


def make(event: Event, user: TwoFactorUser, now: datetime) -> str:
    number = epoch.security_record(user).security_epoch
    address = credential_digests.digest(user, credential_digests.ADDRESS_PURPOSE)
    token = sealing.seal(PURPOSE, "", [event.pk, str(user.pk), number, address], now)
    return conf.base_url() + reverse("twofactor:not_me", args=[token])


def read(token: str, now: datetime) -> tuple[Event, Any, bool]:
    """The event, its person, and whether no change has ended all sessions since. Raises DeadLink.

    A former address has a link that works only in the mail about that very change.
    """
    try:
        event_pk, user_pk, number, address = sealing.unseal(PURPOSE, "", token, now, conf.not_me_age())
    except sealing.UnsealError:
        raise DeadLink from None
    user = get_user_model()._default_manager.filter(pk=user_pk).first()
    event = Event.objects.filter(pk=event_pk, user_id=user_pk).first()
    if event is None or user is None or not user.is_active:
        raise DeadLink
    same_address = credential_digests.has_digest(user, credential_digests.ADDRESS_PURPOSE, address)
    if not same_address and event.kind != Event.Kind.ADDRESS_CHANGED:
        raise DeadLink
    return event, user, epoch.security_record(user).security_epoch == number
