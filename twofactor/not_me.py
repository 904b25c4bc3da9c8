"""Someone says that something was not them: with the link in a mail, or on the page that checks the account.

A thief may read the mail, too. So nothing here lets anyone in, or shows or changes a password or a code.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from twofactor import devices, events, not_me_links, signals
from twofactor.clocks import CLOCKS_APART, MINUTE
from twofactor.devices import ListedDevice
from twofactor.limits import allowances
from twofactor.models import Event, Session, TrustedBrowser, TwoFactor
from twofactor.recovery import requests
from twofactor.sessions import epoch
from twofactor.users import TwoFactorUser

RECOVERY_SHUT_FOR = timedelta(days=7)


def find(token: str, now: datetime) -> tuple[Event, Any]:
    """The event and its person. Raises not_me_links.DeadLink.

    Once everything was signed out since, the link is dead, unless what it is about still works, or trust that
    was given since: a thief may have signed out everything else, and kept that.
    """
    event, user, is_of_this_epoch = not_me_links.read(token, now)
    if not is_of_this_epoch and not device_of(event, user, now) and not trusted_there(event, user).exists():
        raise not_me_links.DeadLink
    return event, user


def report(
    user: TwoFactorUser,
    request: HttpRequest,
    now: datetime,
    *,
    about: Event | None,
    ended: Collection[ListedDevice],
    everywhere: bool = False,
    keep: UUID | None = None,
) -> None:
    """End the devices, or everything, and shut the way back in that a mailbox opens.

    `keep` is the device that it is said on. Only the record and the mail of it have a limit, which a thief
    could use up.
    """
    with events.atomic():
        changes = [shut_recovery(user, now), requests.stop_of(user, request, now)]
        # What else ends several devices locks this row first, too: else two could wait for each other.
        number = epoch.security_record(user).security_epoch
        is_first = epoch.lock(user) == number
        if everywhere and is_first:
            devices.end_others(user, None, now, keep_trusted=False)
        changes += [everywhere and is_first, *(devices.remove(device, user) for device in ended)]
        if about:
            changes.append(forget_trust(about, user, keep))
        # One that was forgotten could be trusted again (web/undo.py), and is in no list meanwhile.
        TrustedBrowser.objects.filter(user_id=user.pk, expires_at__lte=now).delete()
        is_recorded = (any(changes) or not was_said(user, now)) and allowances.NOT_ME.charge(user.pk, now)
        if is_recorded:
            named = {"about": about.kind} if about else {}
            if ended:
                named["device"] = ", ".join(devices.describe(device) for device in ended)
            events.record("not_me", user, request, **named)
    if not is_recorded:  # what others stop or forget because of it has no limit either
        signals.said_not_me.send_robust(Event, user=user, request=request, detail={})


def was_said(user: TwoFactorUser, now: datetime) -> bool:
    """A moment ago, as by a double click."""
    return Event.objects.filter(user_id=user.pk, kind="not_me", at__gt=now - MINUTE).exists()


def device_of(event: Event, user: TwoFactorUser, now: datetime) -> list[ListedDevice]:
    """What the event happened on, while that works; else nothing."""
    return [each for each in devices.list_devices(user, now) if each.device_id == event.device_id]


def forget_trust(event: Event, user: TwoFactorUser, keep: UUID | None) -> bool:
    """Of the browser it happened on and of all that were trusted since, and the sessions in them.

    A session ends sooner than its trust, with which there may be another one by now.
    """
    browsers = trusted_there(event, user)
    sessions = Session.objects.filter(user_id=user.pk).exclude(device_id__in=filter(None, [keep]))
    opened = sessions.filter(trusted_browser_id__in=list(browsers.values_list("pk", flat=True)))
    return bool(opened.delete()[0] + browsers.delete()[0])


def trusted_there(event: Event, user: TwoFactorUser) -> QuerySet[TrustedBrowser]:
    own, since = Q(pk=event.trusted_browser_id), Q(began_at__gte=event.at - CLOCKS_APART)
    return TrustedBrowser.objects.filter(own | since, user_id=user.pk)


def shut_recovery(user: TwoFactorUser, now: datetime) -> bool:
    """For people with a second factor: the others have nothing that could be recovered."""
    until = now + RECOVERY_SHUT_FOR
    earlier = Q(recovery_shut_until=None) | Q(recovery_shut_until__lt=until - MINUTE)
    return bool(TwoFactor.objects.filter(earlier, pk=user.pk).update(recovery_shut_until=until))
