"""TPC-H on its own rows and on synthesised ones: plans, rows, times, and what indexes do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import psycopg
from scipy.stats import spearmanr

from dbtune.collect import collect
from dbtune.plan import Plan, PlanNode, read_plan
from dbtune.snapshot.model import StatementStatistics
from dbtune.synthesize.run import synthesised_server
from tests.benchmarks.synthesize.likeness import far
from tests.benchmarks.twin.fidelity import HERE, TPCH, tpch
from tests.benchmarks.twin.speed import Clock
from tests.synthesize.distance import Distance, distances
from tests.twin.conftest import statements_in

CAP_MS = 30_000
REPEATED_BELOW_MS = 2_000
NOTABLE = 1.2

HEAD = ("query", "same tree", "source ms", "made ms", "source after", "made after", "rows")


@dataclass(frozen=True)
class Timed:
    """One statement's plan with actual rows, and its time; None where it took too long."""

    plan: Plan | None
    ms: float


@dataclass(frozen=True)
class Compared:
    """Source and synthesised, before and after the indexes."""

    source: tuple[list[Timed], list[Timed]]
    made: tuple[list[Timed], list[Timed]]
    distances: list[Distance]
    seconds: dict[str, float]

    def figures(self) -> list[tuple[object, ...]]:
        before = list(zip(self.source[0], self.made[0], strict=True))
        same = sum(_same(a, b) for a, b in before)
        planned, actual = _node_ratios(before)
        finished = [(a.ms, b.ms) for a, b in before if a.plan and b.plan]
        ranks = spearmanr([a for a, _ in finished], [b for _, b in finished])
        agree, notable = self._directions()
        return [
            ("columns", len(self.distances)),
            ("worst distance of a column, median", _two(median(d.worst for d in self.distances))),
            ("columns off by more than 2", sum(d.worst > 2 for d in self.distances)),
            ("same tree", f"{same} of {len(before)}"),
            ("estimated rows per node, median ratio", _two(median(planned))),
            ("actual rows per node, median ratio", _two(median(actual))),
            ("rank correlation of times", _two(float(ranks.statistic))),
            ("before/after agree in direction", f"{agree} of {notable}"),
            ("seconds to synthesise", _two(sum(self.seconds.values()))),
        ]

    def _directions(self) -> tuple[int, int]:
        agree = notable = 0
        for number in range(len(self.source[0])):
            real = self.source[1][number].ms / self.source[0][number].ms
            made = self.made[1][number].ms / self.made[0][number].ms
            if not 1 / NOTABLE <= real <= NOTABLE:
                notable += 1
                agree += (real > 1) == (made > 1)
        return agree, notable

    def statements(self) -> Iterator[tuple[object, ...]]:
        for number in range(len(self.source[0])):
            a, b = self.source[0][number], self.made[0][number]
            yield (
                number + 1, "yes" if _same(a, b) else "no", round(a.ms), round(b.ms),
                round(self.source[1][number].ms), round(self.made[1][number].ms),
                f"{_rows(a)} / {_rows(b)}",
            )  # fmt: skip

    def far(self) -> list[tuple[object, ...]]:
        return far(self.distances)


def measure(scale: float) -> Compared:
    """Load TPC-H, synthesise it from its snapshot, and run the 22 queries on both."""
    texts = [path.read_text().strip().rstrip(";") for path in sorted(TPCH.glob("q*.sql"))]
    indexes = statements_in((HERE / "tpch_indexes.sql").read_text())
    with tpch(scale) as dsn:
        workload = tuple(StatementStatistics(text, 1, source="file") for text in texts)
        snapshot = replace(collect(dsn), statements=workload)
        source = _before_and_after(dsn, texts, indexes)
    clock = Clock({})
    with synthesised_server(snapshot, progress=clock) as made:
        clock.stage("")
        found = list(distances(snapshot, collect(made.dsn)))
        return Compared(source, _before_and_after(made.dsn, texts, indexes), found, clock.seconds)


def _before_and_after(
    dsn: str, texts: Sequence[str], indexes: Sequence[str]
) -> tuple[list[Timed], list[Timed]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"SET statement_timeout = {CAP_MS}".encode())
        before = [_timed(connection, text) for text in texts]
        for index in indexes:
            connection.execute(index.encode())
        connection.execute("VACUUM ANALYZE")
        return before, [_timed(connection, text) for text in texts]


def _timed(connection: psycopg.Connection[Any], text: str) -> Timed:
    sql = f"EXPLAIN (ANALYZE, TIMING OFF, VERBOSE, FORMAT JSON) {text}".encode()
    best: Timed | None = None
    for _ in range(3):
        try:
            row = connection.execute(sql).fetchone()
        except psycopg.errors.QueryCanceled:
            return Timed(None, CAP_MS)
        assert row is not None
        plan = read_plan(row[0])
        found = Timed(plan, float(row[0][0]["Execution Time"]))
        best = found if best is None or found.ms < best.ms else best
        if found.ms > REPEATED_BELOW_MS:
            break
    assert best is not None
    return best


def _same(a: Timed, b: Timed) -> bool:
    return bool(a.plan and b.plan and a.plan.signature == b.plan.signature)


def _node_ratios(pairs: Sequence[tuple[Timed, Timed]]) -> tuple[list[float], list[float]]:
    """How far estimated and actual rows of the same nodes are apart, as ratios of at least 1."""
    planned, actual = [], []
    for a, b in pairs:
        if a.plan and b.plan and _same(a, b):
            for x, y in zip(a.plan.root.walk(), b.plan.root.walk(), strict=True):
                planned.append(_ratio(x.plan_rows, y.plan_rows))
                actual.append(_ratio(_actual(x), _actual(y)))
    return planned, actual


def _ratio(a: float, b: float) -> float:
    low, high = sorted((max(a, 1.0), max(b, 1.0)))
    return high / low


def _actual(node: PlanNode) -> float:
    return float(node.details.get("Actual Rows", 0.0))


def _rows(timed: Timed) -> str:
    return f"{_actual(timed.plan.root):.0f}" if timed.plan else "-"


def _two(value: float) -> str:
    return f"{value:.2f}"
