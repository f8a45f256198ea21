"""A plan as indented lines, for people."""

from __future__ import annotations

from collections.abc import Iterator

from dbtune.plan import Plan, PlanNode
from dbtune.typeset.figures import count_text, ms_text
from dbtune.typeset.foreign import one_line

_CONDITIONS = (
    "Index Cond",
    "Recheck Cond",
    "Hash Cond",
    "Merge Cond",
    "Join Filter",
    "Filter",
    "Sort Key",
    "Group Key",
)
MAX_CONDITION = 160


def plan_text(plan: Plan, *, measured: bool = False) -> str:
    """The plan's nodes, one a line, indented, with cost, rows and conditions below them.

    Args:
        plan: what to show.
        measured: also show what an execution counted, which differs from run to run.
    """
    return "\n".join(_lines(plan.root, 0, measured=measured))


def _lines(node: PlanNode, depth: int, *, measured: bool) -> Iterator[str]:
    indent = "   " * depth
    arrow = "-> " if depth else ""
    figures = f"(cost {count_text(node.total_cost)}, rows {count_text(node.plan_rows)})"
    yield f"{indent}{arrow}{one_line(node.label, MAX_CONDITION)}  {figures}"
    for name in _CONDITIONS:
        if condition := node.details.get(name):
            words = ", ".join(condition) if isinstance(condition, list) else str(condition)
            yield f"{indent}{' ' * len(arrow)}   {name}: {one_line(words, MAX_CONDITION)}"
    if measured and (counted := ", ".join(_counted(node))):
        yield f"{indent}{' ' * len(arrow)}   Actual: {counted}"
    for child in node.children:
        yield from _lines(child, depth + 1, measured=measured)


def _counted(node: PlanNode) -> Iterator[str]:
    """What the execution counted at a node; rows are of all loops together."""
    loops = node.actual_loops
    if loops is None:
        return
    if not loops:
        yield "never executed"
        return
    removed = float(node.details.get("Rows Removed by Filter", 0)) * loops
    yield f"rows {count_text((node.actual_rows or 0) * loops)}"
    if removed:
        yield f"removed by filter {count_text(removed)}"
    if loops > 1:
        yield f"loops {count_text(loops)}"
    if (time := node.details.get("Actual Total Time")) is not None:
        yield ms_text(float(time) * loops)
    for name in ("Shared Hit Blocks", "Shared Read Blocks", "Temp Read Blocks"):
        if blocks := node.details.get(name):
            yield f"{name.lower()} {count_text(float(blocks))}"
