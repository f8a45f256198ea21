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
_CPU_COST_PER_ROW = 0.0125
"""cpu_tuple_cost + cpu_operator_cost, as PostgreSQL sets them."""


def whole_scans(plan: Plan, snapshot: Snapshot) -> Iterator[tuple[PlanNode, Relation]]:
    """Scans that read a whole relation of the snapshot, or as much, if the statement pays for it.

    A scan below a LIMIT that stops it early costs the statement far less than the scan alone
    would, so it does not count, unless its filter is selective. An index scan that finds few rows
    at the price of a sequential scan (its keys are not the index's first ones) does count.
    """
    for node in plan.root.walk():
        relation = snapshot.relation_by_name.get(node.relation) if node.relation else None
        if relation is None or not (_is_whole(node) or _is_as_dear(node, relation)):
            continue
        is_paid = plan.total_cost >= node.total_cost / 2
        if is_paid or ("Filter" in node.details and _is_selective(node, relation)):
            yield node, relation


def _is_whole(node: PlanNode) -> bool:
    is_index_scan = node.node_type in {"Index Scan", "Index Only Scan"}
    return node.node_type == "Seq Scan" or (is_index_scan and "Index Cond" not in node.details)


def _is_as_dear(node: PlanNode, relation: Relation) -> bool:
    """True if few rows come at half the price of reading all (cost_seqscan(), costsize.c)."""
    whole = relation.size_bytes / 8192 + rows_of(relation) * _CPU_COST_PER_ROW
    is_scan = node.node_type in {"Index Scan", "Index Only Scan", "Bitmap Heap Scan"}
    return is_scan and _is_selective(node, relation) and node.total_cost >= whole / 2


def _is_selective(node: PlanNode, relation: Relation) -> bool:
    return node.plan_rows < rows_of(relation) * _SELECTIVE
