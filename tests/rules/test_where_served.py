"""Better indexes than those that serve already: worth it, too little, or measured before them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import psycopg
import pytest

from dbtune.collect import collect
from dbtune.pipeline import analyze
from dbtune.snapshot.model import Snapshot, StatementStatistics

METERS = """
CREATE TABLE reading (meter int, day date, kind text, value int);
INSERT INTO reading SELECT m, date '2024-01-01' + d, k, m * d
  FROM generate_series(1, 400) m, generate_series(1, 200) d, unnest(ARRAY['in', 'out']) k;
CREATE INDEX reading_day ON reading (day);
"""
DAILY = "SELECT value FROM reading WHERE day = $1 AND meter = $2"
CALLS = 20


@pytest.fixture
def meters(make_database: Callable[..., str]) -> Snapshot:
    """An index that serves half, and was scanned as often as the statement was called."""
    dsn = make_database(METERS, "VACUUM ANALYZE")
    with psycopg.connect(dsn, autocommit=True) as connection:
        for day in range(CALLS):
            sql = f"SELECT value FROM reading WHERE day = date '2024-02-01' + {day} AND meter = 7"
            connection.execute(sql.encode())
        connection.execute("SELECT pg_stat_force_next_flush()")
    return collect(dsn)


def findings(snapshot: Snapshot, *, daily_ms: float, all_ms: float) -> tuple[list[str], list[str]]:
    """Rules that fire, and the reasons for what gets nothing, where DAILY takes so long in all."""
    statements = (
        StatementStatistics(DAILY, CALLS, total_exec_ms=daily_ms),
        StatementStatistics("SELECT sum(value) FROM reading", 15, total_exec_ms=all_ms - daily_ms),
    )
    report = analyze(replace(snapshot, statements=statements)).report
    rules = [f.rule for f in report.findings if f.rule.startswith("missing")]
    return rules, [d.reason for d in report.declined if d.what == DAILY]


def test_a_millisecond_a_call_and_a_hundredth_are_enough(meters: Snapshot) -> None:
    assert findings(meters, daily_ms=40, all_ms=2000) == (["missing-composite-index"], [])


def test_less_is_declined_with_the_reason(meters: Snapshot) -> None:
    rules, reasons = findings(meters, daily_ms=4, all_ms=2000)
    assert rules == []
    (reason,) = reasons
    assert "too little" in reason
    assert "reading" in reason


def test_times_from_before_the_index_count_for_nothing(meters: Snapshot) -> None:
    fresh = tuple(
        replace(index, activity=replace(index.activity, idx_scan=CALLS - 1))
        if index.activity
        else index
        for index in meters.indexes
    )
    rules, reasons = findings(replace(meters, indexes=fresh), daily_ms=40, all_ms=2000)
    assert rules == []
    assert len(reasons) == 1
