"""The log of a test run: a loop that is new fails, one that the baseline knows does not."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from dbtune.collect.logs import read_logs, statements_of_logs
from dbtune.gate.baseline import entry_of
from dbtune.gate.check import check
from dbtune.gate.sides import Base, CheckInput
from dbtune.report.model import Report
from dbtune.rules.model import Rule
from dbtune.snapshot.model import Snapshot
from tests.gate.conftest import TODAY

PARENT = (
    "SELECT id FROM shipment WHERE carrier_id = {} AND eta >= '2026-01-01' ORDER BY eta LIMIT 50"
)
CHILD = 'SELECT "id", "kind" FROM "customsEvent" WHERE "shipmentId" = {}'
BATCH = 'SELECT "id", "kind" FROM "customsEvent" WHERE "shipmentId" = ANY (\'{{{}}}\')'


def looping() -> Iterator[tuple[int, str]]:
    for unit in range(12):
        yield unit, PARENT.format(unit + 1)
        for n in range(25):
            yield unit, CHILD.format(unit * 25 + n)


def batched() -> Iterator[tuple[int, str]]:
    for unit in range(12):
        yield unit, PARENT.format(unit + 1)
        yield unit, BATCH.format(",".join(str(unit * 25 + n) for n in range(25)))


def written(path: Path, statements: Iterator[tuple[int, str]]) -> Path:
    """A csvlog of PostgreSQL 18 with one session."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        for n, (unit, text) in enumerate(statements):
            at = f"2026-03-14 09:{n // 600:02}:{n // 10 % 60:02}.{n % 10}00 UTC"
            row = [at, "app", "shop", 100, "127.0.0.1:1", "s1", n, "SELECT", at, f"3/{unit}", 0]
            row += ["LOG", "00000", f"duration: 0.4 ms  statement: {text}", *[""] * 8, "app"]
            writer.writerow([*row, "client backend", "", 0])
    return path


@pytest.fixture
def asked(production: Snapshot, rules: tuple[Rule, ...]) -> CheckInput:
    return CheckInput(base=production, rules=rules, today=TODAY)


def checked(
    asked: CheckInput, planned: Base, log: Path, *, baseline: Report | None = None
) -> Report:
    traffic = read_logs((log,))
    statements = statements_of_logs(traffic)
    with_log = CheckInput(
        base=asked.base,
        rules=asked.rules,
        today=asked.today,
        arrivals=statements,
        logged=statements,
        traffic=traffic,
        baseline=tuple(entry_of(f) for f in baseline.findings) if baseline else (),
    )
    return check(with_log, planned=planned)


def test_a_loop_fails_unless_the_baseline_knows_it(
    asked: CheckInput, planned: Base, tmp_path: Path
) -> None:
    log = written(tmp_path / "loop.csv", looping())
    first = checked(asked, planned, log)
    assert [d.finding.rule for d in first.verdict.failures] == ["n-plus-one"]
    assert first.verdict.failures[0].cure == ""
    again = checked(asked, planned, log, baseline=first)
    assert not again.verdict.failed


def test_a_batch_is_quiet(asked: CheckInput, planned: Base, tmp_path: Path) -> None:
    log = written(tmp_path / "batch.csv", batched())
    assert not checked(asked, planned, log).verdict.failed
