"""A plan as indented lines, for people."""

from __future__ import annotations

from collections.abc import Iterator

from dbtune.plan import Plan, PlanNode
from dbtune.typeset.figures import count_text
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


def plan_text(plan: Plan) -> str:
    """The plan's nodes, one a line, indented, with cost, rows and conditions below them."""
    return "\n".join(_lines(plan.root, 0))


def _lines(node: PlanNode, depth: int) -> Iterator[str]:
    indent = "   " * depth
    arrow = "-> " if depth else ""
    figures = f"(cost {count_text(node.total_cost)}, rows {count_text(node.plan_rows)})"
    yield f"{indent}{arrow}{one_line(node.label, MAX_CONDITION)}  {figures}"
    for name in _CONDITIONS:
        if condition := node.details.get(name):
            words = ", ".join(condition) if isinstance(condition, list) else str(condition)
            yield f"{indent}{' ' * len(arrow)}   {name}: {one_line(words, MAX_CONDITION)}"
    for child in node.children:
        yield from _lines(child, depth + 1)
