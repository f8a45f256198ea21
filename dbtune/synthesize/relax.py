"""What is made where the rows do not allow what the target has: never less than is possible."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from psycopg import Connection

from dbtune.identifier import quote_identifier
from dbtune.snapshot.catalog import Index, Relation
from dbtune.snapshot.model import Snapshot
from dbtune.twin.ddl import Ddl

_NAME = r'([a-z_][a-z0-9_]*|"(?:[^"]|"")+")'
_COMPARED = re.compile(rf"\(\({_NAME} [<>]=? {_NAME}\)\)\Z")
_CHECK = re.compile(r" CHECK (\(.*\))(?: NO INHERIT)?\Z", re.DOTALL)
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
    check = _CHECK.search(ddl.sql)
    if check and ddl.relation:
        relation = snapshot.relation_by_name[ddl.relation]
        _exchange(session, relation, check[1], snapshot)
        failing = f"SELECT ctid FROM {relation.name.sql} WHERE NOT {check[1]}"
        left_out = _without(session, relation, failing, snapshot)
        if attempt(ddl.sql) is None:
            exchanged = _COMPARED.match(check[1])
            others = ", its columns' values exchanged in others" if exchanged else ""
            return f"{left_out} rows left out{others}"
    if "FOREIGN KEY" in ddl.sql and attempt(f"{ddl.sql} NOT VALID") is None:
        return f"not validated: {words}"
    return words  # a check that rows fail would refuse every update of them: rather none


def _exchange(
    session: Connection[Any], relation: Relation, condition: str, snapshot: Snapshot
) -> None:
    """Exchange two columns' values where their order is wrong, if no key or bound knows them."""
    compared = _COMPARED.match(condition)
    if not compared or relation.kind != "r" or relation.parents:
        return
    indexes = snapshot.indexes_by_relation.get(relation.name, ())
    keyed = {k.column for i in indexes if i.is_unique for k in i.keys}
    keyed |= {c for f in snapshot.foreign_keys if f.relation == relation.name for c in f.columns}
    free = [
        column.type
        for column in relation.columns
        if quote_identifier(column.name) in compared.groups()
        and column.name not in keyed
        and not column.generated
    ]
    if len(free) == len(set(compared.groups())) and len(set(free)) == 1:
        a, b = compared.groups()
        sql = f"UPDATE {relation.name.sql} SET {a} = {b}, {b} = {a} WHERE NOT {condition}"
        session.execute(sql.encode())


def _without_repeated(session: Connection[Any], index: Index, snapshot: Snapshot) -> int:
    """Delete rows that repeat another's key."""
    relation = snapshot.relation_by_name[index.relation]
    keys = [quote_identifier(k.column) if k.column else f"({k.expression})" for k in index.keys]
    wanted = [f"({index.predicate})"] if index.predicate else []
    if not index.nulls_not_distinct:
        wanted += [f"{key} IS NOT NULL" for key in keys]
    where = f"WHERE {' AND '.join(wanted)}" if wanted else ""
    repeated = (
        f"SELECT ctid FROM (SELECT ctid, row_number() OVER (PARTITION BY {', '.join(keys)} "
        f"ORDER BY ctid) AS turn FROM {relation.name.sql} {where}) AS numbered WHERE turn > 1"
    )
    return _without(session, relation, repeated, snapshot)


def _without(session: Connection[Any], relation: Relation, places: str, snapshot: Snapshot) -> int:
    """Delete the rows at these places, if they are few and nothing refers to the table."""
    if relation.kind != "r" or any(c.referenced == relation.name for c in snapshot.foreign_keys):
        return 0
    counts = f"SELECT (SELECT count(*) FROM ({places}) AS r), count(*) FROM {relation.name.sql}"
    row = session.execute(counts.encode()).fetchone()
    if row is None or not 0 < row[0] <= row[1] * _FEW:
        return 0
    session.execute(f"DELETE FROM {relation.name.sql} WHERE ctid IN ({places})".encode())
    return int(row[0])
