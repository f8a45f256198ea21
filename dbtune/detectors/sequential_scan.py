"""Large relations that statements read whole to keep a few rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dbtune.advice import Change, CreateIndex
from dbtune.detectors._relation import root_of, rows_of, size_of
from dbtune.finding import Confidence, Match, Subject
from dbtune.identifier import QualifiedName
from dbtune.plan import Plan, PlanNode
from dbtune.snapshot.model import Snapshot
from dbtune.typeset.figures import ms_text, number_of
from dbtune.workload import Workload, WorkloadStatement


@dataclass(frozen=True, slots=True)
class Params:
    """What is large, what is few, and how often it must happen to matter."""

    min_rows: int
    min_size_bytes: int
    max_fraction: float
    min_calls: int
    min_share: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of the heaviest statement: `kept_rows` of the `rows` read pass its filter.

    `indexes` are the recommended ones that serve any of the statements. `logged` says what a plan
    that auto_explain logged on the target shows of it, "" without one.
    """

    rows: int
    size_bytes: int
    kept_rows: int
    filter: str
    statement: str
    statement_count: int
    statement_calls: int
    scan_cost: float
    indexes: tuple[str, ...]
    logged: str = ""


@dataclass(frozen=True, slots=True)
class _Scan:
    statement: WorkloadStatement
    relation: QualifiedName
    kept_rows: float
    cost: float
    filter: str


def detect(workload: Workload, params: Params) -> Iterator[Match[Evidence]]:
    """One match per relation, with every statement that reads it so."""
    found: dict[QualifiedName, list[_Scan]] = {}
    for statement in workload.statements:
        often = statement.calls >= params.min_calls or statement.share >= params.min_share
        if isinstance(statement.plan, Plan) and often:
            for scan in _scans(workload.snapshot, statement, statement.plan, params):
                found.setdefault(scan.relation, []).append(scan)
    for relation, scans in found.items():
        yield _match(workload, relation, scans)


def _scans(
    snapshot: Snapshot, statement: WorkloadStatement, plan: Plan, params: Params
) -> Iterator[_Scan]:
    """The relations of a plan that are large, read whole, and mostly thrown away."""
    nodes: dict[QualifiedName, list[PlanNode]] = {}
    for node in plan.root.walk():
        if node.node_type == "Seq Scan" and node.relation and node.details.get("Filter"):
            nodes.setdefault(root_of(snapshot, node.relation), []).append(node)
    for name, parts in nodes.items():
        relation = snapshot.relation_by_name.get(name)
        if relation is None:
            continue
        rows = rows_of(snapshot, relation)
        kept = sum(node.plan_rows * _processes(node) for node in parts)
        cost = sum(node.total_cost for node in parts)
        stops_early = plan.root.total_cost < cost  # under a LIMIT the scan is not read to its end
        if (
            rows >= params.min_rows
            and size_of(snapshot, relation) >= params.min_size_bytes
            and kept <= params.max_fraction * rows
            and not stops_early
        ):
            yield _Scan(statement, name, kept, cost, str(parts[0].details["Filter"]))


def _processes(node: PlanNode) -> float:
    """A parallel scan's rows are per process; the planner divides by the workers and the leader."""
    workers = int(node.details.get("Workers Planned", 0) or 0)
    if not node.details.get("Parallel Aware"):
        return 1.0
    return workers + max(0.0, 1.0 - 0.3 * workers) if workers else 2.4


def _match(workload: Workload, name: QualifiedName, scans: list[_Scan]) -> Match[Evidence]:
    snapshot = workload.snapshot
    relation = snapshot.relation_by_name[name]
    heaviest = max(scans, key=lambda s: (s.statement.share, s.statement.fingerprint))
    statements = {s.statement.fingerprint: s.statement for s in scans}
    cures = tuple(_cures(workload, name, statements))
    return Match(
        subject=Subject(str(name), name),
        evidence=Evidence(
            rows=rows_of(snapshot, relation),
            size_bytes=size_of(snapshot, relation),
            kept_rows=round(heaviest.kept_rows),
            filter=heaviest.filter,
            statement=heaviest.statement.text,
            statement_count=len(statements),
            statement_calls=sum(s.calls for s in statements.values()),
            scan_cost=heaviest.cost,
            indexes=tuple(str(cure.spec) for cure in cures),
            logged=_logged(workload, name, statements),
        ),
        confidence=Confidence.PROVEN,
        statements=tuple(sorted(statements, key=lambda f: (-statements[f].share, f))),
        share=sum(s.share for s in statements.values()),
        cures=tuple[Change, ...](cures),
    )


def _logged(
    workload: Workload, name: QualifiedName, statements: dict[str, WorkloadStatement]
) -> str:
    """What the slowest logged plan of the statements shows of the relation."""
    known = [workload.logged_plans[f] for f in statements if f in workload.logged_plans]
    if not known:
        return ""
    slowest = max(known, key=lambda logged: (logged.exec_ms, logged.logged_at))
    # Without log_verbose the log names no schema.
    nodes = [n for n in slowest.plan.root.walk() if n.relation and n.relation.name == name.name]
    scans = [node for node in nodes if node.node_type == "Seq Scan"]
    words = f"The plan that auto_explain logged at {slowest.logged_at} ({ms_text(slowest.exec_ms)})"
    if not scans:
        others = sorted({node.label for node in nodes}) or ["nothing"]
        return f"{words} does not: it has {', '.join(others)}"
    read = sum(
        ((node.actual_rows or 0) + float(node.details.get("Rows Removed by Filter", 0)))
        * (node.actual_loops or 0)
        for node in scans
    )
    return f"{words} does too" + (f", reading {number_of(round(read), 'row')}" if read else "")


def _cures(
    workload: Workload, name: QualifiedName, statements: dict[str, WorkloadStatement]
) -> Iterator[CreateIndex]:
    """The advisor's indexes on the relation that serve any of the statements."""
    for recommendation in workload.advice.recommendations:
        served = {*(p.statement for p in recommendation.prices), *recommendation.statements}
        change = recommendation.change
        if (
            isinstance(change, CreateIndex)
            and change.spec.relation == name
            and served & statements.keys()
        ):
            yield change
