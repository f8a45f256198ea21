"""Extended statistics: n-distinct, dependencies, most common combinations, expressions.

PostgreSQL 18 has functions to restore a relation's and a column's statistics, none for these. The
types are varlenas, so a cast without function takes bytes that we serialize (mvdistinct.c,
dependencies.c). For combinations of values the server does it: it analyses a scratch table that
holds each combination, and the frequencies are then put in place (mcv.c).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence

import psycopg

from dbtune.identifier import quote_identifier
from dbtune.snapshot.catalog import ExtendedStatistics, Relation
from dbtune.snapshot.model import Snapshot
from dbtune.twin.model import NotModelled
from dbtune.twin.session import Session
from dbtune.twin.statistics import restore_scratch_columns

_NDISTINCT = struct.pack("=II", 0xA352BFA4, 1)
_DEPENDENCIES = struct.pack("=II", 0xB4549A2C, 1)
_SCRATCH = "extended_statistics_scratch"

_INSERT = """
INSERT INTO pg_statistic_ext_data
    (stxoid, stxdinherit, stxdndistinct, stxddependencies, stxdmcv, stxdexpr)
SELECT e.oid, %(inherited)s, %(ndistinct)s::bytea::pg_ndistinct,
    %(dependencies)s::bytea::pg_dependencies, %(mcv)s::bytea::pg_mcv_list,
    CASE WHEN %(scratch)s::oid IS NOT NULL THEN
        (SELECT array_agg(s ORDER BY staattnum) FROM pg_statistic s
         WHERE starelid = %(scratch)s AND staattnum >= %(first)s)
    END
FROM pg_statistic_ext e JOIN pg_namespace n ON n.oid = e.stxnamespace
WHERE n.nspname = %(schema)s AND e.stxname = %(name)s
"""


def restore_extended(
    superuser: Session, owner: Session, snapshot: Snapshot
) -> tuple[NotModelled, ...]:
    """Restore what the extended statistics objects of the snapshot hold."""
    if not snapshot.extended_statistics:
        return ()
    for kind in ("pg_ndistinct", "pg_dependencies", "pg_mcv_list"):
        superuser.execute(f"CREATE CAST (bytea AS {kind}) WITHOUT FUNCTION".encode())
    missing = []
    for statistics in snapshot.extended_statistics:
        relation = snapshot.relation_by_name.get(statistics.relation)
        if relation is None:
            continue
        try:
            _restore_one(superuser, owner, statistics, relation)
        except psycopg.Error as error:
            words = error.diag.message_primary or str(error)
            missing.append(NotModelled(f"statistics {statistics.name}", words, relation.name))
    return tuple(missing)


def _restore_one(
    superuser: Session, owner: Session, statistics: ExtendedStatistics, relation: Relation
) -> None:
    _make_scratch(owner, statistics, relation)
    try:
        mcv = _mcv_bytes(superuser, owner, statistics)  # first, since it analyses the table
        first = len(statistics.columns) + 1
        expressions = None
        if len(statistics.expression_statistics) == len(statistics.expressions) > 0:
            restore_scratch_columns(superuser, _SCRATCH, first, statistics.expression_statistics)
            expressions = _scratch_oid(superuser)
        superuser.execute(
            _INSERT,
            {
                "schema": statistics.name.schema,
                "name": statistics.name.name,
                "inherited": statistics.inherited,
                "ndistinct": ndistinct_bytes(statistics.n_distinct),
                "dependencies": dependencies_bytes(statistics.dependencies),
                "mcv": mcv,
                "scratch": expressions,
                "first": first,
            },
        )
    finally:
        owner.execute(f"DROP TABLE {_SCRATCH}".encode())


def ndistinct_bytes(text: str | None) -> bytes | None:
    """`{"1, 2": 42}` as an MVNDistinct in its serialized form."""
    if text is None:
        return None
    items = re.findall(r'"([-\d, ]+)": (\d+)', text)
    packed = [_NDISTINCT, struct.pack("=I", len(items))]
    for attributes, distinct in items:
        numbers = [int(a) for a in attributes.split(",")]
        packed.append(struct.pack(f"=di{len(numbers)}h", float(distinct), len(numbers), *numbers))
    return b"".join(packed)


def dependencies_bytes(text: str | None) -> bytes | None:
    """`{"1, 2 => 3": 0.9}` as MVDependencies in their serialized form."""
    if text is None:
        return None
    items = re.findall(r'"([-\d, ]+) => (-?\d+)": ([\d.]+)', text)
    packed = [_DEPENDENCIES, struct.pack("=I", len(items))]
    for determining, determined, degree in items:
        numbers = [int(a) for a in (*determining.split(","), determined)]
        packed.append(struct.pack(f"=dh{len(numbers)}h", float(degree), len(numbers), *numbers))
    return b"".join(packed)


def _make_scratch(owner: Session, statistics: ExtendedStatistics, relation: Relation) -> None:
    """A temporary table with one column per dimension, of the very types and collations."""
    columns = ", ".join(f"{value} AS d{i}" for i, value in enumerate(_dimensions(statistics)))
    owner.execute(
        f"CREATE TEMPORARY TABLE {_SCRATCH} AS"
        f" SELECT {columns} FROM {relation.name.sql} LIMIT 0".encode()
    )


def _dimensions(statistics: ExtendedStatistics) -> list[str]:
    return [*map(quote_identifier, statistics.columns), *(f"({e})" for e in statistics.expressions)]


def _scratch_oid(superuser: Session) -> int:
    row = superuser.execute(
        "SELECT oid FROM pg_class WHERE relname = %s AND relpersistence = 't'", (_SCRATCH,)
    ).fetchone()
    assert row is not None
    return int(row[0])


def _mcv_bytes(superuser: Session, owner: Session, statistics: ExtendedStatistics) -> bytes | None:
    """The most common combinations as a serialized MCVList."""
    values = statistics.most_common_values
    if not values or not statistics.most_common_freqs or not statistics.most_common_base_freqs:
        return None
    dimensions = len(_dimensions(statistics))
    names = ", ".join(f"d{i}" for i in range(dimensions))
    row_count = 2  # a value seen once is no common value
    with owner.cursor() as cursor, cursor.copy(f"COPY {_SCRATCH} FROM STDIN".encode()) as copy:
        for combination in values:
            for _ in range(row_count):
                copy.write_row(combination)
    owner.execute(f"CREATE STATISTICS {_SCRATCH} (mcv) ON {names} FROM {_SCRATCH}".encode())
    owner.execute(
        f"ALTER STATISTICS {_SCRATCH} SET STATISTICS {min(max(len(values), 100), 10000)}".encode()
    )
    owner.execute(f"ANALYZE {_SCRATCH}".encode())
    rows = superuser.execute(
        "SELECT d.stxdmcv::bytea, i.values, i.frequency FROM pg_statistic_ext e"
        " JOIN pg_statistic_ext_data d ON d.stxoid = e.oid"
        " CROSS JOIN LATERAL pg_mcv_list_items(d.stxdmcv) i"
        " WHERE e.stxrelid = %s ORDER BY i.index",
        (_scratch_oid(superuser),),
    ).fetchall()
    owner.execute(f"DROP STATISTICS {_SCRATCH}".encode())
    if not rows:
        return None
    serialized = bytes(rows[0][0])
    order = [tuple(row[1]) for row in rows]
    wanted = dict(
        zip(
            values,
            zip(statistics.most_common_freqs, statistics.most_common_base_freqs, strict=True),
            strict=True,
        )
    )
    return with_frequencies(serialized, dimensions, [wanted.get(v, (0.0, 0.0)) for v in order])


def with_frequencies(
    serialized: bytes, dimensions: int, frequencies: Sequence[tuple[float, float]]
) -> bytes:
    """A serialized MCVList with other frequencies and base frequencies, in its items' order.

    Items stand at the end, each: null flags, frequency, base frequency, value indexes.
    """
    item_bytes = dimensions * (2 + 1) + 2 * 8
    patched = bytearray(serialized)
    start = len(patched) - item_bytes * len(frequencies)
    for place, pair in enumerate(frequencies):
        struct.pack_into("=dd", patched, start + place * item_bytes + dimensions, *pair)
    return bytes(patched)
