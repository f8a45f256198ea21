"""Read from the bench database what parameters are drawn from: pg_stats and a few rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg
from psycopg import Connection, sql

from dbtune.bench.parameters import ColumnValues, Ground, Kind, Row
from dbtune.bench.roles import Prepared, Role
from dbtune.identifier import QualifiedName

ROW_TIMEOUT_MS = 3000
SAMPLE_ROWS = 8

_STATISTICS = """
SELECT /* dbtune */ schemaname, tablename, attname,
       coalesce(most_common_vals::text::text[], '{}'),
       coalesce(histogram_bounds::text::text[], '{}')
FROM pg_stats WHERE schemaname = ANY(%s) AND tablename = ANY(%s) AND NOT inherited
ORDER BY 1, 2, 3
"""

_UNIQUE = """
SELECT /* dbtune */ n.nspname, c.relname,
       array_agg(DISTINCT a.attname::text ORDER BY a.attname::text)
FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey)
WHERE i.indisunique AND n.nspname = ANY(%s) AND c.relname = ANY(%s)
  AND NOT EXISTS (SELECT FROM pg_constraint f WHERE f.contype = 'f' AND f.conrelid = c.oid
                  AND a.attnum = ANY(f.conkey))
GROUP BY 1, 2
"""

_ENUMS = """
SELECT /* dbtune */ format_type(enumtypid, NULL), min(enumlabel) FROM pg_enum
WHERE enumsortorder = 1 GROUP BY 1
"""


def read_ground(connection: Connection[Any], statements: Iterable[Prepared]) -> Ground:
    """What the parameters of these statements can be drawn from."""
    roles = [r for s in statements for r in s.roles]
    relations = sorted({r.relation for r in roles if r.relation})
    schemas, names = [r.schema for r in relations], [r.name for r in relations]
    columns = {
        (QualifiedName(schema, table), column): ColumnValues(tuple(common), tuple(bounds))
        for schema, table, column, common, bounds in connection.execute(
            _STATISTICS, (schemas, names)
        )
    }
    unique = {
        QualifiedName(schema, table): frozenset(found)
        for schema, table, found in connection.execute(_UNIQUE, (schemas, names))
    }
    labels = dict(connection.execute(_ENUMS).fetchall())
    return Ground(columns, _rows(connection, relations, roles, columns), unique, labels)


def _rows(
    connection: Connection[Any],
    relations: Sequence[QualifiedName],
    roles: Sequence[Role],
    columns: Mapping[tuple[QualifiedName, str], ColumnValues],
) -> dict[tuple[QualifiedName, Kind], tuple[Row, ...]]:
    """A few rows per relation: of a common value, of anywhere, and of a rare value."""
    found: dict[tuple[QualifiedName, Kind], tuple[Row, ...]] = {}
    for relation in relations:
        used = sorted({r.column for r in roles if r.relation == relation and r.column})
        most = max(r.row for r in roles if r.relation == relation) + 1
        found[relation, "typical"] = _sample(connection, relation, used, max(most, SAMPLE_ROWS))
        equal = {r.column for r in roles if r.relation == relation and r.use in ("equal", "in")}
        for column in sorted(c for c in equal if c):
            known = columns.get((relation, column), ColumnValues())
            # Of several columns the one with common values decides: it is the skewed one.
            if known.common and (relation, "common") not in found:
                rare = known.bounds[len(known.bounds) // 2] if known.bounds else known.common[-1]
                values: tuple[tuple[Kind, str], ...] = (("common", known.common[0]), ("rare", rare))
                for kind, value in values:
                    rows = _rows_with(connection, relation, used, column, value)
                    found[relation, kind] = rows or found[relation, "typical"]
        found.setdefault((relation, "common"), found[relation, "typical"])
        found.setdefault((relation, "rare"), found[relation, "typical"])
    return found


def _sample(
    connection: Connection[Any], relation: QualifiedName, columns: Sequence[str], count: int
) -> tuple[Row, ...]:
    """Rows from anywhere, the same ones each time as long as the relation does not change."""
    query = sql.SQL(
        "SELECT /* dbtune */ {columns} FROM {relation} "
        "TABLESAMPLE {method} ({percent}) REPEATABLE (1) LIMIT {n}"
    )
    rows: tuple[Row, ...] = ()
    for method, percent in (("SYSTEM", 1), ("BERNOULLI", 100)):
        rows = _fetch(
            connection,
            query.format(
                columns=_as_text(columns),
                relation=sql.Identifier(relation.schema, relation.name),
                method=sql.SQL(method),
                percent=sql.Literal(percent),
                n=sql.Literal(count),
            ),
            columns,
        )
        if len(rows) >= (count if count > SAMPLE_ROWS else 1):
            break
    return rows


def _rows_with(
    connection: Connection[Any],
    relation: QualifiedName,
    columns: Sequence[str],
    column: str,
    value: str,
) -> tuple[Row, ...]:
    query = sql.SQL(
        "SELECT /* dbtune */ {columns} FROM {relation} WHERE {column} = {value} LIMIT {n}"
    ).format(
        columns=_as_text(columns),
        relation=sql.Identifier(relation.schema, relation.name),
        column=sql.Identifier(column),
        value=sql.Literal(value),
        n=sql.Literal(SAMPLE_ROWS),
    )
    return _fetch(connection, query, columns)


def _as_text(columns: Sequence[str]) -> sql.Composable:
    return sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(c)) for c in columns)


def _fetch(
    connection: Connection[Any], query: sql.Composed, columns: Sequence[str]
) -> tuple[Row, ...]:
    """The rows, or none where the server takes long or refuses (a view cannot be sampled)."""
    try:
        with connection.transaction():
            connection.execute(
                sql.SQL("SET LOCAL statement_timeout = {}").format(sql.Literal(ROW_TIMEOUT_MS))
            )
            rows = connection.execute(query).fetchall()
    except psycopg.Error:
        if connection.closed:
            raise
        return ()
    return tuple(dict(zip(columns, row, strict=True)) for row in rows)
