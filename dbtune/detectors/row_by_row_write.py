"""Rows that are inserted or upserted one statement each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dbtune.detectors._relation import rows_of
from dbtune.finding import Confidence, Match, Subject
from dbtune.statement.model import RelationUse, Statement
from dbtune.workload import Workload, WorkloadStatement


@dataclass(frozen=True, slots=True)
class Params:
    """From how many calls, and how many per row of the table, a loop is behind it."""

    min_calls: int
    min_upserts_per_row: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """`upserts_per_row` is the calls over the rows that the table holds now."""

    statement: str
    statement_calls: int
    is_upsert: bool
    table_rows: int
    upserts_per_row: float
    total_ms: float


def detect(workload: Workload, params: Params) -> Iterator[Match[Evidence]]:
    """One match per statement that writes one row a call, and is called very often."""
    for statement, parsed in workload.parsed():
        if parsed.kind != "insert" or parsed.rows_per_call != 1:
            continue
        target = next((use for use in parsed.relations if use.role == "target"), None)
        if target and statement.calls >= params.min_calls:
            yield _match(workload, statement, parsed, target, params)


def _match(
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
    return Match(
        subject=Subject(str(target.relation), target.relation),
        evidence=Evidence(
            statement=statement.text,
            statement_calls=statement.calls,
            is_upsert=is_upsert,
            table_rows=rows,
            upserts_per_row=round(per_row, 1),
            total_ms=statement.statistics.total_exec_ms,
        ),
        confidence=Confidence.LIKELY if looped else Confidence.CANDIDATE,
        statements=(statement.fingerprint,),
        share=statement.share,
        key=statement.fingerprint,
    )
