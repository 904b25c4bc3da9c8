"""Mails that ask people to set up two-factor authentication, sent when an administrator says so."""

import time
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth import get_permission_codename, get_user_model
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.translation import get_language

from twofactor import events, policy
from twofactor.event_kinds import EventKind
from twofactor.limits.allowances import REMINDERS
from twofactor.models import Event, Rule, actor
from twofactor.outgoing import mail, outbox
from twofactor.users import email_of, has_column

AT_ONCE = 200  # people in one transaction, which other writers wait for
SECONDS = 3  # for one request; whoever asks again reminds the others


def may_change_people(helper: Any) -> bool:
    people = get_user_model()._meta
    return bool(helper.has_perm(f"{people.app_label}.{get_permission_codename('change', people)}"))


def people_without(rule: Rule) -> QuerySet[Any]:
    """Of those whom such a rule would be for; without those who have no email address."""
    people, address = policy.people_of(rule).filter(two_factor=None), get_user_model().get_email_field_name()
    return people.exclude(**{address: ""}) if has_column(address) else people


def people_to_remind(rule: Rule, now: datetime) -> QuerySet[Any]:
    """Not those who were told by a rule or reminded lately."""
    told = (EventKind.TWO_FACTOR_REQUIRED, EventKind.TWO_FACTOR_REMINDED)
    lately = Event.objects.filter(user=OuterRef("pk"), kind__in=told, at__gt=now - REMINDERS.window)
    return people_without(rule).exclude(Exists(lately)).order_by("pk")


def sample(reader: Any, now: datetime) -> mail.Message:
    """The mail as the reader would get it, without the link at its end that only they may follow."""
    detail = {"by": actor("")}
    event = Event(user_id=reader.pk, kind=EventKind.TWO_FACTOR_REMINDED, at=now, detail=detail)
    names = [f"twofactor/mail/{event.kind}", outbox.OF_EVENTS]
    to, context = email_of(reader), {"event": event, "user": reader, "not_me_link": "", "not_me_days": 0}
    return mail.compose(names, to, get_language() or settings.LANGUAGE_CODE, context)


def remind(rule: Rule, by: str, request: HttpRequest, now: datetime) -> int:
    """Returns how many were reminded: all of them, if SECONDS are enough."""
    until, reminded, last = time.monotonic() + SECONDS, 0, None
    while time.monotonic() < until:
        people = people_to_remind(rule, now)
        step = list((people.filter(pk__gt=last) if last is not None else people)[:AT_ONCE])
        with events.atomic():
            for user in step:
                if REMINDERS.charge(user.pk, now):  # of two who ask at the same time, one reminds this person
                    events.record("two_factor_reminded", user, request, by=by)
                    reminded += 1
        if len(step) < AT_ONCE:
            break
        last = step[-1].pk
    return reminded
