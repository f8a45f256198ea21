"""What a report shows as DDL runs when it is pasted, partitioned relations and extensions too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import psycopg

from dbtune.advice import CreateIndex, DropIndex
from dbtune.collect import collect
from dbtune.pipeline import analyze
from dbtune.report.change import describe
from dbtune.snapshot.model import StatementStatistics

SCHEMA = """
CREATE TABLE visit (shop int, at date, note text) PARTITION BY RANGE (at);
CREATE TABLE visit_a PARTITION OF visit FOR VALUES FROM ('2024-01-01') TO ('2024-07-01');
CREATE TABLE visit_b PARTITION OF visit FOR VALUES FROM ('2024-07-01') TO ('2025-01-01');
INSERT INTO visit SELECT n % 900, date '2024-01-01' + n % 360, md5(n::text)
FROM generate_series(1, 60000) n;
CREATE INDEX visit_shop ON visit (shop);
CREATE INDEX visit_shop_again ON visit (shop);
"""
STATEMENTS = (
    StatementStatistics("SELECT * FROM visit WHERE note ILIKE $1", 100, total_exec_ms=3000),
    StatementStatistics("SELECT shop FROM visit WHERE at = $1 AND note = $2", 100, 2000),
)


def test_pasted_ddl_runs(make_database: Callable[..., str]) -> None:
    dsn = make_database(SCHEMA, "VACUUM ANALYZE")
    report = analyze(replace(collect(dsn), statements=STATEMENTS)).report
    changes = [r.change for r in report.recommendations]
    assert any(isinstance(change, DropIndex) for change in changes)
    assert any(isinstance(change, CreateIndex) and change.extensions for change in changes)
    with psycopg.connect(dsn, autocommit=True) as connection:
        for change in changes:
            for line in describe(change).ddl.split(";\n"):
                connection.execute(line.encode())
    after = collect(dsn)
    assert all(index.is_valid for index in after.indexes)
    assert {"visit_shop", "visit_shop_again"} - {i.name.name for i in after.indexes}
