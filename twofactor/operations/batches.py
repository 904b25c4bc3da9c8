"""Work on many rows that holds up nobody's sign-in: short transactions, with room for others between."""

import time
from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

# SQLite has one writer at a time and no queue: who waits asks again, every tenth of a second at the latest.
PAUSE = 0.1


def in_batches(rows: QuerySet[Any], size: int) -> Iterator[list[Any]]:
    last = None
    while batch := list((rows.filter(pk__gt=last) if last else rows).order_by("pk")[:size]):
        yield batch
        if len(batch) < size:
            return
        last = batch[-1].pk
        time.sleep(PAUSE)
