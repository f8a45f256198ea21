"""Indexes on one column of few and common values, which no plan of the workload uses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dbtune.advice import DropIndex
from dbtune.detectors._cover import foreign_keys_served
from dbtune.detectors._overlap import can_be_dropped, overlaps
from dbtune.detectors._relation import column_statistics, distinct_values, rows_of
from dbtune.finding import Confidence, Match, Subject
from dbtune.plan import Plan
from dbtune.snapshot.catalog import ColumnStatistics, Index, Relation
from dbtune.workload import Workload


@dataclass(frozen=True, slots=True)
class Params:
    """From which share of the rows a lookup reads too much for an index to help."""

    min_rows: int
    min_fraction: float
    max_correlation: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """`rarest_fraction` is the share of rows of the rarest value (or of null, if rarer).

    `plans` is how many plans of the workload were looked through.
    """

    index: str
    column: str
    values: int
    rarest_fraction: float
    rows: int
    size_bytes: int
    scans: int
    rows_per_scan: int
    plans: int


def detect(workload: Workload, params: Params) -> Iterator[Match[Evidence]]:
    """One match per plain one-column B-tree whose every value is common."""
    snapshot = workload.snapshot
    plans = [s.plan for s in workload.statements if isinstance(s.plan, Plan)]
    used = {name for plan in plans for name in plan.indexes_used()}
    going = {overlap.index.name for overlap in overlaps(snapshot)}
    for index in snapshot.indexes:
        relation = snapshot.relation_by_name.get(index.relation)
        if (
            relation is None
            or relation.kind == "p"
            or index.name.name in used
            or index.name in going
            or not _is_plain(index)
            or next(foreign_keys_served(snapshot, index, without=going), None)
        ):
            continue
        evidence = _evidence(workload, relation, index, params)
        if evidence is None:
            continue
        yield Match(
            subject=Subject(str(index.name), index.relation, index=index.name),
            evidence=evidence,
            confidence=Confidence.LIKELY if plans or not evidence.scans else Confidence.CANDIDATE,
            cures=(DropIndex(index.name, index.relation, index.definition),),
        )


def _is_plain(index: Index) -> bool:
    return (
        index.is_valid
        and can_be_dropped(index)
        and index.access_method == "btree"
        and len(index.keys) == 1
        and index.keys[0].column is not None
        and not index.included
        and index.predicate is None
    )


def _evidence(
    workload: Workload, relation: Relation, index: Index, params: Params
) -> Evidence | None:
    rows = rows_of(workload.snapshot, relation)
    column = index.keys[0].column or ""
    statistics = column_statistics(relation, column)
    values = distinct_values(relation, column, rows)
    if rows < params.min_rows or statistics is None or values is None:
        return None
    rarest = _rarest(statistics, values)
    clustered = abs(statistics.correlation or 0.0) > params.max_correlation
    if rarest is None or rarest < params.min_fraction or clustered:
        return None
    activity = index.activity
    scans = activity.idx_scan if activity else 0
    per_scan = activity.idx_tup_read / scans if activity and scans else 0.0
    if scans and per_scan < params.min_fraction * rows:
        return None  # its scans are selective after all, or stop early
    return Evidence(
        index=str(index.name),
        column=column,
        values=round(values),
        rarest_fraction=rarest,
        rows=rows,
        size_bytes=index.size_bytes,
        scans=scans,
        rows_per_scan=round(per_scan),
        plans=sum(isinstance(s.plan, Plan) for s in workload.statements),
    )


def _rarest(statistics: ColumnStatistics, values: float) -> float | None:
    """The rarest value's share of the rows; None unless the statistics list every value."""
    frequencies = statistics.most_common_freqs or ()
    if not frequencies or len(frequencies) < round(values):
        return None
    rarest = min(frequencies)
    return min(rarest, statistics.null_frac) if statistics.null_frac else rarest
