"""Columns that go together on the target do so in synthesised rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from dbtune.collect import collect
from dbtune.progress import Silent
from dbtune.snapshot.model import Snapshot, StatementStatistics
from dbtune.synthesize.run import synthesise_into

pytestmark = pytest.mark.pg(">= 15")

SCHEMA = """
CREATE TABLE parcel (
  id integer PRIMARY KEY, state text, late boolean, city integer, region integer, shop integer,
  flag text, status text, sent date NOT NULL, arrived date, CHECK (sent <= arrived));
INSERT INTO parcel SELECT n, CASE WHEN n % 10 < 6 THEN 'done' WHEN n % 10 < 9 THEN 'open' END,
  n % 10 >= 8, n * 7919 % 400, n * 7919 % 400 / 40, n * 7919 % 400 * 3 % 100 + n % 3,
  (ARRAY['a', 'n', 'r'])[1 + n % 3], CASE WHEN n % 3 = 1 AND n % 4 = 0 THEN 'f' ELSE 'o' END,
  date '2026-01-01' + n * 31 % 300, date '2026-01-01' + n * 31 % 300 + n % 20
  FROM generate_series(1, 20000) n;
CREATE STATISTICS s1 (mcv) ON state, late FROM parcel;
CREATE STATISTICS s2 (dependencies) ON city, region FROM parcel;
CREATE STATISTICS s3 (ndistinct) ON city, shop FROM parcel;
"""
GROUPS = "SELECT flag, status, count(*) FROM parcel GROUP BY flag, status"


def ask(dsn: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(query.encode()).fetchall()


@pytest.fixture
def both(make_database: Callable[..., str]) -> tuple[str, str]:
    """The DSNs of a source and of its synthesised likeness."""
    source = make_database(SCHEMA, "VACUUM ANALYZE")
    counted = StatementStatistics(GROUPS, 10, rows=40, source="file")
    snapshot: Snapshot = replace(collect(source), statements=(counted,))
    target = make_database("DROP EXTENSION pg_stat_statements")
    assert synthesise_into(target, snapshot, progress=Silent()).notes == ()
    return source, target


def test_columns_that_go_together(both: tuple[str, str]) -> None:
    source, target = both
    common = "SELECT state, late, count(*) FROM parcel GROUP BY 1, 2 ORDER BY 1, 2"
    for wanted, found in zip(ask(source, common), ask(target, common), strict=True):
        assert found[:2] == wanted[:2]
        assert found[2] == pytest.approx(wanted[2], rel=0.05)
    regions = "SELECT count(DISTINCT region) FROM parcel GROUP BY city"
    assert set(ask(target, regions)) == {(1,)}
    shops = "SELECT count(*) FROM (SELECT DISTINCT city, shop FROM parcel) AS pair"
    assert ask(target, shops)[0][0] == pytest.approx(ask(source, shops)[0][0], rel=0.1)
    assert len(ask(target, GROUPS)) == 4
    assert ask(target, "SELECT count(*) FROM parcel WHERE sent > arrived") == [(0,)]
    for column in ("state", "city", "region", "shop", "flag", "status", "arrived"):
        distinct = f"SELECT count(DISTINCT {column}), count({column}) FROM parcel"
        for wanted, found in zip(ask(source, distinct)[0], ask(target, distinct)[0], strict=True):
            assert found == pytest.approx(wanted, rel=0.05), column
