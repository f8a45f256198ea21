"""Skip scans: PostgreSQL 18 searches a B-tree on later columns alone, older servers do not. Pure.

The planner of 18 cannot be told to leave them out. Where the target is older, an index that a plan
skip-scans is hidden and the statement planned anew.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from dbtune.plan import Plan

SKIP_SCAN_MAJOR = 18


def skip_scanned(plan: Plan, leading: Mapping[str, str]) -> frozenset[str]:
    """Indexes that the plan searches without a condition on their first key.

    Args:
        plan: a plan of EXPLAIN (VERBOSE).
        leading: the first key of each B-tree by the index's name, as SQL.
    """
    return frozenset(
        node.index
        for node in plan.root.walk()
        if node.index
        and node.index in leading
        and "Index Cond" in node.details
        and not _mentions(str(node.details["Index Cond"]), leading[node.index])
    )


def _mentions(condition: str, key: str) -> bool:
    return bool(re.search(rf"(?<![\w\"]){re.escape(key)}(?![\w\"])", condition))
