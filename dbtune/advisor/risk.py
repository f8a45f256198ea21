"""What may go wrong with a plan that is cheap on paper."""

from __future__ import annotations

from collections.abc import Iterator

from dbtune.advisor.search import Search
from dbtune.index import IndexSpec
from dbtune.plan import Plan, PlanNode
from dbtune.snapshot.catalog import Relation
from dbtune.snapshot.model import Snapshot
from dbtune.workload import Workload

_MANY_LOOPS = 10_000
_MOSTLY_VISIBLE = 0.8


def risks(workload: Workload, search: Search, spec: IndexSpec, name: str) -> tuple[str, ...]:
    """Warnings for one new index."""
    return tuple(_risks(workload, search, spec, name))


def _risks(workload: Workload, search: Search, spec: IndexSpec, name: str) -> Iterator[str]:
    relation = workload.snapshot.relation_by_name[spec.relation]
    if relation.reltuples < 0:
        yield f"{relation.name} was never analysed: run ANALYZE {relation.name.sql} first."
    visible = _visible_part(workload.snapshot, relation)
    if visible < _MOSTLY_VISIBLE and (spec.included or _could_cover(search, spec)):
        known = f"Only {visible:.0%} of the pages of {relation.name} are known to be visible to all"
        vacuum = f"run VACUUM {relation.name.sql}"
        if spec.included:
            yield f"{known}: {vacuum}, or the included columns save little."
        else:
            yield f"{known}: {vacuum} and analyse again, since covering indexes save little before."
    looped = [
        target.key
        for target in search.concerned(frozenset({name}))
        for priced in search.prices.known(target)
        if name in priced.used and loops_on(priced.plan, name) >= _MANY_LOOPS
    ]
    if looped:
        count = len(dict.fromkeys(looped))
        yield (
            f"In {count} statement{'s' if count > 1 else ''} a nested loop looks into this index"
            f" more than {_MANY_LOOPS:,} times: measure before and after."
        )


def _visible_part(snapshot: Snapshot, relation: Relation) -> float:
    """The part of a relation's pages, its partitions' included, that is known visible to all."""
    leaves = list(snapshot.leaves(relation))
    pages = sum(leaf.relpages for leaf in leaves)
    return sum(leaf.relallvisible for leaf in leaves) / pages if pages > 0 else 1.0


def _could_cover(search: Search, spec: IndexSpec) -> bool:
    """True if a candidate begins like the index and holds more of what a statement reads."""
    return any(
        c.predicate == spec.predicate
        and c.keys[: len(spec.keys)] == spec.keys
        and len(c.columns) > len(spec.columns)
        for c in search.specs_on[spec.relation]
    )


def loops_on(plan: Plan, index: str) -> float:
    """How often the planner expects nested loops to start a scan of the index."""
    return max(_loops(plan.root, 1.0, index), default=0.0)


def _loops(node: PlanNode, times: float, index: str) -> Iterator[float]:
    if node.index == index:
        yield times
    for position, child in enumerate(node.children):
        inner = node.node_type == "Nested Loop" and position == 1
        yield from _loops(child, times * node.children[0].plan_rows if inner else times, index)
