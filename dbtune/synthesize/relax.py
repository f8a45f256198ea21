"""What is made where the rows do not allow what the target has: never less than is possible."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from psycopg import Connection

from dbtune.identifier import quote_identifier
from dbtune.snapshot.catalog import Index
from dbtune.snapshot.model import Snapshot
from dbtune.twin.ddl import Ddl

_FEW = 0.1
"""The share of a table's rows that may be left out for the sake of a unique index."""

Attempt = Callable[[str], str | None]
"""Runs a statement; None if it succeeds, else what the server said."""


def relaxed(
    session: Connection[Any], ddl: Ddl, words: str, snapshot: Snapshot, attempt: Attempt
) -> str:
    """Make the nearest to a statement that the rows refuse; returns what is otherwise, and why."""
    index = next((i for i in snapshot.indexes if ddl.what == f"index {i.name}"), None)
    if index is not None and index.is_unique and not index.is_exclusion:
        left_out = _without_repeated(session, index, snapshot)
        if left_out and attempt(ddl.sql) is None:
            return f"{left_out} rows left out, so that no two are equal in it"
    if index is not None and (index.is_unique or index.is_exclusion):
        plain = index.definition.replace("CREATE UNIQUE INDEX", "CREATE INDEX", 1)
        if attempt(plain) is None:
            return f"made as a plain index: {words}"
    can_wait = " ADD CONSTRAINT " in ddl.sql and (" CHECK " in ddl.sql or "FOREIGN KEY" in ddl.sql)
    if can_wait and attempt(f"{ddl.sql} NOT VALID") is None:
        return f"not validated: {words}"
    return words


def _without_repeated(session: Connection[Any], index: Index, snapshot: Snapshot) -> int:
    """Delete rows that repeat another's key, if they are few and nothing refers to them."""
    relation = snapshot.relation_by_name[index.relation]
    if relation.kind != "r" or any(c.referenced == relation.name for c in snapshot.foreign_keys):
        return 0
    keys = [quote_identifier(k.column) if k.column else f"({k.expression})" for k in index.keys]
    wanted = [f"({index.predicate})"] if index.predicate else []
    if not index.nulls_not_distinct:
        wanted += [f"{key} IS NOT NULL" for key in keys]
    where = f"WHERE {' AND '.join(wanted)}" if wanted else ""
    repeated = (
        f"SELECT ctid FROM (SELECT ctid, row_number() OVER (PARTITION BY {', '.join(keys)} "
        f"ORDER BY ctid) AS turn FROM {relation.name.sql} {where}) AS numbered WHERE turn > 1"
    )
    counts = f"SELECT (SELECT count(*) FROM ({repeated}) AS r), count(*) FROM {relation.name.sql}"
    row = session.execute(counts.encode()).fetchone()
    if row is None or not 0 < row[0] <= row[1] * _FEW:
        return 0
    session.execute(f"DELETE FROM {relation.name.sql} WHERE ctid IN ({repeated})".encode())
    return int(row[0])
