"""Someone says that something was not them: with the link in a mail, or on the page that checks the account.

A thief may read the mail, too. So nothing here lets anyone in, or shows or changes a password or a code.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.contrib.auth import get_user_model
from django.db.models import Q
from django.http import HttpRequest

from twofactor import devices, events
from twofactor.clocks import CLOCKS_APART, MINUTE
from twofactor.devices import ListedDevice
from twofactor.models import Event, TrustedBrowser, TwoFactor
from twofactor.users import TwoFactorUser

RECOVERY_SHUT_FOR = timedelta(days=7)


def report(
    user: TwoFactorUser,
    request: HttpRequest,
    now: datetime,
    *,
    about: Event | None,
    ended: Iterable[ListedDevice],
    everywhere: bool = False,
) -> None:
    """End the devices, or everything, and shut the way back in that a mailbox opens.

    It is recorded unless all that was done a moment ago, as by a double click.
    """
    with events.atomic():
        changes = [shut_recovery(user, now)]
        lock_person(user)
        if everywhere:
            changes.append(True)  # the link has named the epoch, and so works once
            devices.end_others(user, None, now, keep_trusted=False)
        else:
            changes += [devices.remove(device, user) for device in ended]
        if about:
            changes.append(forget_browsers_trusted_since(about, user))
        if any(changes):
            named = {"about": about.kind} if about else {}
            events.record("not_me", user, request, **named)


def lock_person(user: TwoFactorUser) -> None:
    """What else ends several devices locks this row first, too: else two could wait for each other."""
    people = get_user_model()._base_manager.select_for_update(no_key=True)
    people.filter(pk=user.pk).values_list("pk").first()


def device_of(event: Event, user: TwoFactorUser, now: datetime) -> list[ListedDevice]:
    """What the event happened on, while that works; else nothing."""
    return [each for each in devices.list_devices(user, now) if each.device_id == event.device_id]


def forget_browsers_trusted_since(event: Event, user: TwoFactorUser) -> bool:
    """A session ends sooner than the trust that was given in it."""
    since = TrustedBrowser.objects.filter(user_id=user.pk, began_at__gte=event.at - CLOCKS_APART)
    return bool(since.delete()[0])


def shut_recovery(user: TwoFactorUser, now: datetime) -> bool:
    """For people with a second factor: the others have nothing that could be recovered."""
    until = now + RECOVERY_SHUT_FOR
    earlier = Q(recovery_shut_until=None) | Q(recovery_shut_until__lt=until - MINUTE)
    return bool(TwoFactor.objects.filter(earlier, pk=user.pk).update(recovery_shut_until=until))
