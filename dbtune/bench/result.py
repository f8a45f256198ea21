"""The benchmark as a value: what every output format shows, and what a run can be repeated from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import dbtune
from dbtune.bench.change import IndexFact
from dbtune.bench.load import Load
from dbtune.bench.measure import Measured, Measurement
from dbtune.bench.stats import Effect, Judgement, Verdict, effect_of, total_ratio, verdicts
from dbtune.bench.target import TargetResult
from dbtune.bench.task import NotMeasured, Task
from dbtune.bench.timings import Distribution, Timings, distribution
from dbtune.bench.work import Work
from dbtune.plan_text import plan_text

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class WorkFigures:
    """Deterministic work over all parameter sets; see Work."""

    shared_hit: int
    shared_read: int
    temp_blocks: int
    wal_bytes: int
    rows_visited: int


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison. `plan` is that of a typical parameter set."""

    times: Distribution
    work: WorkFigures
    plan: str


@dataclass(frozen=True)
class Row:
    """A statement's figures before and after."""

    task: Task
    before: Side
    after: Side
    effect: Effect
    verdict: Verdict
    timings: Timings

    @property
    def total_before_ms(self) -> float:
        """Time of all calls, before."""
        return self.task.calls * self.effect.before_ms

    @property
    def total_after_ms(self) -> float:
        """Time of all calls, after."""
        return self.total_before_ms * self.effect.ratio

    @property
    def plan_changed(self) -> bool:
        return self.before.plan != self.after.plan


@dataclass(frozen=True)
class Environment:
    """Where it was measured. `method` is "interleaved" or "blocks"; `waits_taken_off` if times
    leave out what the processes waited for a processor.
    """

    server_version: str
    database: str
    method: str
    machine: str
    processors: int
    measured_at: str
    waits_taken_off: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Benchmark:
    """Everything that was measured, and what was not.

    `total` is the effect on the workload's time, None when nothing could be measured. `stopped`
    says why the run ended early; its figures are then partial. `commands` reproduce the run.
    """

    environment: Environment
    change: tuple[str, ...]
    indexes: tuple[IndexFact, ...]
    rows: tuple[Row, ...]
    not_measured: tuple[NotMeasured, ...]
    total: Effect | None
    seed: int
    stopped: str = ""
    commands: tuple[str, ...] = ()
    targets: tuple[TargetResult, ...] = ()
    load: Load | None = None
    schema: int = SCHEMA
    dbtune_version: str = dbtune.__version__

    @property
    def total_before_ms(self) -> float:
        return sum(row.total_before_ms for row in self.rows)

    @property
    def total_after_ms(self) -> float:
        return sum(row.total_after_ms for row in self.rows)

    def count(self, verdict: Verdict) -> int:
        """How many statements got a verdict."""
        return sum(row.verdict is verdict for row in self.rows)


def rows_of(measurement: Measurement, judgement: Judgement) -> tuple[Row, ...]:
    """Judge what was measured, the most time before the change first."""
    effects = [effect_of(m.timings, judgement) for m in measurement.measured]
    judged = zip(measurement.measured, effects, verdicts(effects, judgement), strict=True)
    rows = [_row(measured, effect, verdict) for measured, effect, verdict in judged]
    return tuple(sorted(rows, key=lambda r: (-r.total_before_ms, r.task.fingerprint)))


def total_of(rows: Sequence[Row], judgement: Judgement) -> Effect | None:
    """The effect on the workload."""
    return total_ratio([r.timings for r in rows], [r.task.calls for r in rows], judgement)


def _row(measured: Measured, effect: Effect, verdict: Verdict) -> Row:
    timings = measured.timings
    return Row(
        task=measured.task,
        before=_side(distribution(timings.before, timings.weights), measured.work_before),
        after=_side(distribution(timings.after, timings.weights), measured.work_after),
        effect=effect,
        verdict=verdict,
        timings=timings,
    )


def _side(times: Distribution, work: Work) -> Side:
    figures = WorkFigures(
        work.shared_hit, work.shared_read, work.temp_blocks, work.wal_bytes, work.rows_visited
    )
    typical = work.plans[min(1, len(work.plans) - 1)]
    return Side(times, figures, plan_text(typical))
