"""Indexes that the advisor chose to build, by how many key columns they have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dbtune.advice import CreateIndex, DropIndex, Price, Recommendation
from dbtune.detectors._relation import root_of, rows_of
from dbtune.finding import Confidence, Match, Subject
from dbtune.identifier import QualifiedName
from dbtune.index import IndexSpec, key_sql
from dbtune.plan import Plan, PlanNode
from dbtune.snapshot.model import Snapshot
from dbtune.workload import Workload, WorkloadStatement

_BY_INDEX = frozenset({"Index Scan", "Index Only Scan", "Bitmap Heap Scan"})


@dataclass(frozen=True, slots=True)
class Params:
    """Which indexes, and from how many rows one is likely that nothing could price.

    An index must save `min_share_saved` of the workload (0 to 1) or `min_saved_ms_a_call`; where
    indexes serve already, both, or `min_share_saved_where_served`.
    """

    min_key_columns: int
    max_key_columns: int
    min_rows_unpriced: int
    min_share_saved: float
    min_saved_ms_a_call: float
    min_share_saved_where_served: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """Costs are the planner's, averaged over the statements' calls; None: nothing priced it.

    `plan_node` is how the dearest statement reads the relation now. `saved_ms` is execution time
    saved over the period of the statistics. `measured_before_ms` and `measured_after_ms` are a
    call's time where the index was built, averaged like costs; None: it was not.
    """

    index: str
    access_method: str
    key_columns: tuple[str, ...]
    included: tuple[str, ...]
    predicate: str | None
    replaces: tuple[str, ...]
    rows: int
    plan_node: str | None
    engine: str | None
    cost_before: float | None
    cost_after: float | None
    size_bytes: int | None
    saved_ms: float
    write_ms: float
    measured_before_ms: float | None = None
    measured_after_ms: float | None = None


def detect(workload: Workload, params: Params) -> Iterator[Match[Evidence]]:
    """One match per recommended index with so many keys."""
    for recommendation in workload.advice.recommendations:
        change = recommendation.change
        if (
            isinstance(change, CreateIndex)
            and params.min_key_columns <= len(change.spec.keys) <= params.max_key_columns
            and _is_worth_it(workload, recommendation, change, params)
        ):
            yield _match(workload, recommendation, change, params)


def _match(
    workload: Workload, recommendation: Recommendation, change: CreateIndex, params: Params
) -> Match[Evidence]:
    served = _served(workload, recommendation)
    evidence = _evidence(workload.snapshot, recommendation, change, served)
    if recommendation.prices:
        confidence = Confidence.PROVEN
    else:
        large = evidence.rows >= params.min_rows_unpriced
        confidence = Confidence.LIKELY if large else Confidence.CANDIDATE
    spec = change.spec
    return Match(
        subject=Subject(_name(spec), spec.relation, spec.key_columns),
        evidence=evidence,
        confidence=confidence,
        statements=tuple(s.fingerprint for s in served),
        share=sum(s.share for s in served),
        key=_key(spec),
        cures=(change, *_replaced(workload, change)),
    )


def _is_worth_it(
    workload: Workload, recommendation: Recommendation, change: CreateIndex, params: Params
) -> bool:
    """False for what saves too little; what has no price, or no time, is not judged by it."""
    prices = [p for p in recommendation.prices if p.statement in workload.by_fingerprint]
    if not prices:
        return True
    share = sum(workload.by_fingerprint[p.statement].share * (1 - p.ratio) for p in prices)
    calls = sum(p.calls for p in prices)
    saved_ms = sum(p.total_exec_ms * (1 - p.ratio) for p in prices)
    is_much_a_call = calls > 0 and saved_ms / calls >= params.min_saved_ms_a_call
    if change.replaces or _is_served(workload, prices, change.spec.relation):
        # Times may stem from before the index that serves now: costs must say the same.
        share = min(share, _share_of_cost_saved(workload, prices))
        least = params.min_share_saved if is_much_a_call else params.min_share_saved_where_served
        return share >= least and _was_measured(workload, prices, change.spec.relation)
    is_timed = any(p.total_exec_ms for p in prices)
    return not is_timed or is_much_a_call or share >= params.min_share_saved


def _is_served(workload: Workload, prices: Sequence[Price], relation: QualifiedName) -> bool:
    """True if the statements find their rows of the relation by indexes already."""
    read = [
        node
        for price in prices
        for node in _scans(workload.snapshot, workload.by_fingerprint[price.statement], relation)
    ]
    return bool(read) and all(_is_found(node) for node in read)


def _is_found(node: PlanNode) -> bool:
    """False for a scan of a table, or of a whole index that throws most of it away."""
    walks = node.node_type != "Bitmap Heap Scan" and "Index Cond" not in node.details
    return node.node_type in _BY_INDEX and not (walks and "Filter" in node.details)


def _was_measured(workload: Workload, prices: Sequence[Price], relation: QualifiedName) -> bool:
    """False if an index of today's plans was scanned less often than the statement was called:
    then the times tell of another plan, from before that index.
    """
    scans = {
        index.name.name: index.activity.idx_scan
        for index in workload.snapshot.indexes_by_relation.get(relation, ())
        if index.activity
    }
    for price in (p for p in prices if p.total_exec_ms):
        plan = workload.by_fingerprint[price.statement].plan
        used = plan.indexes_used() if isinstance(plan, Plan) else frozenset()
        if any(scans.get(name, price.calls) < price.calls for name in used):
            return False
    return True


def _share_of_cost_saved(workload: Workload, prices: Sequence[Price]) -> float:
    total = sum(
        s.plan.total_cost * s.calls for s in workload.statements if isinstance(s.plan, Plan)
    )
    return sum((p.cost_before - p.cost_after) * p.calls for p in prices) / total if total else 0.0


def _replaced(workload: Workload, change: CreateIndex) -> Iterator[DropIndex]:
    """The advisor's dropping of what the new index replaces."""
    for recommendation in workload.advice.recommendations:
        other = recommendation.change
        if isinstance(other, DropIndex) and other.name in change.replaces:
            yield other


def _key(spec: IndexSpec) -> str:
    """What tells apart two indexes on the same columns."""
    return f"{spec.access_method} {' '.join(spec.included)} {spec.predicate or ''}".strip()


def _name(spec: IndexSpec) -> str:
    keys = ", ".join(key_sql(key, spec.access_method) for key in spec.keys)
    return f"{spec.relation}({keys})"


def _served(workload: Workload, recommendation: Recommendation) -> list[WorkloadStatement]:
    names = dict.fromkeys(
        (*(p.statement for p in recommendation.prices), *recommendation.statements)
    )
    known = [workload.by_fingerprint[n] for n in names if n in workload.by_fingerprint]
    return sorted(known, key=lambda s: (-s.share, s.fingerprint))


def _evidence(
    snapshot: Snapshot,
    recommendation: Recommendation,
    change: CreateIndex,
    served: list[WorkloadStatement],
) -> Evidence:
    spec = change.spec
    relation = snapshot.relation_by_name.get(spec.relation)
    prices = recommendation.prices
    weight = sum(max(p.calls, 1) for p in prices)
    measured = recommendation.measured_ms
    return Evidence(
        index=str(spec),
        access_method=spec.access_method,
        key_columns=spec.key_columns,
        included=spec.included,
        predicate=spec.predicate,
        replaces=tuple(str(name) for name in change.replaces),
        rows=rows_of(snapshot, relation) if relation else 0,
        plan_node=_plan_node(snapshot, served, spec.relation),
        engine=prices[0].engine if prices else None,
        cost_before=sum(p.cost_before * max(p.calls, 1) for p in prices) / weight
        if prices
        else None,
        cost_after=sum(p.cost_after * max(p.calls, 1) for p in prices) / weight if prices else None,
        size_bytes=recommendation.size_bytes,
        saved_ms=recommendation.saved_ms,
        write_ms=recommendation.write_ms,
        measured_before_ms=measured[0] if measured else None,
        measured_after_ms=measured[1] if measured else None,
    )


def _plan_node(
    snapshot: Snapshot, served: list[WorkloadStatement], relation: QualifiedName
) -> str | None:
    """How the first planned statement reads the relation (or its partitions) now."""
    scans = (node for statement in served for node in _scans(snapshot, statement, relation))
    return next((node.node_type for node in scans), None)


def _scans(
    snapshot: Snapshot, statement: WorkloadStatement, relation: QualifiedName
) -> Iterator[PlanNode]:
    """The nodes that read the relation, or a partition of it."""
    for node in statement.plan.root.walk() if isinstance(statement.plan, Plan) else ():
        if (
            node.node_type.endswith("Scan")
            and node.relation
            and root_of(snapshot, node.relation) == relation
        ):
            yield node
