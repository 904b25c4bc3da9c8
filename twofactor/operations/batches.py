"""Reads many rows in small batches with pauses, so that sign-ins need not wait for a long transaction."""

import time
from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

# SQLite has one writer at a time and no queue: a waiting process tries again within a tenth of a second.
PAUSE = 0.1  # seconds


def in_batches(rows: QuerySet[Any], size: int) -> Iterator[list[Any]]:
    last = None
    while batch := list((rows.filter(pk__gt=last) if last else rows).order_by("pk")[:size]):
        yield batch
        if len(batch) < size:
            return
        last = batch[-1].pk
        time.sleep(PAUSE)
