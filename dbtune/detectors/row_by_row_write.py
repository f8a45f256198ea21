"""Rows that are written one statement each, where one statement could write many."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dbtune.access.batched_write import batched_write
from dbtune.access.client import client_of
from dbtune.access.loop import Limits
from dbtune.access.pattern import Pattern
from dbtune.access.trial import Tried, tried
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
from dbtune.detectors._relation import rows_of
from dbtune.finding import Confidence, Match, Subject
from dbtune.statement.model import RelationUse, Statement
from dbtune.workload import Workload, WorkloadStatement


@dataclass(frozen=True, slots=True)
class Params:
    """When a loop is behind it: in logs by runs in one unit of work, else by calls and rows."""

    min_runs: int
    min_runs_over_transactions: int
    max_batch_wait_ms: float
    max_wait_ms: float
    min_calls: int
    min_upserts_per_row: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """`source` is "logs" or "statistics"; what only the other one knows is None.

    `upserts_per_row` is the calls over the rows that the table holds now.
    """

    source: str
    tier: str
    child_query: str
    verb: str
    statement_calls: int
    is_upsert: bool
    in_one_transaction: bool | None
    runs_per_unit_median: int | None
    runs_per_unit_p95: int | None
    runs_per_unit_max: int | None
    units: int | None
    table_rows: int | None
    upserts_per_row: float | None
    total_ms: float
    saved_ms: float | None
    batched_query: str | None
    batched_check: str
    client: str
    client_cure: str
    came_from: str


def detect(workload: Workload, params: Params) -> Iterator[Match[Evidence]]:
    """Loops of writes in the logs; where the logs are silent on a statement, its counters."""
    limits = Limits(
        least_runs=params.min_runs,
        least_runs_alone=params.min_runs_over_transactions,
        batch_wait_ms=params.max_batch_wait_ms,
        polling_wait_ms=params.max_wait_ms,
        least_followed=0.0,
    )
    for pattern in logged_patterns(workload, "write", limits):
        yield _from_logs(workload, pattern)
    shapes = workload.traffic.shapes if workload.traffic else ()
    logged = {s.fingerprint for s in shapes if s.calls >= params.min_calls}
    for statement, parsed in workload.parsed():
        if parsed.kind != "insert" or parsed.rows_per_call != 1:
            continue
        target = next((use for use in parsed.relations if use.role == "target"), None)
        enough = statement.calls >= params.min_calls
        if target and enough and statement.fingerprint not in logged:
            yield _from_counters(workload, statement, parsed, target, params)


def _from_logs(workload: Workload, pattern: Pattern) -> Match[Evidence]:
    confidence = confidence_of(pattern)
    client = logged_client(workload, pattern)
    target = pattern.child_outline.relations[0]
    cure = _cure(workload, pattern.child.fingerprint, pattern.child.text, target)
    return Match(
        subject=subject_of(workload, pattern),
        evidence=Evidence(
            source="logs",
            tier=confidence.word,
            child_query=pattern.child.text,
            verb=pattern.child_outline.verb,
            statement_calls=pattern.child.calls,
            is_upsert=pattern.child_outline.on_conflict,
            in_one_transaction=pattern.is_certain,
            runs_per_unit_median=pattern.runs_at(0.5),
            runs_per_unit_p95=pattern.runs_at(0.95),
            runs_per_unit_max=pattern.runs[-1],
            units=len(pattern.runs),
            table_rows=None,
            upserts_per_row=None,
            total_ms=round(pattern.child.total_exec_ms, 3),
            saved_ms=saved_ms(pattern),
            batched_query=cure.text,
            batched_check=cure.check,
            client=client.name,
            client_cure=client.writing,
            came_from=came_from(pattern),
        ),
        confidence=confidence,
        statements=statements_of(workload, pattern),
        share=share_of(workload, pattern),
        key=key_of(pattern),
    )


def _cure(workload: Workload, fingerprint: str, text: str, target: str) -> Tried:
    """One statement for many rows; written, it is only planned, never run."""
    return tried(workload, fingerprint, batched_write(text, target, workload.snapshot))


def _from_counters(
    workload: Workload,
    statement: WorkloadStatement,
    parsed: Statement,
    target: RelationUse,
    params: Params,
) -> Match[Evidence]:
    relation = workload.snapshot.relation_by_name.get(target.relation)
    rows = rows_of(workload.snapshot, relation) if relation else 0
    is_upsert = parsed.on_conflict is not None
    per_row = statement.calls / max(rows, 1)
    # An insert a request is what applications do; the same rows over and over are a loop.
    looped = is_upsert and per_row >= params.min_upserts_per_row
    confidence = Confidence.LIKELY if looped else Confidence.CANDIDATE
    client = client_of(statement.text)
    cure = _cure(workload, statement.fingerprint, statement.text, target.relation.name)
    return Match(
        subject=Subject(str(target.relation), target.relation),
        evidence=Evidence(
            source="statistics",
            tier=confidence.word,
            child_query=statement.text,
            verb="insert",
            statement_calls=statement.calls,
            is_upsert=is_upsert,
            in_one_transaction=None,
            runs_per_unit_median=None,
            runs_per_unit_p95=None,
            runs_per_unit_max=None,
            units=None,
            table_rows=rows,
            upserts_per_row=round(per_row, 1),
            total_ms=statement.statistics.total_exec_ms,
            saved_ms=None,
            batched_query=cure.text,
            batched_check=cure.check,
            client=client.name,
            client_cure=client.writing,
            came_from="",
        ),
        confidence=confidence,
        statements=(statement.fingerprint,),
        share=statement.share,
        key=statement.fingerprint,
    )
