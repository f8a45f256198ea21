"""EXPLAIN (FORMAT JSON) as a typed tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dbtune.identifier import QualifiedName


@dataclass(frozen=True, slots=True)
class Unplanned:
    """A statement that has no plan, and why."""

    reason: str


@dataclass(frozen=True)
class PlanNode:
    """One node of a plan. Costs are the planner's units; rows are per loop, as EXPLAIN shows.

    `details` holds every other key of the JSON object (Filter, Index Cond, Sort Key, Hash Cond …).
    """

    node_type: str
    startup_cost: float
    total_cost: float
    plan_rows: float
    plan_width: int
    relation: QualifiedName | None = None
    alias: str | None = None
    index: str | None = None
    children: tuple[PlanNode, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    def walk(self) -> Iterator[PlanNode]:
        """This node and all below it, in EXPLAIN's order."""
        yield self
        for child in self.children:
            yield from child.walk()

    @property
    def actual_loops(self) -> int | None:
        """How often it ran; None in a plan that was not executed or not measured."""
        loops = self.details.get("Actual Loops")
        return None if loops is None else int(loops)

    @property
    def actual_rows(self) -> float | None:
        """Rows per loop, as EXPLAIN ANALYZE shows; None where nothing was measured."""
        rows = self.details.get("Actual Rows")
        return None if rows is None else float(rows)

    @property
    def label(self) -> str:
        """The node as EXPLAIN's text names it, without figures."""
        parts = [str(self.details.get(k, "")) for k in ("Strategy", "Join Type", "Operation")]
        words = " ".join(p for p in [*parts, self.node_type] if p)
        if self.index:
            words += f" using {self.index}"
        if self.relation:
            words += f" on {self.relation}"
        return words


@dataclass(frozen=True)
class Plan:
    """A whole plan, with the JSON it was read from."""

    root: PlanNode
    source: Mapping[str, Any] = field(default_factory=dict)

    @property
    def total_cost(self) -> float:
        return self.root.total_cost

    @property
    def signature(self) -> str:
        """The plan's shape: labels and nesting, no figures; equal signatures are equal trees."""
        return _signature(self.root)

    def indexes_used(self) -> frozenset[str]:
        return frozenset(n.index for n in self.root.walk() if n.index)

    def scans(self, relation: QualifiedName) -> tuple[PlanNode, ...]:
        return tuple(n for n in self.root.walk() if n.relation == relation)


def _signature(node: PlanNode) -> str:
    below = ",".join(_signature(child) for child in node.children)
    return f"{node.label}({below})" if below else node.label


_OWN = frozenset(
    {
        "Node Type", "Startup Cost", "Total Cost", "Plan Rows", "Plan Width", "Schema",
        "Relation Name", "Alias", "Index Name", "Plans",
    }
)  # fmt: skip


def read_plan(explained: Any) -> Plan:
    """The Plan in what `EXPLAIN (FORMAT JSON)` returned: its list, or the object in it.

    Raises:
        ValueError: not an EXPLAIN document.
    """
    document = explained[0] if isinstance(explained, list) and explained else explained
    if not isinstance(document, Mapping) or "Plan" not in document:
        raise ValueError("not a document of EXPLAIN (FORMAT JSON)")
    return Plan(_read_node(document["Plan"]), document)


def _read_node(node: Mapping[str, Any]) -> PlanNode:
    name = node.get("Relation Name")
    return PlanNode(
        node_type=node["Node Type"],
        startup_cost=float(node.get("Startup Cost", 0)),
        total_cost=float(node.get("Total Cost", 0)),
        plan_rows=float(node.get("Plan Rows", 0)),
        plan_width=int(node.get("Plan Width", 0)),
        relation=QualifiedName(node.get("Schema", "public"), name) if name else None,
        alias=node.get("Alias"),
        index=node.get("Index Name"),
        children=tuple(_read_node(child) for child in node.get("Plans", ())),
        details={k: v for k, v in node.items() if k not in _OWN},
    )
