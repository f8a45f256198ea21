"""Whether the advice is true: sets for TPC-H built, all 22 queries run with and without them."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection

from dbtune.advice import Advice, Measured, Recommendation, Verification
from dbtune.advisor import advise
from dbtune.assemble import assemble_workload
from dbtune.bench.measure import Effort
from dbtune.bench.place import connect_to_bench
from dbtune.index import IndexSpec
from dbtune.progress import Progress, Silent
from dbtune.snapshot.model import Snapshot, StatementStatistics
from dbtune.snapshot.scope import Scope
from dbtune.twin.engine import Twin
from dbtune.twin.twin import open_twin
from dbtune.verify.clone import Built, Clone, creations
from dbtune.verify.compare import LEAST_ROUNDS
from dbtune.verify.verify import Question, verify
from dbtune.workload import Workload
from tests.benchmarks.advisor.budgets import NOT_COUNTED, options_for, queries

HEAD = (
    "budget", "set", "predicted", "built", "MB predicted", "MB built", "time ratio", "faster",
    "slower", "which", "sets", "seconds",
)  # fmt: skip
BUDGETS_MB = (306, 755)
CAP_S = 60.0


@dataclass
class Noting(Clone):
    """A clone that notes what the planner makes of each set built on it, and its bytes."""

    costs: list[float] = field(default_factory=list)
    bytes_built: list[int] = field(default_factory=list)

    def build(
        self, connection: Connection[Any], wanted: Sequence[IndexSpec], progress: Progress
    ) -> tuple[Built, ...]:
        built = super().build(connection, wanted, progress)
        self.costs.append(total_cost(connection))
        self.bytes_built.append(sum(b.size_bytes for b in built))
        return built


def rows(server: str, snapshot: Snapshot) -> Iterator[tuple[object, ...]]:
    """Two rows a budget: the set as advised, and as it stands after it was verified."""
    everything = tuple(StatementStatistics(t, 1, source="file") for t in queries().values())
    whole = replace(snapshot, statements=everything)
    measured = assemble_workload(whole, None, Scope(), Silent())
    counted = assemble_workload(snapshot, None, Scope(), Silent())
    with connect_to_bench(server) as connection, open_twin(snapshot) as twin:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        without, times = total_cost(connection), _Times(connection)
        endless: set[str] = set()
        for budget in BUDGETS_MB:
            with tempfile.TemporaryDirectory() as folder:
                journal = Path(folder) / "journal.json"
                place = Noting(lambda: connect_to_bench(server), "", journal, endless=endless)
                started = time.monotonic()
                advised = _Advised(twin, counted, budget)
                effort = Effort(20.0, CAP_S, LEAST_ROUNDS)
                proof = verify(place, Question(measured, effort), advised, Silent())
            seconds = time.monotonic() - started
            names = {s.fingerprint: s.text for s in measured.statements}
            for number, found in ((0, proof.at_first), (-1, proof.measured)):
                yield (
                    f"{budget} MB", "verified" if number else "as advised",
                    f"{advised.figures[number]:.3f}", f"{place.costs[number] / without:.3f}",
                    f"{advised.bytes_predicted[number] / 2**20:.0f}",
                    f"{place.bytes_built[number] / 2**20:.0f}", _ratio(found, names, times),
                    sum(m.verdict == "faster" for m in found),
                    sum(m.verdict == "slower" for m in found), _slower(found, names),
                    proof.sets if number else 1, f"{seconds:.0f}" if number else "",
                )  # fmt: skip
            yield from _notes(budget, proof)


@dataclass
class _Advised:
    """The advice for a budget, without what measuring spoke against; its figures are kept."""

    twin: Twin
    workload: Workload
    budget_mb: int
    figures: list[float] = field(default_factory=list)
    bytes_predicted: list[int] = field(default_factory=list)

    def __call__(self, excluded: tuple[IndexSpec, ...]) -> Sequence[Recommendation]:
        options = replace(options_for(self.budget_mb), excluded=excluded)
        advice: Advice = advise(self.workload, self.twin, options)
        self.figures.append(advice.cost_after / advice.cost_before)
        sizes = [r.size_bytes or 0 for r in creations(advice.recommendations).values()]
        self.bytes_predicted.append(sum(sizes))
        return advice.recommendations


def total_cost(connection: Connection[Any]) -> float:
    """The planner's cost of the counted queries with the indexes that are there."""
    total = 0.0
    for number, text in queries().items():
        if number not in NOT_COUNTED:
            row = connection.execute(f"EXPLAIN (FORMAT JSON) {text}".encode()).fetchone()
            assert row
            total += float(row[0][0]["Plan"]["Total Cost"])
    return total


@dataclass
class _Times:
    """Milliseconds of queries without new indexes, at most the cap; each run once."""

    connection: Connection[Any]
    known: dict[str, float] = field(default_factory=dict)

    def of(self, text: str) -> float:
        if text not in self.known:
            self.connection.execute(f"SET statement_timeout = {CAP_S * 1000:.0f}".encode())
            started = time.monotonic()
            try:
                self.connection.execute(text.encode())
                self.known[text] = 1000 * (time.monotonic() - started)
            except psycopg.errors.QueryCanceled:
                self.known[text] = CAP_S * 1000
        return self.known[text]


def _ratio(found: Sequence[Measured], names: dict[str, str], times: _Times) -> str:
    """Time of all queries with the set over without; those of the same plan count as they ran."""
    touched = {names[m.statement] for m in found}
    same = sum(times.of(text) for text in queries().values() if text not in touched)
    before, after = sum(m.before_ms for m in found), sum(m.after_ms for m in found)
    return f"{(after + same) / (before + same):.3f}"


def _slower(found: Sequence[Measured], names: dict[str, str]) -> str:
    numbers = {text: number for number, text in queries().items()}
    words = [
        f"q{numbers[names[m.statement]]}: {m.ratio:.1f} x" for m in found if m.verdict == "slower"
    ]
    return ", ".join(words) or "none"


def _notes(budget: int, proof: Verification) -> Iterator[tuple[object, ...]]:
    for left in (*proof.rejected, *proof.not_measured):
        yield (f"{budget} MB", left.what[:60], *[""] * 7, left.reason[:80], "", "")
