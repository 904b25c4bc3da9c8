"""Tells which keys the database depends on, and seals every value again with the newest key."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db import router
from django.db.models import Model, Q

from twofactor import conf, sealing
from twofactor.models import Authenticator, Draft, Letter
from twofactor.operations.batches import in_batches
from twofactor.sessions import credential_digests
from twofactor.transactions import atomic

BATCH = 200
SEALED: list[tuple[type[Model], str]] = [
    (Authenticator, "sealed_key"),
    (Draft, "sealed"),
    (Letter, "sealed"),
]


def purpose(row: Any) -> str:
    return row.purpose if isinstance(row, Draft) else str(row.PURPOSE)


def rows_by_key(progress: Callable[[int, int], None] = lambda done, total: None) -> Counter[str]:
    """How many rows are sealed with each key, by key id."""
    rows: Counter[str] = Counter({sealing.key_id(key): 0 for key in conf.sealing_keys()})
    columns = [(column, model._default_manager.exclude(**{column: ""})) for model, column in SEALED]
    total, done = sum(sealed.count() for _column, sealed in columns), 0
    for column, sealed in columns:
        for token in sealed.values_list(column, flat=True).iterator():
            rows[sealing.named_key(token)] += 1
            done += 1
            progress(done, total)
    return rows


def rows_with_old_key() -> int:
    return sum(sealed_with_old_key(*column).count() for column in SEALED)


def users_of_old_keys() -> list[str]:
    """The sign-in names of all users with a value that only an older key opens."""
    affected = Q()
    for column in SEALED:
        affected |= Q(pk__in=sealed_with_old_key(*column).values("user_id"))
    name = get_user_model().USERNAME_FIELD
    users = get_user_model()._default_manager.filter(affected).order_by(name)
    return list(users.values_list(name, flat=True))


def sealed_with_old_key(model: type[Model], column: str) -> Any:
    newest = sealing.key_id(conf.sealing_keys()[0])
    sealed = model._default_manager.exclude(**{column: ""})  # a letter is empty once it has been sent
    return sealed.exclude(**{f"{column}__startswith": f"{newest}."})


def rotate(now: datetime) -> Iterator[tuple[int, int]]:
    """Yields (sealed, unreadable) after each batch.

    A row that changes meanwhile is skipped, because the change has used the newest key. It can be stopped at
    any time: the next run finds the remaining rows.
    """
    for model, column in SEALED:
        for rows in in_batches(sealed_with_old_key(model, column), BATCH):
            with atomic(router.db_for_write(model)):  # SQLite writes to the disk at each commit
                done = [reseal(row, column, now) for row in rows]
            yield done.count(True), done.count(False)
    renew_digests()


def reseal(row: Any, column: str, now: datetime) -> bool:
    old = getattr(row, column)
    try:
        new = sealing.reseal(purpose(row), sealing.owner_of(row.user_id), old, now)
    except sealing.UnsealError:
        return False
    type(row)._default_manager.filter(pk=row.pk, **{column: old}).update(**{column: new})
    return True


def renew_digests() -> None:
    """The digests of passwords and addresses. One that does not match its user any more is not renewed."""
    newest = sealing.key_id(conf.sealing_keys()[0])
    for model, columns in credential_digests.OF_MODELS.items():
        old = Q()
        for column in columns:
            old |= ~Q(**{column: ""}) & ~Q(**{f"{column}__startswith": f"{newest}."})
        for rows in in_batches(model._default_manager.filter(old).select_related("user"), BATCH):
            with atomic(router.db_for_write(model)):
                for row in rows:
                    same = {column: getattr(row, column) for column in columns}
                    if new := credential_digests.with_newest_key(row):
                        model._default_manager.filter(pk=row.pk, **same).update(**new)
