"""Scans that read a relation whole. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from dbtune.gate.thresholds import rows_of
from dbtune.plan import Plan, PlanNode
from dbtune.snapshot.catalog import Relation
from dbtune.snapshot.model import Snapshot

_SELECTIVE = 0.05
"""Below a LIMIT, a filter that lets less through may make the scan go on to the end: the planner
spreads matching rows evenly, life does not."""


def whole_scans(plan: Plan, snapshot: Snapshot) -> Iterator[tuple[PlanNode, Relation]]:
    """Scans that read a whole relation of the snapshot, if the statement pays for it.

    A scan below a LIMIT that stops it early costs the statement far less than the scan alone
    would, so it does not count, unless its filter is selective.
    """
    for node in plan.root.walk():
        relation = snapshot.relation_by_name.get(node.relation) if node.relation else None
        is_whole = node.node_type == "Seq Scan" or (
            node.node_type in {"Index Scan", "Index Only Scan"} and "Index Cond" not in node.details
        )
        if relation and is_whole:
            is_paid = plan.total_cost >= node.total_cost / 2
            if is_paid or ("Filter" in node.details and _is_selective(node, relation)):
                yield node, relation


def _is_selective(node: PlanNode, relation: Relation) -> bool:
    return node.plan_rows < rows_of(relation) * _SELECTIVE
