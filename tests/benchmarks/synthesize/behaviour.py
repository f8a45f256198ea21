"""A source and its synthesised likeness side by side: plans, rows, times, and what indexes do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import psycopg
from scipy.stats import spearmanr

from dbtune.plan import Plan, PlanNode, read_plan

CAP_MS = 12_000
RUNS = 5
ONCE_ABOVE_MS = 1_500
NOTABLE = 1.2

HEAD = (
    "database", "same tree", "estimated rows ×", "actual rows ×", "nodes within 2 ×",
    "rank of times", "same direction", "same tree with indexes",
)  # fmt: skip
STATEMENT_HEAD = (
    "database", "statement", "same tree", "source ms", "made ms", "ratio", "made ratio", "rows",
    "made rows",
)  # fmt: skip


@dataclass(frozen=True)
class Timed:
    """One statement's plan with actual rows, and its time: None and the cap if it took longer.

    `tree` is the plan without running it.
    """

    tree: Plan
    plan: Plan | None
    ms: float


@dataclass(frozen=True)
class Compared:
    """Source and synthesised by statement, before the indexes and (if there are any) after."""

    name: str
    before: list[tuple[Timed, Timed]]
    after: list[tuple[Timed, Timed]]

    @property
    def row(self) -> tuple[object, ...]:
        planned, actual = _node_ratios(self.before)
        finished = [(a.ms, b.ms) for a, b in self.before if a.plan and b.plan]
        ranks = spearmanr([a for a, _ in finished], [b for _, b in finished])
        notable = [r for r in self.ratios() if not 1 / NOTABLE <= r[0] <= NOTABLE]
        agree = sum((real > 1) == (made > 1) for real, made in notable)
        return (
            self.name,
            _same_trees(self.before),
            f"{median(planned):.2f}",
            f"{median(actual):.2f}",
            f"{sum(r <= 2 for r in actual) / len(actual):.0%}",
            f"{float(ranks.statistic):.2f}",
            f"{agree} of {len(notable)}" if self.after else "-",
            _same_trees(self.after) if self.after else "-",
        )

    def ratios(self) -> list[tuple[float, float]]:
        """After by before, on the source and on the synthesised."""
        return [
            (c.ms / a.ms, d.ms / b.ms)
            for (a, b), (c, d) in zip(self.before, self.after, strict=bool(self.after))
        ]

    def statements(self) -> Iterator[tuple[object, ...]]:
        """The statements in which the two differ."""
        ratios = self.ratios() or [(1.0, 1.0)] * len(self.before)
        for number, ((a, b), (real, made)) in enumerate(zip(self.before, ratios, strict=True), 1):
            same = _same(a, b)
            turned = not 1 / NOTABLE <= real <= NOTABLE and (real > 1) != (made > 1)
            rows = _ratio(_rows(a), _rows(b))
            if not same or turned or rows > 2:
                yield (
                    self.name, number, "yes" if same else "no", f"{a.ms:.1f}", f"{b.ms:.1f}",
                    f"{real:.2f}", f"{made:.2f}", round(_rows(a)), round(_rows(b)),
                )  # fmt: skip


def compare(
    name: str, source: str, made: str, texts: Sequence[str], indexes: Sequence[str]
) -> Compared:
    """Run statements on both, in turn, without and with the indexes."""
    with (
        psycopg.connect(source, autocommit=True) as here,
        psycopg.connect(made, autocommit=True) as there,
    ):
        both = (here, there)
        for connection in both:
            connection.execute(f"SET statement_timeout = {CAP_MS}".encode())
        before = [_timed(both, text) for text in texts]
        if not indexes:
            return Compared(name, before, [])
        for connection in both:
            connection.execute("SET statement_timeout = 0")
            for index in indexes:
                unless = index.replace("CREATE EXTENSION ", "CREATE EXTENSION IF NOT EXISTS ")
                connection.execute(unless.encode())
            connection.execute("VACUUM ANALYZE")
            connection.execute(f"SET statement_timeout = {CAP_MS}".encode())
        return Compared(name, before, [_timed(both, text) for text in texts])


def _timed(both: Sequence[psycopg.Connection[Any]], text: str) -> tuple[Timed, Timed]:
    """The median times of runs that alternate between the servers."""
    runs: tuple[list[Timed], list[Timed]] = ([], [])
    for _ in range(RUNS):
        for connection, found in zip(both, runs, strict=True):
            if not found or found[0].ms < ONCE_ABOVE_MS:
                found.append(_run(connection, text))
    first, second = (sorted(found, key=lambda t: t.ms)[len(found) // 2] for found in runs)
    return first, second


def _run(connection: psycopg.Connection[Any], text: str) -> Timed:
    tree = read_plan(_explained(connection, f"EXPLAIN (VERBOSE, FORMAT JSON) {text}"))
    sql = f"EXPLAIN (ANALYZE, TIMING OFF, VERBOSE, FORMAT JSON) {text}"
    try:
        found = _explained(connection, sql)
    except psycopg.errors.QueryCanceled:
        return Timed(tree, None, CAP_MS)
    return Timed(tree, read_plan(found), float(found[0]["Execution Time"]))


def _explained(connection: psycopg.Connection[Any], sql: str) -> list[dict[str, Any]]:
    row = connection.execute(sql.encode()).fetchone()
    assert row is not None
    found: list[dict[str, Any]] = row[0]
    return found


def _same_trees(pairs: Sequence[tuple[Timed, Timed]]) -> str:
    return f"{sum(_same(a, b) for a, b in pairs)} of {len(pairs)}"


def _same(a: Timed, b: Timed) -> bool:
    return a.tree.signature == b.tree.signature


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


def _rows(timed: Timed) -> float:
    return _actual(timed.plan.root) if timed.plan else 0.0
