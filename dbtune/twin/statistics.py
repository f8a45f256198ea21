"""Write a snapshot's relation and column statistics into the twin's catalog.

The functions are PostgreSQL 18's pg_restore_relation_stats and pg_restore_attribute_stats. Rows
go over in one COPY and are restored by one SELECT: a call a column would cost a round trip each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import psycopg

from dbtune.identifier import QualifiedName
from dbtune.snapshot.catalog import ColumnStatistics
from dbtune.snapshot.model import Snapshot
from dbtune.twin import before18
from dbtune.twin.model import NotModelled
from dbtune.twin.session import Session

Row = tuple[object, ...]

CURRENT_VERSION = 180000

_RELATION_TABLE = """
CREATE TEMPORARY TABLE IF NOT EXISTS relation_statistics (
    schema text, name text, relpages int, reltuples real, relallvisible int)
"""
_RESTORE_RELATIONS = """
SELECT s.schema, s.name, pg_restore_relation_stats(
    'schemaname', s.schema, 'relname', s.name, 'version', %(version)s::int,
    'relpages', s.relpages, 'reltuples', s.reltuples, 'relallvisible', s.relallvisible)
FROM pg_temp.relation_statistics s
JOIN pg_namespace n ON n.nspname = s.schema
JOIN pg_class c ON c.relname = s.name AND c.relnamespace = n.oid AND c.relkind IN
    ('r', 'p', 'm', 'f', 'i', 'I')
"""

_COLUMN_TABLE = """
CREATE TEMPORARY TABLE IF NOT EXISTS column_statistics (
    schema text, name text, attribute text, number smallint, inherited boolean, null_frac real,
    avg_width int, n_distinct real, most_common_vals text, most_common_freqs real[],
    histogram_bounds text, correlation real, most_common_elems text, most_common_elem_freqs real[],
    elem_count_histogram real[], range_length_histogram text, range_empty_frac real,
    range_bounds_histogram text)
"""
_RESTORE_COLUMNS = """
SELECT s.schema, s.name, pg_restore_attribute_stats(
    'schemaname', s.schema, 'relname', s.name, 'attnum', a.attnum, 'inherited', s.inherited,
    'version', %(version)s::int, 'null_frac', s.null_frac, 'avg_width', s.avg_width,
    'n_distinct', s.n_distinct, 'most_common_vals', s.most_common_vals,
    'most_common_freqs', s.most_common_freqs, 'histogram_bounds', s.histogram_bounds,
    'correlation', s.correlation, 'most_common_elems', s.most_common_elems,
    'most_common_elem_freqs', s.most_common_elem_freqs,
    'elem_count_histogram', s.elem_count_histogram,
    'range_length_histogram', s.range_length_histogram, 'range_empty_frac', s.range_empty_frac,
    'range_bounds_histogram', s.range_bounds_histogram)
FROM pg_temp.column_statistics s
JOIN pg_namespace n ON n.nspname = s.schema
JOIN pg_class c ON c.relname = s.name AND c.relnamespace = n.oid
JOIN pg_attribute a ON a.attrelid = c.oid AND (a.attname = s.attribute OR a.attnum = s.number)
    AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p', 'm', 'f', 'i')
"""


def restore_statistics(superuser: Session, snapshot: Snapshot) -> tuple[NotModelled, ...]:
    """Restore relation and column statistics; returns what the server would not take."""
    version = snapshot.server.version_num
    relations = tuple(_relation_rows(snapshot))
    columns = tuple(_column_rows(snapshot))
    return (
        *_restore(superuser, _RELATION_TABLE, "relation_statistics", relations, version),
        *_restore(superuser, _COLUMN_TABLE, "column_statistics", columns, version),
    )


def restore_scratch_columns(
    superuser: Session, table: str, first: int, statistics: Sequence[ColumnStatistics]
) -> None:
    """Restore the statistics of a temporary table's columns, from attribute number `first` on."""
    row = superuser.execute(
        "SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relname = %s AND c.relpersistence = 't'",
        (table,),
    ).fetchone()
    assert row is not None
    name = QualifiedName(str(row[0]), table)
    rows = tuple(
        _column_row(name, None, number, replace(s, inherited=False))
        for number, s in enumerate(statistics, start=first)
    )
    _restore(superuser, _COLUMN_TABLE, "column_statistics", rows, CURRENT_VERSION)


def restore_expressions(
    superuser: Session, index: QualifiedName, statistics: Mapping[int, ColumnStatistics]
) -> None:
    """Give expression keys of an index, by their place, derived statistics."""
    rows = tuple(_column_row(index, None, number, s) for number, s in statistics.items())
    _restore(superuser, _COLUMN_TABLE, "column_statistics", rows, CURRENT_VERSION)


def _restore(
    superuser: Session, table: str, name: str, rows: Sequence[Row], version: int
) -> tuple[NotModelled, ...]:
    """All rows at once; one by one if any of them fails."""
    try:
        return _restore_batch(superuser, table, name, rows, version)
    except psycopg.Error as error:
        if len(rows) == 1:
            relation = QualifiedName(str(rows[0][0]), str(rows[0][1]))
            words = error.diag.message_primary or str(error)
            return (NotModelled(f"statistics of {relation}", words, relation),)
    half = len(rows) // 2
    return (
        *_restore(superuser, table, name, rows[:half], version),
        *_restore(superuser, table, name, rows[half:], version),
    )


def _restore_batch(
    superuser: Session, table: str, name: str, rows: Sequence[Row], version: int
) -> tuple[NotModelled, ...]:
    functions = (_RESTORE_RELATIONS, _RESTORE_COLUMNS)
    if superuser.info.server_version < CURRENT_VERSION:
        functions = (before18.RESTORE_RELATIONS, before18.RESTORE_COLUMNS)
    restore = functions[0 if name == "relation_statistics" else 1]
    with superuser.transaction(), superuser.cursor() as cursor:
        cursor.execute("SET LOCAL client_min_messages = error")
        cursor.execute(table.encode())
        cursor.execute(f"TRUNCATE pg_temp.{name}".encode())
        with cursor.copy(f"COPY pg_temp.{name} FROM STDIN".encode()) as copy:
            for row in rows:
                copy.write_row(row)
        answers = cursor.execute(restore.encode(), {"version": version}).fetchall()
    refused = sorted({(str(s), str(n)) for s, n, done in answers if not done})
    why = "the embedded server does not take some of its statistics"
    return tuple(
        NotModelled(f"statistics of {QualifiedName(s, n)}", why, QualifiedName(s, n))
        for s, n in refused
    )


def _relation_rows(snapshot: Snapshot) -> Iterator[Row]:
    for r in snapshot.relations:
        if r.kind != "v":
            yield (r.name.schema, r.name.name, r.relpages, r.reltuples, r.relallvisible)
    for i in snapshot.indexes:
        yield (i.name.schema, i.name.name, i.relpages, i.reltuples, 0)


def _column_rows(snapshot: Snapshot) -> Iterator[Row]:
    for relation in snapshot.relations:
        for column in relation.columns:
            for statistics in column.statistics:
                yield _column_row(relation.name, column.name, None, statistics)
    for index in snapshot.indexes:
        for number, key in enumerate(index.keys, start=1):
            if key.statistics and key.expression:
                yield _column_row(index.name, None, number, key.statistics)


def _column_row(
    name: QualifiedName, attribute: str | None, number: int | None, s: ColumnStatistics
) -> Row:
    return (
        name.schema, name.name, attribute, number, s.inherited, s.null_frac, s.avg_width,
        s.n_distinct, array_literal(s.most_common_values), _floats(s.most_common_freqs),
        array_literal(s.histogram_bounds), s.correlation, array_literal(s.most_common_elems),
        _floats(s.most_common_elem_freqs), _floats(s.elem_count_histogram),
        array_literal(s.range_length_histogram), s.range_empty_frac,
        array_literal(s.range_bounds_histogram),
    )  # fmt: skip


def array_literal(values: Sequence[str | None] | None) -> str | None:
    """The text form of an array: every element quoted, so that any type's output is safe."""
    if values is None:
        return None
    quoted = ("NULL" if v is None else f'"{_escaped(v)}"' for v in values)
    return "{" + ",".join(quoted) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _floats(values: tuple[float, ...] | None) -> str | None:
    return None if values is None else "{" + ",".join(map(repr, values)) + "}"
