"""Statements that the pull request brings: those that read a large relation whole. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace

from dbtune.finding import Confidence, Finding, Severity, Subject, finding_fingerprint
from dbtune.gate.observed import Observed
from dbtune.gate.scans import whole_scans
from dbtune.gate.thresholds import Thresholds, rows_of
from dbtune.identifier import QualifiedName, quote_identifier
from dbtune.plan import Plan, PlanNode
from dbtune.snapshot.catalog import Relation
from dbtune.snapshot.model import Snapshot
from dbtune.typeset.figures import count_text
from dbtune.typeset.foreign import one_line
from dbtune.workload import WorkloadStatement

RULE = "new-statement-scans"

Shape = tuple[QualifiedName, str]
"""A relation, and the filter of its scan without the values."""


def arrivals(
    statements: Collection[WorkloadStatement],
    known: Collection[WorkloadStatement],
    snapshot: Snapshot,
    thresholds: Callable[[str, QualifiedName | None, str], Thresholds],
) -> Iterator[Observed]:
    """New statements that read a large relation whole, where production does not do so already.

    Args:
        statements: the new ones, planned on the head.
        known: production's, planned on the base: a scan of the same filter is nothing new.
        snapshot: the head, for sizes.
        thresholds: those for a rule, a relation and a statement's fingerprint.
    """
    habitual = {
        _shape(node)
        for s in known
        if isinstance(s.plan, Plan)
        for node, _ in whole_scans(s.plan, snapshot)
    }
    for statement in statements:
        if not isinstance(statement.plan, Plan) or _empties(statement.plan):
            continue
        scans = whole_scans(statement.plan, snapshot)
        new = [(node, relation) for node, relation in scans if _shape(node) not in habitual]
        for whole, node in _read_whole(new, snapshot):
            if thresholds(RULE, whole.name, statement.fingerprint).is_large(whole):
                yield _observed(statement, node, whole.name, rows_of(whole))
                break


def _empties(plan: Plan) -> bool:
    """True for a DELETE of all rows: tests clean up so, applications do not."""
    return plan.root.details.get("Operation") == "Delete" and not any(
        "Filter" in n.details or "Index Cond" in n.details or "Join Type" in n.details
        for n in plan.root.walk()
    )


def _read_whole(
    scans: Iterable[tuple[PlanNode, Relation]], snapshot: Snapshot
) -> Iterator[tuple[Relation, PlanNode]]:
    """The relations that scans read; the partitions of one parent count together, as the parent."""
    read: dict[QualifiedName, list[tuple[PlanNode, Relation]]] = {}
    for node, relation in scans:
        read.setdefault(_root(relation, snapshot), []).append((node, relation))
    for name, parts in read.items():
        once = {relation.name: relation for _, relation in parts}.values()
        rows, size_bytes = sum(map(rows_of, once)), sum(r.size_bytes for r in once)
        node, relation = parts[0]
        yield replace(relation, name=name, reltuples=rows, size_bytes=size_bytes), node


def _root(relation: Relation, snapshot: Snapshot) -> QualifiedName:
    """The topmost parent of a partition; the relation itself if it is none."""
    while relation.is_partition and relation.parents:
        parent = snapshot.relation_by_name.get(relation.parents[0])
        if parent is None:
            break
        relation = parent
    return relation.name


def _shape(node: PlanNode) -> Shape:
    condition = str(node.details.get("Filter", ""))
    if node.alias:
        condition = re.sub(rf"(?<![\w.]){re.escape(quote_identifier(node.alias))}\.", "", condition)
    condition = re.sub(r"'(?:[^']|'')*'|\$\d+|\b\d+(?:\.\d+)?\b", "?", condition)
    assert node.relation is not None
    return node.relation, condition


def _observed(
    statement: WorkloadStatement, node: PlanNode, relation: QualifiedName, rows: float
) -> Observed:
    condition = str(node.details.get("Filter") or node.details.get("Index Cond", ""))
    why = f" for {one_line(condition, 120)}" if condition else ""
    reads = "reads all" if node.node_type == "Seq Scan" else "reads as much as all"
    message = (
        f"The new statement `{one_line(statement.text, 160)}` {reads} {count_text(rows)} rows of "
        f"{relation}{why} in a {node.node_type}; the planner expects a cost of "
        f"{count_text(node.total_cost)} for it."
    )
    subject = Subject(str(relation), relation)
    return Observed(
        Finding(
            rule=RULE,
            severity=Severity.ERROR,
            confidence=Confidence.PROVEN,
            subject=subject,
            fingerprint=finding_fingerprint(RULE, subject, statement.fingerprint),
            title="A new statement reads a large relation whole",
            message=message,
            evidence={
                "node": node.node_type,
                "filter": condition,
                "rows": round(rows),
                "cost": round(node.total_cost, 2),
            },
            statements=(statement.fingerprint,),
            share=0.0,
        )
    )
