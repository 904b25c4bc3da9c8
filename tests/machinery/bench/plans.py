"""Does PostgreSQL find what a statement asks for by an index?"""

import json
import re
from contextlib import contextmanager

from django.db import transaction

ASKING = ("SELECT", "UPDATE", "DELETE")
MANY = 200  # rows: more than one person has of anything
LEADING = """
    SELECT c.relname, a.attname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]"""


@contextmanager
def recorded_statements(connection):
    """The statements of the block that search for rows, each with its parameters."""
    statements = []

    def note(execute, sql, params, many, context):
        if sql.startswith(ASKING):
            statements.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield statements


def without_index(connection, statements):
    """Those for which a whole table, a whole index, or too much of one is read."""
    plans = [(sql, plan(connection, sql, params)) for sql, params in statements]
    first = leading_columns(connection)
    return [sql for sql, found in plans if any(reads_all(node, first) for node in nodes(found))]


def leading_columns(connection):
    """{index: the column that it is sorted by}; a condition on the others alone reads all of it."""
    with connection.cursor() as cursor:
        cursor.execute(LEADING)
        return dict(cursor.fetchall())


def plan(connection, sql, params):
    """Runs the statement to get its real plan, and rolls it back."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params)
        (found,) = cursor.fetchone()
        transaction.set_rollback(True)
    return (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]


def nodes(node):
    yield node
    for inner in node.get("Plans", []):
        yield from nodes(inner)


def reads_all(node, first):
    by_index = node["Node Type"] in {"Index Scan", "Index Only Scan", "Bitmap Index Scan"}
    column = first.get(node.get("Index Name"), "")
    narrowed = re.search(rf"\b{column}\b", node.get("Index Cond", ""))
    whole = "Seq Scan" in node["Node Type"] or (by_index and not narrowed)
    return whole or node["Actual Rows"] + node.get("Rows Removed by Filter", 0) > MANY
