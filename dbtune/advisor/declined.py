"""Reasons: why a statement gets no index, in words that say what would have to change."""

from __future__ import annotations

from collections.abc import Sequence

from dbtune.advice import Declined
from dbtune.advisor.demand import Demand
from dbtune.index import IndexSpec
from dbtune.plan import Plan
from dbtune.statement.model import Statement
from dbtune.workload import WorkloadStatement

_SHOWN = 200


def statement(of: WorkloadStatement, reason: str) -> Declined:
    """A statement that gets nothing."""
    return Declined(of.text[:_SHOWN], reason, of.fingerprint)


def without_candidates(
    parsed: Statement,
    wanted: Sequence[Demand],
    large: Sequence[Demand],
    specs: Sequence[IndexSpec],
) -> str:
    """Why no candidate is left for a statement before the planner is asked."""
    if specs:
        return _SERVED
    if parsed.kind == "insert" and all(d.use.role == "target" for d in wanted):
        return "it only adds rows; indexes make that slower"
    if not large:
        return _SMALL if wanted else "it reads no table of this database"
    trigram = [q for d in large for q in d.quals() if q.kind in {"like", "regex"}]
    if trigram:
        return (
            f"only a trigram index finds {trigram[0].operator} in the middle of a text, and the"
            " extension pg_trgm is not installed; run CREATE EXTENSION pg_trgm and analyse again"
        )
    alternatives = any(q.in_or for d in large for q in d.use.quals)
    return _ALTERNATIVES if alternatives else _WHOLE


_SERVED = "existing indexes already serve it"
_READS_MUCH = "the planner uses none of the candidates: it reads too much of its tables"
_ALTERNATIVES = "its conditions are alternatives (OR) of which some cannot use an index"
_SMALL = "its tables are so small that reading them whole is as fast"
_WHOLE = "it reads its tables whole: no condition, order or join that an index could serve"


def no_gain(plan: Plan, cost_best: float, min_gain_pct: float) -> str:
    """Why no candidate is worth it for a statement whose plans were priced."""
    gain = 100 * (1 - cost_best / plan.total_cost) if plan.total_cost else 0.0
    if gain < 0.5:
        scans = any(node.node_type == "Seq Scan" for node in plan.root.walk())
        return _READS_MUCH if scans else _SERVED
    return f"the best candidates save {gain:.0f} % of its cost, less than {min_gain_pct:g} %"


NOT_WORTH_IT = "what an index would save it is less than the index costs in writes and space"
OVER_BUDGET = "the indexes that would help did not fit the budget beside better ones"
STOPPED = "the time limit came before it was looked at"
