"""Does PostgreSQL find what a statement asks for by an index?"""

import json
from contextlib import contextmanager

from django.db import transaction

ASKING = ("SELECT", "UPDATE", "DELETE")
MANY = 200  # rows: more than one person has of anything


@contextmanager
def noted(connection):
    """The statements of the block, each with its parameters, as far as they look for rows."""
    statements = []

    def note(execute, sql, params, many, context):
        if sql.startswith(ASKING):
            statements.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield statements


def without_index(connection, statements):
    """Those for which a whole table, a whole index, or too much of one is read."""
    return [sql for sql, params in statements if any(map(reads_all, nodes(plan(connection, sql, params))))]


def plan(connection, sql, params):
    """As it is carried out, which is then taken back."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params)
        (found,) = cursor.fetchone()
        transaction.set_rollback(True)
    return (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]


def nodes(node):
    yield node
    for inner in node.get("Plans", []):
        yield from nodes(inner)


def reads_all(node):
    by_index = node["Node Type"] in {"Index Scan", "Index Only Scan", "Bitmap Index Scan"}
    whole = "Seq Scan" in node["Node Type"] or (by_index and "Index Cond" not in node)
    return whole or node["Actual Rows"] + node.get("Rows Removed by Filter", 0) > MANY
