"""Generic plans of the target's own planner; only when the user asks for them.

Statements that write or lock rows are left alone: merely to plan them takes a lock stronger than
ACCESS SHARE.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace

import psycopg

from dbtune.collect.connect import Connection
from dbtune.collect.session import Session
from dbtune.identifier import quote_identifier
from dbtune.progress import Progress
from dbtune.snapshot.model import StatementStatistics
from dbtune.statement.tokens import tokens

_READS = ("select", "with", "values", "table")
_WRITES = ("insert", "update", "delete", "merge", "share")

_GENERIC_PLAN_SINCE = 16


def with_plans(
    session: Session,
    statements: Iterable[StatementStatistics],
    limit: int,
    default_path: tuple[str, ...],
    progress: Progress,
) -> tuple[StatementStatistics, ...]:
    """The statements, the first `limit` that only read with the target's generic plan.

    What the server cannot plan, for want of a parameter's type for example, has none.
    """
    progress.stage("plans from the target", total=limit)
    return tuple(_planned(session, statements, limit, default_path, progress))


def _planned(
    session: Session,
    statements: Iterable[StatementStatistics],
    limit: int,
    default_path: tuple[str, ...],
    progress: Progress,
) -> Iterator[StatementStatistics]:
    left = limit
    for one in statements:
        if left == 0 or not only_reads(one.text):
            yield one
            continue
        left -= 1
        plan = _plan(session, one.text, one.search_path or default_path)
        progress.step()
        yield replace(one, target_plan=plan)


def only_reads(text: str) -> bool:
    """True for one whole statement of which no word could mean writing or locking rows."""
    words = [t for t in tokens(text) if not t.is_mark("(")]
    if not words or not words[0].is_word(*_READS):
        return False
    return not any(t.is_word(*_WRITES) or t.is_mark(";") or t.kind == "broken" for t in words)


def _plan(session: Session, text: str, path: tuple[str, ...]) -> str | None:
    connection = session.connection
    explained = None
    try:
        with connection.transaction():  # a savepoint: what fails does not end the session's own
            connection.execute(
                "SELECT /* dbtune */ set_config('search_path', %s, true)",
                [", ".join(map(quote_identifier, path))],
            )
            if session.major >= _GENERIC_PLAN_SINCE:
                explained = _explain(connection, f"(GENERIC_PLAN, VERBOSE, FORMAT JSON) {text}")
            else:
                explained = _explain_prepared(connection, text)
    except psycopg.Error:
        if connection.closed:
            raise
    if session.major < _GENERIC_PLAN_SINCE:
        _forget_prepared(connection)
    connection.execute("SELECT /* dbtune */ set_config('search_path', '', true)")
    return json.dumps(explained, separators=(",", ":")) if explained is not None else None


def _explain_prepared(connection: Connection, text: str) -> object:
    """Before 16: a prepared statement whose plan may not look at its parameters."""
    numbers = [int(t.text[1:]) for t in tokens(text) if t.kind == "parameter"]
    nulls = ", ".join(["NULL"] * max(numbers, default=0))
    call = f"dbtune_plan ({nulls})" if nulls else "dbtune_plan"

    def explained() -> object:
        connection.execute(f"PREPARE dbtune_plan AS {text}".encode())
        return _explain(connection, f"(VERBOSE, FORMAT JSON) EXECUTE {call}")

    connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    document = explained()
    if lost_partitions(document):
        connection.execute("DEALLOCATE dbtune_plan")
        connection.execute("SET LOCAL enable_partition_pruning = off")
        document = explained()
    return document


def lost_partitions(document: object) -> bool:
    """True if EXPLAIN EXECUTE left out the partitions that the NULLs of its call cannot meet.

    Their cost is in the plan, but neither they nor their indexes are shown.
    """
    if isinstance(document, list):
        return any(map(lost_partitions, document))
    if isinstance(document, dict):
        removed = document.get("Subplans Removed", 0)
        return removed > 0 or any(map(lost_partitions, document.values()))
    return False


def _forget_prepared(connection: Connection) -> None:
    """Only ours: behind a pooler the server's session holds other clients' statements as well."""
    ours = "SELECT /* dbtune */ FROM pg_catalog.pg_prepared_statements WHERE name = 'dbtune_plan'"
    if connection.execute(ours).fetchone() is not None:
        connection.execute("DEALLOCATE dbtune_plan")


def _explain(connection: Connection, what: str) -> object:
    # Without parameters of ours this is the simple protocol; the extended one would want values
    # for $1, and plan with them.
    row = connection.execute(f"EXPLAIN {what}".encode()).fetchone()
    return row[0] if row else None
