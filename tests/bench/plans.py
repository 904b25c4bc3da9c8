"""Does PostgreSQL find what a statement asks for by an index?"""

import json
from contextlib import contextmanager

ASKING = ("SELECT", "UPDATE", "DELETE")


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
    """Those for which a whole table, or a whole index, is read."""
    return [sql for sql, params in statements if any(map(reads_all, nodes(plan(connection, sql, params))))]


def plan(connection, sql, params):
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
        (found,) = cursor.fetchone()
    return (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]


def nodes(node):
    yield node
    for inner in node.get("Plans", []):
        yield from nodes(inner)


def reads_all(node):
    by_index = node["Node Type"] in {"Index Scan", "Index Only Scan", "Bitmap Index Scan"}
    return "Seq Scan" in node["Node Type"] or (by_index and "Index Cond" not in node)
