"""The demo's rewrite, measured."""

from __future__ import annotations

import psycopg
import pytest

from dbtune.bench.measure import Effort, measure
from dbtune.bench.result import rows_of
from dbtune.bench.stats import Judgement, Verdict
from dbtune.bench.switch import Nothing
from dbtune.demo.application import running_demo
from dbtune.demo.facts import batch_upsert

pytestmark = pytest.mark.pg(">= 18")


def test_a_hundred_users_in_one_statement_are_faster() -> None:
    with (
        running_demo(scale=0.01) as demo,
        psycopg.connect(demo.dsn, autocommit=True) as connection,
    ):
        task = batch_upsert(connection, 16)
        measurement = measure(connection, (task,), Nothing(), Effort(time_limit_s=1))
        assert measurement.not_measured == ()
        (row,) = rows_of(measurement, Judgement(resamples=500))
    assert row.verdict is Verdict.FASTER
    assert row.after.work.wal_bytes <= row.before.work.wal_bytes * 1.1
