"""Statements that run once for each row that another statement returned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dbtune.access.client import client_among
from dbtune.access.counters import Pair, pairs
from dbtune.access.cure import batched, relation_named
from dbtune.access.loop import Limits
from dbtune.access.pattern import Pattern
from dbtune.access.trial import tried, tried_batch
from dbtune.detectors._loops import (
    came_from,
    confidence_of,
    key_of,
    logged_client,
    logged_patterns,
    saved_ms,
    share_of,
    statements_of,
    subject_of,
)
from dbtune.finding import Confidence, Match, Subject
from dbtune.statement.names import ColumnName
from dbtune.statement.outline import outline
from dbtune.workload import Workload


@dataclass(frozen=True, slots=True)
class Params:
    """When a repetition counts: in logs by runs in one unit of work, else by calls and rows."""

    min_runs: int
    min_runs_without_parent: int
    min_parent_followed: float
    max_wait_ms: float
    min_child_calls: int
    min_runs_per_parent: float
    min_ratio: float
    max_ratio: float
    likely_ratio: float
    max_spread: float
    max_stray: float
    min_undeclared_intervals: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """`source` is "logs" or "statistics"; what only the other one knows is None.

    `link` tells how the parent's rows lead to the child. `runs_per_unit_*` are repetitions in one
    unit of work; from statistics an average. `ratio` is the child's calls per row of the parent.
    `saved_ms` is what one statement per unit would have saved over the time of the logs, round
    trips included. `batched_check` is what trying the cure told; empty if nothing was tried.
    `values` are an example, kept only when asked for.
    """

    source: str
    tier: str
    child_query: str
    parent_query: str | None
    link: str | None
    runs_per_unit_median: float
    runs_per_unit_p95: int | None
    runs_per_unit_max: int | None
    units: int | None
    child_calls: int
    child_ms: float
    parent_calls: int | None
    parent_rows: int | None
    ratio: float | None
    saved_ms: float | None
    round_trips_saved: int
    batched_query: str | None
    batched_check: str
    client: str
    client_cure: str
    came_from: str
    values: tuple[str, ...] | None


def detect(workload: Workload, params: Params) -> Iterator[Match[Evidence]]:
    """Loops in the logs; where the logs are silent on a statement, pairs in the counters."""
    limits = Limits(
        least_runs=params.min_runs,
        least_runs_alone=params.min_runs_without_parent,
        batch_wait_ms=0.0,
        polling_wait_ms=params.max_wait_ms,
        least_followed=params.min_parent_followed,
    )
    for pattern in logged_patterns(workload, "lookup", limits):
        yield _from_logs(workload, pattern)
    shapes = workload.traffic.shapes if workload.traffic else ()
    seen = {s.fingerprint for s in shapes if s.calls >= params.min_child_calls}
    found = pairs(
        workload,
        min_ratio=params.min_ratio,
        max_ratio=params.max_ratio,
        likely_ratio=params.likely_ratio,
        max_stray=params.max_stray,
    )
    for pair in found:
        enough = (
            pair.child.calls >= params.min_child_calls
            and pair.runs_per_unit >= params.min_runs_per_parent
        )
        if enough and pair.child.fingerprint not in seen:
            yield _from_counters(workload, pair, params)


def _from_logs(workload: Workload, pattern: Pattern) -> Match[Evidence]:
    confidence = confidence_of(pattern)
    columns = _looked_up(pattern)
    text, client = pattern.child.text, logged_client(workload, pattern)
    shown = workload.traffic is not None and workload.traffic.shows_values
    batch = batched(text, pattern.child_outline, columns, workload.snapshot)
    cure = tried_batch(workload, pattern.child.fingerprint, text, batch, pattern.given)
    return Match(
        subject=subject_of(workload, pattern, tuple(c.column for c in columns)),
        evidence=Evidence(
            source="logs",
            tier=confidence.word,
            child_query=text,
            parent_query=pattern.parent.text if pattern.parent else None,
            link=pattern.link.explanation if pattern.link else None,
            runs_per_unit_median=pattern.runs_at(0.5),
            runs_per_unit_p95=pattern.runs_at(0.95),
            runs_per_unit_max=pattern.runs[-1],
            units=len(pattern.runs),
            child_calls=pattern.child.calls,
            child_ms=round(pattern.child.total_exec_ms, 3),
            parent_calls=pattern.parent.calls if pattern.parent else None,
            parent_rows=None,
            ratio=None,
            saved_ms=saved_ms(pattern),
            round_trips_saved=sum(pattern.runs) - len(pattern.runs),
            batched_query=cure.text,
            batched_check=cure.check,
            client=client.name,
            client_cure=client.loading,
            came_from=came_from(pattern),
            values=pattern.values if shown else None,
        ),
        confidence=confidence,
        statements=statements_of(workload, pattern),
        share=share_of(workload, pattern),
        key=key_of(pattern),
    )


def _looked_up(pattern: Pattern) -> tuple[ColumnName, ...]:
    """The columns whose values differ within the loop; by their link, if no log tells."""
    if pattern.given and pattern.columns:
        return pattern.columns
    return (pattern.link.column,) if pattern.link else pattern.child_outline.equal[:1]


def _from_counters(workload: Workload, pair: Pair, params: Params) -> Match[Evidence]:
    child, parent = pair.child, pair.parent
    near = params.likely_ratio <= min(pair.ratio, 1 / pair.ratio)
    steady = pair.spread <= params.max_spread
    enough = pair.intervals >= (1 if pair.reference.constraint else params.min_undeclared_intervals)
    exact = pair.stray <= params.max_stray and pair.intervals >= params.min_undeclared_intervals
    related = pair.is_one_client or exact
    in_a_loop = pair.holds_over_time and not pair.is_on_a_page
    likely = enough and related and in_a_loop and (near or steady)
    confidence = Confidence.LIKELY if likely else Confidence.CANDIDATE
    client = client_among((child.text, parent.text), ())
    columns = (ColumnName(pair.relation.name, pair.column),)
    batch = batched(child.text, outline(child.text), columns, workload.snapshot)
    cure = tried(workload, child.fingerprint, batch.text if batch else None)
    return Match(
        subject=_subject(workload, pair),
        evidence=Evidence(
            source="statistics",
            tier=confidence.word,
            child_query=child.text,
            parent_query=parent.text,
            link=str(pair.reference),
            runs_per_unit_median=round(pair.runs_per_unit, 1),
            runs_per_unit_p95=None,
            runs_per_unit_max=None,
            units=parent.calls,
            child_calls=child.calls,
            child_ms=child.statistics.total_exec_ms,
            parent_calls=parent.calls,
            parent_rows=parent.statistics.rows,
            ratio=round(pair.ratio, 3),
            saved_ms=None,
            round_trips_saved=max(0, child.calls - parent.calls),
            batched_query=cure.text,
            batched_check=cure.check,
            client=client.name,
            client_cure=client.loading,
            came_from="",
            values=None,
        ),
        confidence=confidence,
        statements=(child.fingerprint, parent.fingerprint),
        share=child.share,
        key=child.fingerprint,
    )


def _subject(workload: Workload, pair: Pair) -> Subject:
    """The relation that the child reads; where it is found by a key that joins it, without that."""
    first = outline(pair.child.text).relations[:1]
    read = relation_named(workload.snapshot, first[0]) if first else None
    if read and pair.reference.is_own_key:
        return Subject(str(read), read)
    return Subject(str(pair.relation), pair.relation, (pair.column,))
