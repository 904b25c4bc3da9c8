"""Transactions that are right on any SQLite database, also one that a project has without OPTIONS."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.db import connections, transaction


@contextmanager
def atomic(using: str, *, durable: bool = False) -> Iterator[None]:
    """As Django's, but with the write lock of SQLite from the start, for which it waits.

    A transaction that begins with a SELECT asks for the lock later, and SQLite refuses it at once if another
    has written meanwhile: "database is locked".
    """
    with ExitStack() as block:
        with locked_from_the_start(using):
            block.enter_context(transaction.atomic(using=using, durable=durable))
        yield


@contextmanager
def locked_from_the_start(using: str) -> Iterator[None]:
    connection: Any = connections[using]
    if connection.vendor != "sqlite":
        yield
        return
    connection.ensure_connection()  # connecting reads the mode from OPTIONS
    mode = connection.transaction_mode
    connection.transaction_mode = "IMMEDIATE"
    try:
        yield
    finally:
        connection.transaction_mode = mode
