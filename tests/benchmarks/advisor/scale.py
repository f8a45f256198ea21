"""How time and planner calls grow with statements and relations."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import psycopg

from dbtune.advisor import AdvisorOptions, advise
from dbtune.assemble import assemble_workload
from dbtune.collect import collect
from dbtune.progress import Silent
from dbtune.server.binaries import wheel_binaries
from dbtune.server.cluster import running_cluster
from dbtune.snapshot.catalog import Relation
from dbtune.snapshot.model import Snapshot, StatementStatistics
from dbtune.snapshot.scope import Scope
from dbtune.twin.twin import open_twin

HEAD = ("statements", "relations", "seconds", "explains", "indexes", "gap", "complete")
SIZES = ((50, 5), (500, 50), (5000, 500))

_TABLE = """
CREATE TABLE t{n} (id bigint PRIMARY KEY, parent int NOT NULL, kind int NOT NULL,
    at timestamptz NOT NULL, name text NOT NULL, amount numeric NOT NULL, gone timestamptz);
"""
_FIRST = """
INSERT INTO t0 SELECT g, (g * 7919) % 2000, g % 60, timestamptz '2024-01-01' + g * interval '1 min',
    md5(g::text), g, NULL FROM generate_series(1, 40000) g;
"""

STATEMENTS = [
    "SELECT * FROM t{n} WHERE id = $1",
    "SELECT * FROM t{n} WHERE parent = $1",
    "SELECT * FROM t{n} WHERE kind = $1 ORDER BY at DESC LIMIT 20",
    "SELECT sum(amount) FROM t{n} WHERE parent = $1 AND at >= $2",
    "SELECT * FROM t{n} WHERE name = $1 AND gone IS NULL",
    "SELECT a.name FROM t{n} a JOIN t{m} b ON b.parent = a.kind WHERE b.name = $1",
    "UPDATE t{n} SET amount = $1 WHERE parent = $2 AND kind = $3",
    "SELECT kind, count(*) FROM t{n} WHERE at > $1 GROUP BY kind",
    "SELECT * FROM t{n} WHERE lower(name) = $1",
    "INSERT INTO t{n} (id, parent, kind, at, name, amount) VALUES ($1, $2, $3, $4, $5, $6)",
]


def rows() -> Iterator[tuple[object, ...]]:
    with running_cluster(wheel_binaries(), settings={"autovacuum": "off"}) as cluster:
        for statements, relations in SIZES:
            snapshot = _snapshot(cluster.dsn(), statements, relations)
            start = time.monotonic()
            with open_twin(snapshot) as twin:
                workload = assemble_workload(snapshot, twin, Scope(), Silent())
                advice = advise(workload, twin, AdvisorOptions())
            seconds = time.monotonic() - start
            yield (
                len(workload.statements), relations, f"{seconds:.1f}", advice.explains,
                len(advice.recommendations), f"{advice.gap or 0:.1%}", advice.complete,
            )  # fmt: skip


def _snapshot(dsn: str, statements: int, relations: int) -> Snapshot:
    """One filled table, and as many like it in the snapshot as there shall be relations."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        for number in range(relations):
            connection.execute(_TABLE.format(n=number).encode())
        connection.execute(_FIRST.encode())
        connection.execute("VACUUM ANALYZE t0")
    snapshot = collect(dsn)
    first = next(r for r in snapshot.relations if r.name.name == "t0")
    key = next(i for i in snapshot.indexes if i.relation == first.name)
    texts = tuple(
        StatementStatistics(
            STATEMENTS[n % len(STATEMENTS)].format(
                n=n // 10 % relations, m=(n // 10 + 1) % relations
            ),
            calls=100 + n,
            total_exec_ms=1000.0 + 7 * n % 5000,
            rows=100 + n,
        )
        for n in range(statements)
    )
    return replace(
        snapshot,
        relations=tuple(_like(r, first) for r in snapshot.relations),
        indexes=tuple(
            replace(i, relpages=key.relpages, reltuples=key.reltuples, size_bytes=key.size_bytes,
                    tree_height=key.tree_height)
            for i in snapshot.indexes
        ),
        statements=texts,
    )  # fmt: skip


def _like(relation: Relation, model: Relation) -> Relation:
    return replace(
        relation,
        relpages=model.relpages,
        reltuples=model.reltuples,
        relallvisible=model.relallvisible,
        size_bytes=model.size_bytes,
        columns=model.columns,
    )
