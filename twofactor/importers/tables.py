"""Reads the tables and settings of another app, which need not be installed any more."""

import os
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection

from twofactor.importers.records import SourceError

Row = dict[str, Any]
T = TypeVar("T", int, str)


def read_rows(table: str, *, required: bool = True) -> list[Row]:
    """Ordered by id, with whatever columns there are: they differ from release to release."""
    with connection.cursor() as cursor:
        if table not in connection.introspection.table_names(cursor):
            if required:
                raise SourceError(f"This database has no table {table}.")
            return []
        cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)} ORDER BY id")  # noqa: S608  -- our own names
        columns = [column[0] for column in cursor.description]
        try:
            return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
        except ValueError as error:  # SQLite converts each date only when its row is fetched
            raise SourceError(f"The table {table} has a row that cannot be read: {error}.") from None


def group_by(column: str, rows: Iterable[Row]) -> dict[Any, list[Row]]:
    groups: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[column]].append(row)
    return groups


def to_datetime(value: Any) -> datetime | None:
    """SQLite returns naive datetimes, which are UTC. A value that is no datetime is ignored."""
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value


def read_setting(name: str, default: T) -> T:
    """From the settings if the site still has it there, else from an environment variable."""
    value: Any = getattr(settings, name, os.environ.get(name, default))
    try:
        return type(default)(value.decode() if isinstance(value, bytes) else value)
    except ValueError:
        raise SourceError(f"{name} must be a whole number, not '{value}'.") from None
