"""Who must have a second factor, of which kind, and from when: by the settings, and by rules in the database.

Whoever must use a passkey must have a second factor.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, cast

from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from twofactor import conf
from twofactor.models import Rule
from twofactor.users import PASSKEY_RULE, TwoFactorUser, has_column, has_relation, is_staff, only_active

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)  # for a user model without date_joined
SETTINGS: dict[str, Callable[[TwoFactorUser], bool]] = {
    conf.NOBODY: lambda user: False,
    conf.STAFF: is_staff,
    conf.EVERYONE: lambda user: True,
}


def applies_to(user: TwoFactorUser) -> bool:
    """Must this user have a second factor, now or later?

    Nothing is kept from one request to the next, so that a change works at once.
    """
    return setting_applies_to(user) or bool(rules_for(user))


def setting_applies_to(user: TwoFactorUser) -> bool:
    return is_named(user, conf.required_for()) or is_named(user, conf.passkey_required_for())


def is_named(user: TwoFactorUser, required_for: str) -> bool:
    applies = SETTINGS.get(required_for) or import_string(required_for)
    return bool(applies(user))


def rules_for(user: TwoFactorUser) -> list[Rule]:
    """One query. As a union each part has an index: there may be a rule for each of many people."""
    scopes = [Rule.Scope.EVERYONE, *([Rule.Scope.STAFF] if is_staff(user) else [])]
    parts = [Rule.objects.filter(scope=Rule.Scope.PERSON, user_id=user.pk)]
    if has_relation("groups"):
        groups = cast(Any, user).groups.all()
        parts.append(Rule.objects.filter(scope=Rule.Scope.GROUP, group__in=groups))
    return list(Rule.objects.filter(scope__in=scopes).union(*parts, all=True))


def may_require_passkey(user: TwoFactorUser) -> bool:
    """False if nothing did when the session was read (sessions/store.py). Asks no database."""
    return getattr(user, PASSKEY_RULE, True) or conf.passkey_required_for() != conf.NOBODY


def people_of(rule: Rule) -> QuerySet[Any]:
    """The same from the other side: whom the rule is for, without those who cannot sign in."""
    people = only_active(get_user_model()._default_manager.all())
    if rule.scope == Rule.Scope.EVERYONE:
        return people
    if rule.scope == Rule.Scope.STAFF:
        return people.filter(is_staff=True) if has_column("is_staff") else people.none()
    if rule.scope == Rule.Scope.GROUP:
        return people.filter(groups=rule.group_id) if has_relation("groups") else people.none()
    return people.filter(pk=rule.user_id)


def people_who_need_passkeys() -> Iterator[QuerySet[Any]]:
    """By each rule and the setting, now or later. Someone may be in several."""
    for rule in Rule.objects.filter(factor=Rule.Factor.PASSKEY):
        yield people_of(rule)
    setting = conf.passkey_required_for()
    if setting in {conf.EVERYONE, conf.STAFF}:
        yield people_of(Rule(scope=setting))
    elif setting != conf.NOBODY:
        everyone = people_of(Rule(scope=Rule.Scope.EVERYONE))
        named = [user.pk for user in everyone.iterator() if is_named(user, setting)]
        yield everyone.filter(pk__in=named)


def deadline(user: TwoFactorUser) -> datetime | None:
    """The time from which the user reaches only the setup, or None if nothing requires a second factor.

    The setting is the least there is: a rule can only make it earlier.
    """
    return min((ends for ends, _rule in deadlines(user)), default=None)


def deadlines(user: TwoFactorUser) -> list[tuple[datetime, Rule | None]]:
    """With the rule that each is of; None stands for the setting."""
    found: list[tuple[datetime, Rule | None]] = [(end_of_grace(rule, user), rule) for rule in rules_for(user)]
    if setting_applies_to(user):
        found.append((end_of_grace_by_setting(user), None))
    return found


def passkey_deadline(user: TwoFactorUser) -> datetime | None:
    """The time from which no other factor is enough, or None if nothing requires a passkey."""
    return min((ends for ends, _rule in passkey_deadlines(user)), default=None)


def passkey_deadlines(user: TwoFactorUser) -> list[tuple[datetime, Rule | None]]:
    of_kind = [rule for rule in rules_for(user) if rule.factor == Rule.Factor.PASSKEY]
    found: list[tuple[datetime, Rule | None]] = [(end_of_grace(rule, user), rule) for rule in of_kind]
    if is_named(user, conf.passkey_required_for()):
        found.append((end_of_grace_by_setting(user), None))
    return found


def end_of_grace_by_setting(user: TwoFactorUser) -> datetime:
    first_day = conf.required_from()
    return max([joined_at(user) + conf.grace_period(), *([start_of(first_day)] if first_day else [])])


def end_of_grace(rule: Rule, user: TwoFactorUser) -> datetime:
    return max(joined_at(user), start_of(rule.starts_on)) + timedelta(days=rule.grace_days)


def past_grace(people: QuerySet[Any], rule: Rule, now: datetime) -> QuerySet[Any]:
    """Of these people, those for whom it is over, as end_of_grace() has it."""
    grace = timedelta(days=rule.grace_days)
    if start_of(rule.starts_on) + grace > now:
        return people.none()
    return people.filter(date_joined__lte=now - grace) if has_column("date_joined") else people


def joined_at(user: TwoFactorUser) -> datetime:
    joined: datetime = getattr(user, "date_joined", LONG_AGO)
    return joined


def start_of(day: date) -> datetime:
    return datetime.combine(day, time.min, timezone.get_current_timezone())


def is_enforced_for(user: TwoFactorUser, now: datetime) -> bool:
    """Has the deadline of the user passed?"""
    due = deadline(user)
    return due is not None and due <= now


def is_passkey_enforced_for(user: TwoFactorUser, now: datetime) -> bool:
    due = passkey_deadline(user)
    return due is not None and due <= now


def who_requires_it(user: TwoFactorUser, now: datetime) -> str:
    """A sentence for someone whom it is enforced for; empty for anyone else.

    Of several rules that of the most people is named, so that a person's own rule is the last.
    """
    due = [sentence_of(rule) for ends, rule in deadlines(user) if ends <= now]
    return min(due, default=(0, ""))[1]


def who_requires_a_passkey(user: TwoFactorUser, now: datetime) -> str:
    """The same of a passkey."""
    due = [passkey_sentence_of(rule) for ends, rule in passkey_deadlines(user) if ends <= now]
    return min(due, default=(0, ""))[1]


def passkey_sentence_of(rule: Rule | None) -> tuple[int, str]:
    """As sentence_of()."""
    scope = rule.scope if rule else conf.passkey_required_for()
    if scope == Rule.Scope.EVERYONE:
        return 1, _("This site requires a passkey or security key for everyone.")
    if scope == Rule.Scope.STAFF:
        return 2, _("This site requires a passkey or security key for staff.")
    if rule and rule.group:
        sentence = _("This site requires a passkey or security key for the group “%(group)s”.")
        return 3, sentence % {"group": rule.group}
    if rule:
        return 4, _("An administrator requires a passkey or security key for your account.")
    return 5, _("This site requires a passkey or security key for your account.")


def sentence_of(rule: Rule | None) -> tuple[int, str]:
    """With its place among others."""
    scope = rule.scope if rule else widest_setting()
    if scope == Rule.Scope.EVERYONE:
        return 1, _("This site requires two-factor authentication for everyone.")
    if scope == Rule.Scope.STAFF:
        return 2, _("This site requires two-factor authentication for staff.")
    if rule and rule.group:
        sentence = _("This site requires two-factor authentication for the group “%(group)s”.")
        return 3, sentence % {"group": rule.group}
    if rule:
        return 4, _("An administrator requires two-factor authentication for your account.")
    return 5, _("This site requires two-factor authentication for your account.")  # a function of the site


def widest_setting() -> str:
    named = (conf.required_for(), conf.passkey_required_for())
    return next((each for each in (conf.EVERYONE, conf.STAFF) if each in named), "")
