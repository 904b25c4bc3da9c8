"""Who must use a passkey or security key, by the rules and the setting, and what then opens a step-up."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from twofactor import conf, policy
from twofactor.factors import enrolled, methods, passkeys
from twofactor.models import Passkey
from twofactor.users import TwoFactorUser

# What they prove to a page with another address is worth nothing here. Every code can be passed on.
SAFE_FROM_COPIES = frozenset({methods.PASSKEY, methods.KEY})


def needs_passkey(user: TwoFactorUser, now: datetime) -> bool:
    """Is it enforced for this person? Never where no browser could give a passkey. At most one query."""
    may = policy.may_require_passkey(user) and passkeys.are_offered()
    return may and policy.is_passkey_enforced_for(user, now)


def counting(own: Iterable[Passkey]) -> list[Passkey]:
    """Those that can be given today. One that a browser made without asking counts from its first use."""
    return [each for each in passkeys.usable(own) if each.last_used_at or not each.made_quietly]


def has_passkey(user: TwoFactorUser) -> bool:
    return bool(counting(enrolled.passkeys_of(user)))


def count_by_name(people: QuerySet[Any]) -> Iterator[tuple[str, int]]:
    """How many that count each of these people has."""
    is_quiet = Q(passkeys__made_quietly=True, passkeys__last_used_at=None)
    counted = Q(passkeys__rp_id=conf.passkey_domain(), passkeys__suspected_at=None) & ~is_quiet
    found: Any = people.annotate(n=Count("passkeys", filter=counted, distinct=True)).order_by()
    yield from found.values_list(people.model.USERNAME_FIELD, "n").iterator()


def people_without(people: QuerySet[Any]) -> QuerySet[Any]:
    """Of these people, those who would be led to add one, or to the setup, if it is off."""
    own = Passkey.objects.filter(user_id=OuterRef("pk"), rp_id=conf.passkey_domain(), suspected_at=None)
    counted = own.exclude(made_quietly=True, last_used_at=None)
    return people.filter(Q(two_factor=None) | ~Exists(counted))


def takes_only_passkeys(user: TwoFactorUser, now: datetime) -> bool:
    """Does nothing else open a step-up? A code that was given to a thief's page could add their passkey.

    False while the person has none: then there is only the code.
    """
    return needs_passkey(user, now) and has_passkey(user)
