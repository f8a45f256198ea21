"""What an index costs each written row: measured, beside what the advisor takes it to be."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import psycopg

from dbtune.advisor.maintenance import Write, maintenance_ms
from dbtune.collect import collect
from dbtune.index import spec_of
from dbtune.server.binaries import wheel_binaries
from dbtune.server.cluster import running_cluster
from dbtune.snapshot.model import Snapshot

HEAD = (
    "write", "index", "measured µs/row", "estimated µs/row", "estimate ÷ measured", "WAL B/row",
)  # fmt: skip
SETTINGS = {
    "autovacuum": "off", "shared_buffers": "256MB", "max_wal_size": "8GB",
    "checkpoint_timeout": "1d",
}  # fmt: skip
ROWS = 400_000
NEW = 20_000
RUNS = 4

_COLUMNS = """id int NOT NULL, spread int, few int, label text, wide text, period int4range,
tags text[], doc jsonb"""
_ROW = """SELECT g, hashint4(g) & 2147483647, g % 100, md5(g::text),
md5(g::text) || md5((g + 1)::text) || md5((g + 2)::text),
int4range(hashint4(g) & 1048575, (hashint4(g) & 1048575) + 100),
ARRAY['a' || hashint4(g) % 3000, 'b' || g % 70],
jsonb_build_object('ref', 'r' || g, 'zone', g % 5000, 'x', g % 7) FROM generate_series({}, {}) g"""
SCHEMA = (
    "CREATE EXTENSION pg_trgm",
    f"CREATE TABLE t ({_COLUMNS})",
    f"INSERT INTO t {_ROW.format(1, ROWS)}",
    f"CREATE TABLE fresh ({_COLUMNS})",
    f"INSERT INTO fresh {_ROW.format(ROWS + 1, ROWS + NEW)}",
    # Half-empty pages: an update may stay on its page unless an index stands in the way.
    "CREATE TABLE u (id int PRIMARY KEY, spread int, label text, n int) WITH (fillfactor = 40)",
    f"INSERT INTO u SELECT g, hashint4(g) & 2147483647, md5(g::text), g "
    f"FROM generate_series(1, {ROWS // 2}) g",
    "VACUUM ANALYZE",
    # What the statistics shall say of earlier updates: all of them were heap-only.
    "UPDATE u SET n = n WHERE id % 10 = 0",
    "SELECT pg_stat_force_next_flush()",
    "VACUUM",
)
INSERTS = (
    "(spread)", "(id)", "(few)", "(spread, id, few)", "(label)", "(wide)",
    "(spread) INCLUDE (id, few, label)", "(spread) WHERE few = 5", "(lower(label))",
    "USING brin (id)", "USING hash (spread)", "USING gist (period)",
    "USING gin (tags) WITH (fastupdate = off)",
    "USING gin (doc jsonb_path_ops) WITH (fastupdate = off)",
    "USING gin (label gin_trgm_ops) WITH (fastupdate = off)",
)  # fmt: skip
INSERT = "INSERT INTO t SELECT * FROM fresh"
UPDATE = "UPDATE u SET n = n + 1 WHERE id % 10 = 0"
UPDATES = ((), ("(spread)",), ("(spread)", "(label)"))


def rows() -> Iterator[tuple[object, ...]]:
    """Inserts with one index each; updates of a column that one more index is on, or is not."""
    with (
        running_cluster(wheel_binaries(), settings=SETTINGS) as cluster,
        psycopg.connect(cluster.dsn(), autocommit=True) as connection,
    ):
        for statement in SCHEMA:
            connection.execute(statement.encode())
        dsn = cluster.dsn()
        bare = _measure(connection, INSERT)
        for body in INSERTS:
            connection.execute(f"CREATE INDEX x ON t {body}".encode())
            snapshot, loaded = collect(dsn), _measure(connection, INSERT)
            connection.execute(b"DROP INDEX x")
            yield _row("insert", body, snapshot, [Write("insert", 1.0)], loaded, bare)
        for others in UPDATES:
            for column in ("n", "id"):
                yield _update(connection, dsn, others, column)


def _update(
    connection: psycopg.Connection, dsn: str, others: Sequence[str], column: str
) -> tuple[object, ...]:
    for number, body in enumerate(others):
        connection.execute(f"CREATE INDEX other{number} ON u {body}".encode())
    bare = _measure(connection, UPDATE)
    connection.execute(f"CREATE INDEX x ON u ({column})".encode())
    snapshot, loaded = collect(dsn), _measure(connection, UPDATE)
    connection.execute(b"DROP INDEX x")
    for number, _ in enumerate(others):
        connection.execute(f"DROP INDEX other{number}".encode())
    write = Write("update", 1.0, frozenset({"n"}))
    label = f"({column}) beside {1 + len(others)} others"
    return _row("update n", label, snapshot, [write], loaded, bare)


def _measure(connection: psycopg.Connection, text: str) -> tuple[float, float]:
    """The least microseconds and bytes of WAL a row of some runs, each rolled back."""
    connection.execute(b"VACUUM t")
    connection.execute(b"VACUUM u")
    connection.execute(b"CHECKPOINT")
    found = []
    for _ in range(RUNS + 1):
        with connection.transaction(force_rollback=True):
            begun, position = time.perf_counter(), _wal(connection)
            rows = connection.execute(text.encode()).rowcount
            took = time.perf_counter() - begun
            found.append((took * 1e6 / rows, (_wal(connection) - position) / rows))
    return min(us for us, _ in found[1:]), min(wal for _, wal in found[1:])


def _wal(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn").fetchone()
    assert row
    return int(row[0])


def _row(  # noqa: PLR0917 - the columns of a table
    write: str,
    label: str,
    snapshot: Snapshot,
    writes: Sequence[Write],
    loaded: tuple[float, float],
    bare: tuple[float, float],
) -> tuple[object, ...]:
    index = next(i for i in snapshot.indexes if i.name.name == "x")
    estimated = 1000 * maintenance_ms(spec_of(index), writes, _less(snapshot), index.size_bytes)
    measured = loaded[0] - bare[0]
    ratio = f"{estimated / measured:.2f}" if measured > 0.1 else "–"
    return (
        write, label, f"{measured:.1f}", f"{estimated:.1f}", ratio, f"{loaded[1] - bare[1]:.0f}",
    )  # fmt: skip


def _less(snapshot: Snapshot) -> Snapshot:
    """The snapshot as it was without the index in question."""
    return replace(snapshot, indexes=tuple(i for i in snapshot.indexes if i.name.name != "x"))
