"""Which keys the database depends on, and sealing everything again with the newest."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Model, Q

from twofactor import conf, sealing
from twofactor.models import Authenticator, Draft, GuessBudget, Letter
from twofactor.operations.batches import in_batches
from twofactor.sessions import credential_digests

BATCH = 200
SEALED: list[tuple[type[Model], str]] = [
    (Authenticator, "sealed_key"),
    (Draft, "sealed"),
    (Letter, "sealed"),
]


def purpose(row: Any) -> str:
    return row.purpose if isinstance(row, Draft) else str(row.PURPOSE)


def in_use() -> Counter[str]:
    """How many rows each key still opens, by key id."""
    found: Counter[str] = Counter({sealing.key_id(key): 0 for key in conf.sealing_keys()})
    for model, column in SEALED:
        sealed = model._default_manager.exclude(**{column: ""})
        for token in sealed.values_list(column, flat=True).iterator():
            found[str(token).partition(".")[0]] += 1
    return found


def dependent() -> list[str]:
    """Sign-in names of everybody with something that only an older key opens."""
    depends = Q()
    for column in SEALED:
        depends |= Q(pk__in=stale(*column).values("user_id"))
    name = get_user_model().USERNAME_FIELD
    people = get_user_model()._default_manager.filter(depends).order_by(name)
    return list(people.values_list(name, flat=True))


def stale(model: type[Model], column: str) -> Any:
    newest = sealing.key_id(conf.sealing_keys()[0])
    sealed = model._default_manager.exclude(**{column: ""})  # as a letter's is once it has been sent
    return sealed.exclude(**{f"{column}__startswith": f"{newest}."})


def rotate(now: datetime) -> Iterator[tuple[int, int]]:
    """Seal again, batch by batch: (sealed, unreadable) after each.

    A row that somebody changes meanwhile is left to them, who seal with the newest key anyway. Whatever ends
    this half-way loses nothing: the next run finds what is left.
    """
    for model, column in SEALED:
        for rows in in_batches(stale(model, column), BATCH):
            with transaction.atomic():  # one for the batch: SQLite writes to the disk at the end of each
                done = [reseal(row, column, now) for row in rows]
            yield done.count(True), done.count(False)
    renew_digests()


def reseal(row: Any, column: str, now: datetime) -> bool:
    old = getattr(row, column)
    try:
        new = sealing.reseal(purpose(row), sealing.owner_of(row.user_id), old, now)
    except sealing.Unopenable:
        return False
    type(row)._default_manager.filter(pk=row.pk, **{column: old}).update(**{column: new})
    return True


def renew_digests() -> None:
    """Of passwords and addresses. One that is out of date stays so: nobody may gain by a new key."""
    newest = sealing.key_id(conf.sealing_keys()[0])
    old = Q()
    for column in credential_digests.DIGESTS:
        old |= ~Q(**{column: ""}) & ~Q(**{f"{column}__startswith": f"{newest}."})
    for rows in in_batches(GuessBudget.objects.filter(old).select_related("user"), BATCH):
        with transaction.atomic():
            for row in rows:
                same = {column: getattr(row, column) for column in credential_digests.DIGESTS}
                if new := credential_digests.with_newest_key(row):
                    GuessBudget.objects.filter(pk=row.pk, **same).update(**new)
