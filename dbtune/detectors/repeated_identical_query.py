"""The same question, with the same values, several times in one unit of work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dbtune.access.loop import Limits
from dbtune.access.pattern import Pattern
from dbtune.detectors._loops import (
    came_from,
    confidence_of,
    key_of,
    logged_patterns,
    saved_ms,
    share_of,
    statements_of,
    subject_of,
)
from dbtune.finding import Match
from dbtune.workload import Workload


@dataclass(frozen=True, slots=True)
class Params:
    """How often the same question must come in one unit of work; only logs can tell."""

    min_runs: int
    min_parent_followed: float
    max_wait_ms: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """`runs_per_unit_*` are repetitions in one unit of work; `saved_ms` covers the logs' time."""

    tier: str
    child_query: str
    parent_query: str | None
    runs_per_unit_median: int
    runs_per_unit_p95: int
    runs_per_unit_max: int
    units: int
    child_calls: int
    child_ms: float
    saved_ms: float
    came_from: str


def detect(workload: Workload, params: Params) -> Iterator[Match[Evidence]]:
    """One match per statement that asks the same again, with nothing written in between."""
    limits = Limits(
        least_runs=params.min_runs,
        least_runs_alone=2 * params.min_runs,  # as n-plus-one, to share its search
        batch_wait_ms=0.0,
        polling_wait_ms=params.max_wait_ms,
        least_followed=params.min_parent_followed,
    )
    for pattern in logged_patterns(workload, "identical", limits):
        if not pattern.child_outline.volatile and not pattern.child_outline.locks:
            yield _match(workload, pattern)


def _match(workload: Workload, pattern: Pattern) -> Match[Evidence]:
    confidence = confidence_of(pattern)
    return Match(
        subject=subject_of(workload, pattern),
        evidence=Evidence(
            tier=confidence.word,
            child_query=pattern.child.text,
            parent_query=pattern.parent.text if pattern.parent else None,
            runs_per_unit_median=pattern.runs_at(0.5),
            runs_per_unit_p95=pattern.runs_at(0.95),
            runs_per_unit_max=pattern.runs[-1],
            units=len(pattern.runs),
            child_calls=pattern.child.calls,
            child_ms=round(pattern.child.total_exec_ms, 3),
            saved_ms=saved_ms(pattern),
            came_from=came_from(pattern),
        ),
        confidence=confidence,
        statements=statements_of(workload, pattern),
        share=share_of(workload, pattern),
        key=key_of(pattern),
    )
