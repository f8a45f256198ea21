"""What `LIMIT $n` was when the statement ran: as what is measured of it tells.

The planner takes an unknown limit for a tenth of the rows, which is far from most truths. Rows per
call tell the limit, unless rows ran out before it was reached.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from dbtune.identifier import QualifiedName
from dbtune.plan import Plan, PlanNode, Unplanned
from dbtune.snapshot.catalog import Relation
from dbtune.snapshot.model import StatementStatistics
from dbtune.statement.limit import NO_LIMIT, with_limit

_STOPS_EARLY = 0.25
"""A scan stops early if the limit lets through less than this part of its cost."""

_READ_WHOLE = 0.5
"""A scan did not stop early if a call touched this part of its relation's pages."""


def with_measured_limit(
    statistics: StatementStatistics,
    plan: Callable[[str], Plan | Unplanned],
    relations: Mapping[QualifiedName, Relation],
) -> str:
    """The text to plan the statement by: `LIMIT $n` with what was measured, or without a limit.

    Without one where the planner hopes to stop a scan early and measurements say that the scan
    went on: most of its relation's pages were touched, or rows ran out.

    Args:
        statistics: of the statement.
        plan: gives the plan of a text.
        relations: by name, for their pages.
    """
    calls, rows = statistics.calls, statistics.rows
    blocks = statistics.shared_blks_hit + statistics.shared_blks_read
    if not calls or not (rows or blocks):
        return statistics.text
    limited = with_limit(statistics.text, max(1, math.ceil(rows / calls)))
    if limited is None:
        return statistics.text
    found = plan(limited)
    if isinstance(found, Plan) and (stopped := _stopped_early(found.root)):
        ran_out = rows % calls != 0 or rows == 0
        scanned = (relations.get(n.relation) for n in stopped if n.relation)
        pages = sum(relation.relpages for relation in scanned if relation)
        read_whole = blocks / calls >= _READ_WHOLE * max(pages, 1)
        if read_whole or (ran_out and any(n.node_type == "Seq Scan" for n in stopped)):
            return with_limit(statistics.text, NO_LIMIT) or limited
    return limited


def _stopped_early(root: PlanNode) -> tuple[PlanNode, ...]:
    """The scans below the outermost Limit, if it hopes to end them early."""
    limit = next((n for n in root.walk() if n.node_type == "Limit"), None)
    if limit is None or not limit.children:
        return ()
    below = limit.children[0]
    part, whole = limit.total_cost - limit.startup_cost, below.total_cost - below.startup_cost
    if part >= _STOPS_EARLY * whole or below.startup_cost > part:
        return ()
    return tuple(n for n in below.walk() if n.relation is not None)
