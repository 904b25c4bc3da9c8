"""The link "this wasn't me" in a mail about an event. Whoever reads the mail can use it, without signing in.

So it names the person, the event and the security epoch, and what it does makes the account safer and
nothing else (not_me.py).
"""

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.urls import reverse

from twofactor import conf, sealing
from twofactor.models import Event
from twofactor.sessions import epoch
from twofactor.users import TwoFactorUser

PURPOSE = "not me"
MAX_AGE = timedelta(days=30)


class DeadLink(Exception):
    """The link is too old or not ours, or the person has been signed out everywhere since it was sent."""


def make(event: Event, user: TwoFactorUser, now: datetime) -> str:
    bound_to = [event.pk, str(user.pk), epoch.security_record(user).security_epoch]
    token = sealing.seal(PURPOSE, "", bound_to, now)
    return conf.base_url() + reverse("twofactor:not_me", args=[token])


def read(token: str, now: datetime) -> tuple[Event, Any]:
    """The event and its person. Raises DeadLink."""
    try:
        event_pk, user_pk, epoch_then = sealing.unseal(PURPOSE, "", token, now, MAX_AGE)
    except sealing.UnsealError:
        raise DeadLink from None
    user = get_user_model()._default_manager.filter(pk=user_pk).first()
    event = Event.objects.filter(pk=event_pk, user_id=user_pk).first()
    if event is None or user is None or not user.is_active:
        raise DeadLink
    if epoch.security_record(user).security_epoch != epoch_then:
        raise DeadLink
    return event, user
