"""Indexes that no query scanned for as long as the statistics cover."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dbtune.advice import DropIndex
from dbtune.detectors._cover import foreign_keys_served
from dbtune.detectors._observed import days_between, observed_days
from dbtune.detectors._overlap import can_be_dropped, overlaps
from dbtune.detectors._relation import activities
from dbtune.finding import Confidence, Match, Subject
from dbtune.identifier import QualifiedName
from dbtune.plan import Plan
from dbtune.snapshot.catalog import Index, Relation
from dbtune.snapshot.model import Snapshot
from dbtune.workload import Workload


@dataclass(frozen=True, slots=True)
class Params:
    """How long and how much must be seen before a lack of scans means something."""

    min_observed_days: float
    min_relation_scans: int
    min_size_bytes: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """`unused_days` is since the last scan where the server keeps it (16+), else observed."""

    index: str
    scans: int
    last_scan: str | None
    observed_days: float
    unused_days: float
    size_bytes: int
    relation_scans: int
    relation_writes: int


def detect(workload: Workload, params: Params) -> Iterator[Match[Evidence]]:
    """One match per index that could go without taking a guarantee or a foreign key's cover.

    None from a standby: it cannot tell what the primary scans.
    """
    snapshot = workload.snapshot
    observed = observed_days(snapshot)
    if observed < params.min_observed_days or snapshot.server.in_recovery:
        return
    planned = _used_by_plans(workload)
    going = {overlap.index.name for overlap in overlaps(snapshot)}
    for index in snapshot.indexes:
        relation = snapshot.relation_by_name.get(index.relation)
        if relation is None or index.name in going or index.name.name in planned:
            continue
        evidence = _evidence(snapshot, index, relation, observed)
        if evidence is None or not _matters(evidence, params):
            continue
        if not _may_go(snapshot, index, going):
            continue
        going.add(index.name)
        yield _match(index, evidence)


def _matters(evidence: Evidence, params: Params) -> bool:
    return (
        evidence.unused_days >= params.min_observed_days
        and evidence.size_bytes >= params.min_size_bytes
        and evidence.relation_scans >= params.min_relation_scans
    )


def _may_go(snapshot: Snapshot, index: Index, going: set[QualifiedName]) -> bool:
    return (
        index.is_valid
        and can_be_dropped(index)
        and next(foreign_keys_served(snapshot, index, without=going), None) is None
    )


def _match(index: Index, evidence: Evidence) -> Match[Evidence]:
    # An index on an expression also gives the planner statistics of it, scanned or not.
    on_expression = any(key.expression for key in index.keys)
    return Match(
        subject=Subject(str(index.name), index.relation, index=index.name),
        evidence=evidence,
        confidence=Confidence.CANDIDATE if on_expression else Confidence.LIKELY,
        cures=(DropIndex(index.name, index.relation, index.definition),),
    )


def _used_by_plans(workload: Workload) -> frozenset[str]:
    """Names of the indexes in the plans of the workload, which a partition's stands for too."""
    plans = (s.plan for s in workload.statements)
    used = {name for plan in plans if isinstance(plan, Plan) for name in plan.indexes_used()}
    parents = {i.name: i.parent for i in workload.snapshot.indexes if i.parent}
    for index in workload.snapshot.indexes:
        above = index.parent if index.name.name in used else None
        while above:
            used.add(above.name)
            above = parents.get(above)
    return frozenset(used)


def _evidence(
    snapshot: Snapshot, index: Index, relation: Relation, observed: float
) -> Evidence | None:
    """What the counters say, None where an index's or the relation's are missing."""
    parts = list(snapshot.index_leaves(index))
    counters = [part.activity for part in parts if part.activity]
    tables = activities(snapshot, relation)
    if len(counters) < len(parts) or not tables:
        return None
    scans = sum(counter.idx_scan for counter in counters)
    last = max((c.last_idx_scan for c in counters if c.last_idx_scan), default=None)
    if last:
        unused = min(observed, days_between(last, snapshot.captured_at))
    else:
        unused = 0.0 if scans else observed
    return Evidence(
        index=str(index.name),
        scans=scans,
        last_scan=last,
        observed_days=round(observed, 1),
        unused_days=round(unused, 1),
        size_bytes=sum(part.size_bytes for part in parts),
        relation_scans=sum(t.seq_scan + t.idx_scan for t in tables),
        relation_writes=sum(t.n_tup_ins + t.n_tup_upd + t.n_tup_del for t in tables),
    )
