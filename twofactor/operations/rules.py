"""Makes, changes and removes the rules of policy.py, and tells people about them.

A rule also holds for those who join later. So only superusers make one for more than one person: nobody else
can know that it will never be for someone with more rights.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from twofactor import events, policy
from twofactor.factors import required
from twofactor.models import Rule, rule_as_actor
from twofactor.operations import administrators, support
from twofactor.users import TwoFactorUser

TOLD_AT_ONCE = 200  # people in one transaction, which other writers wait for
LOCKS_OUT = _("This rule would lock out every administrator: none could sign in.")
NO_PASSKEY = _("This rule is for every administrator, and none has a passkey or security key. Add one first.")
YOU_HAVE_NONE = _("This rule is for you too, and you have no passkey or security key. Add one first.")
SECONDS_TO_TELL = 3  # in the request that makes the rule; manage.py twofactor send tells the others
MAX_GRACE_DAYS = 365
RULE_FIELDS = ("scope", "group", "user", "factor", "starts_on", "grace_days")
MAX_YEARS = 10  # from today to the first day: dates of Python end with the year 9999


class LocksOut(Exception):
    """No superuser could sign in any more."""


@dataclass(frozen=True)
class Preview:
    people: int
    without: int  # of them, people who have no factor, or none of the kind that the rule asks for
    at_once: int  # of those, people who reach only the page for it from the next page on
    superusers: int  # of those
    locks_out: bool  # would no superuser be able to sign in any more?
    lacks_passkey: bool  # would all superusers need a passkey, and none has one?


def preview(rule: Rule, now: datetime) -> Preview:
    people = policy.people_of(rule)
    without = lacking(rule, people)
    at_once = policy.past_grace(without, rule, now)
    superusers = administrators.superusers()
    held = set(people.filter(pk__in=[user.pk for user in superusers]).values_list("pk", flat=True))
    asks_passkey = rule.factor == Rule.Factor.PASSKEY
    return Preview(
        people.count(),
        without.count(),
        at_once.count(),
        at_once.filter(pk__in=held).count(),
        administrators.are_all_locked_out(lambda user: user.pk in held or policy.applies_to(user)),
        asks_passkey and administrators.have_no_passkey(lambda user: user.pk in held),
    )


def lacking(rule: Rule, people: QuerySet[Any]) -> QuerySet[Any]:
    """Of these people, those who have no factor of the kind that the rule asks for."""
    if rule.factor == Rule.Factor.PASSKEY:
        return required.people_without(people)
    return people.filter(two_factor=None)


def is_for_helper_without_passkey(helper: Any, rule: Rule) -> bool:
    """They would be led away from the administration, where they could take it back."""
    if rule.factor != Rule.Factor.PASSKEY or required.has_passkey(helper):
        return False
    return policy.people_of(rule).filter(pk=helper.pk).exists()


def may_write(helper: Any, rule: Rule) -> bool:
    """Beside the permission to add, change or delete rules."""
    if helper.is_superuser:
        return True
    return rule.scope == Rule.Scope.PERSON and rule.user is not None and support.may_help(helper, rule.user)


def write(rule: Rule, by: str, request: HttpRequest | None, **detail: str) -> None:
    """A new one, or one with new values. Either way, people are told of it from the beginning."""
    what = "rule_made" if rule._state.adding else "rule_changed"
    values = {name: getattr(rule, name) for name in RULE_FIELDS}
    with events.atomic():
        if rule._state.adding:
            rule.save(force_insert=True)
        else:
            Rule.objects.filter(pk=rule.pk).update(**values, last_told="", all_told_at=None)
        events.record(what, rule.user, request, rule=rule.summary, by=by, **detail)


def remove(rule: Rule, by: str, request: HttpRequest | None, **detail: str) -> None:
    with events.atomic():
        if Rule.objects.filter(pk=rule.pk).delete()[0]:
            events.record("rule_removed", rule.user, request, rule=rule.summary, by=by, **detail)


def require(user: TwoFactorUser, by: str, request: HttpRequest | None, now: datetime, *, reason: str) -> None:
    """Of one person, from today. Their own rule is brought forward, if there is one that is in grace."""
    rule = rule_of(user, factor=Rule.Factor.ANY) or Rule(scope=Rule.Scope.PERSON, user_id=user.pk)
    rule.starts_on, rule.grace_days = timezone.localdate(now), 0
    if policy.is_enforced_for(user, now):
        raise support.NothingToDo
    if preview(rule, now).locks_out:
        raise LocksOut
    write(rule, by, request, reason=reason)


def release(user: TwoFactorUser, by: str, request: HttpRequest | None, *, reason: str) -> None:
    """Removes the rules for this person alone. Others may still hold them."""
    own = list(Rule.objects.filter(scope=Rule.Scope.PERSON, user_id=user.pk))
    if not own:
        raise support.NothingToDo
    for rule in own:
        remove(rule, by, request, reason=reason)


def rule_of(user: Any, **fields: Any) -> Rule | None:
    """The one for this person alone."""
    own = Rule.objects.filter(scope=Rule.Scope.PERSON, user_id=user.pk, **fields)
    return own.order_by("starts_on", "pk").first()


def tell(until: float = float("inf"), progress: Callable[[int], None] = lambda told: None) -> int:
    """Mails everyone who lacks what a rule asks for, once for each rule. Returns how many."""
    told = 0
    for pk in Rule.objects.filter(all_told_at=None).order_by("pk").values_list("pk", flat=True):
        while time.monotonic() < until and (step := tell_some(pk)):
            told += step
            progress(told)
    return told


def tell_soon() -> int:
    return tell(time.monotonic() + SECONDS_TO_TELL)


def tell_some(pk: Any) -> int:
    """The rule stays locked meanwhile, so of two processes each tells other people."""
    with events.atomic():
        rule = Rule.objects.select_for_update().filter(pk=pk, all_told_at=None).first()
        if rule is None:
            return 0
        people = lacking(rule, policy.people_of(rule)).order_by("pk")
        if rule.last_told:
            people = people.filter(pk__gt=rule.last_told)
        told = list(people[:TOLD_AT_ONCE])
        for user in told:
            day = timezone.localtime(policy.end_of_grace(rule, user)).date()
            kind, by = rule.factor, rule_as_actor(rule.pk)
            events.record("two_factor_required", user, None, day=day.isoformat(), factor=kind, by=by)
        Rule.objects.filter(pk=rule.pk).update(
            last_told=str(told[-1].pk) if told else rule.last_told,
            all_told_at=timezone.now() if len(told) < TOLD_AT_ONCE else None,
        )
    return len(told)
