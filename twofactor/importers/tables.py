"""Reading another app's tables and settings, whether or not that app is still installed."""

import os
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection

from twofactor.importers.found import Unreadable

Row = dict[str, Any]
T = TypeVar("T", int, str)


def rows(table: str, *, required: bool = True) -> list[Row]:
    """In the order in which they were made; their columns differ from release to release."""
    with connection.cursor() as cursor:
        if table not in connection.introspection.table_names(cursor):
            if required:
                raise Unreadable(f"This database has no table {table}.")
            return []
        cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)} ORDER BY id")  # noqa: S608  -- our own names
        names = [column[0] for column in cursor.description]
        try:
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        except ValueError as failure:  # SQLite reads a column of dates row by row
            raise Unreadable(f"The table {table} has a row that cannot be read: {failure}.") from None


def grouped(rows: Iterable[Row], column: str) -> dict[Any, list[Row]]:
    groups: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[column]].append(row)
    return groups


def moment(value: Any) -> datetime | None:
    """SQLite keeps UTC without saying so. What is no date tells nothing."""
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value


def setting(name: str, default: T) -> T:
    """From the settings if the site still has it there, else from the environment of this one command."""
    value: Any = getattr(settings, name, os.environ.get(name, default))
    try:
        return type(default)(value.decode() if isinstance(value, bytes) else value)
    except ValueError:
        raise Unreadable(f"{name} must be a whole number, not '{value}'.") from None
