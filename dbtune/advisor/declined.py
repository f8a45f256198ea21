"""Reasons: why a statement gets no index, in words that say what would have to change."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dbtune.advice import CreateIndex, Declined, Recommendation
from dbtune.advisor.demand import Demand
from dbtune.advisor.extensions import has_extension
from dbtune.advisor.targets import ONE_VISIT
from dbtune.identifier import quote_identifier
from dbtune.index import IndexSpec
from dbtune.plan import Plan
from dbtune.rewrite import rewrite
from dbtune.snapshot.model import Snapshot
from dbtune.statement.model import Statement
from dbtune.workload import Workload, WorkloadStatement

_SHOWN = 200


def statement(of: WorkloadStatement, reason: str) -> Declined:
    """A statement that gets nothing."""
    return Declined(of.text[:_SHOWN], reason, of.fingerprint)


def hides_constant(spec: IndexSpec) -> bool:
    """True if a key is an expression with a parameter: `doc ->> $1` of a normalized text."""
    return any(re.search(r"\$\d", key.expression or "") for key in spec.keys)


def hidden_constants(specs: Sequence[IndexSpec]) -> list[Declined]:
    """The candidates on one expression that want a constant which nobody told."""
    alone = (spec for spec in specs if len(spec.keys) == 1 and not spec.included)
    return [Declined(str(spec), _HIDDEN) for spec in alone if hides_constant(spec)]


def without_trigrams(large: Sequence[Demand]) -> str | None:
    """What stands in the way of a search inside texts, where pg_trgm is not to be had."""
    searched = [
        q
        for d in large
        for q in d.quals()
        if q.kind in {"like", "regex"} and not has_extension(d.snapshot, "pg_trgm")
    ]
    if not searched:
        return None
    return (
        f"only a trigram index finds {searched[0].operator} in the middle of a text, and the server"
        " lacks the extension pg_trgm; install PostgreSQL's contrib modules and analyse again"
    )


def hindrance(large: Sequence[Demand]) -> str | None:
    """Why no better candidate can be made for a statement, in its own words."""
    quals = [q for d in large for q in d.use.quals]
    for qual in quals:
        if qual.operator == "= ANY" and qual.kind == "other":
            return (
                f"no index finds a value by {qual.expression}; {quote_identifier(qual.column)} @>"
                " ARRAY[value] asks for the same, and a GIN index serves it"
            )
    if reason := without_trigrams(large):
        return reason
    for qual in quals:
        if qual.kind == "other" and qual.operator in {"", "NOT"} and qual.expression:
            return (
                f"of how many rows {qual.expression} is true is not known, and the planner takes it"
                " for many; CREATE STATISTICS on the expression would tell it"
            )
    return _ALTERNATIVES if any(q.in_or and not q.row for q in quals) else None


def refused(spec: IndexSpec, reason: str, parsed: Statement, snapshot: Snapshot) -> str:
    """Why the server does not take an index on an expression, and what to write instead."""
    expression = spec.keys[0].expression or str(spec)
    if "IMMUTABLE" not in reason:
        return f"the server refuses an index on {expression}: {reason}"
    words = f"no index can hold {expression}, which is not immutable: settings may change its value"
    relation = snapshot.relation_by_name[spec.relation]
    quals = [
        q
        for use in parsed.uses_of(spec.relation)
        for q in use.quals
        if q.expression == expression and not q.in_or
    ]
    column = relation.column(quals[0].column) if quals else None
    instead = rewrite(quals, column) if column else None
    if instead is None:
        return f"{words}; compare the column itself with what the condition means for it"
    provided = f", if {instead.provided}" if instead.provided else ""
    return f"{words}; write {instead.condition}{provided}"


def without_candidates(
    parsed: Statement,
    wanted: Sequence[Demand],
    large: Sequence[Demand],
    specs: Sequence[IndexSpec],
) -> str:
    """Why no candidate is left for a statement before the planner is asked."""
    if any(hides_constant(s) for s in specs):
        return _HIDDEN
    if specs:
        return _SERVED
    if parsed.kind == "insert" and all(d.use.role == "target" for d in wanted):
        return "it only adds rows; indexes make that slower"
    if not large:
        return _SMALL if wanted else "it reads no table of this database"
    return hindrance(large) or _WHOLE


_SERVED = "existing indexes already serve it"
_HIDDEN = (
    "an index would be on an expression with a constant, which normalized texts hide behind a"
    " parameter; give the statement with its constant by --workload"
)
_READS_MUCH = "the planner uses none of the candidates: it reads too much of its tables"
_ALTERNATIVES = "its conditions are alternatives (OR) of which some cannot use an index"
_SMALL = "its tables are so small that reading them whole is as fast"
_WHOLE = "it reads its tables whole: no condition, order or join that an index could serve"


def no_gain(plan: Plan, cost_best: float, min_gain_pct: float, obstacle: str | None) -> str:
    """Why no candidate is worth it for a statement whose plans were priced.

    `obstacle` is why a better candidate is not among them.
    """
    gain = 100 * (1 - cost_best / plan.total_cost) if plan.total_cost else 0.0
    if gain < 0.5 or plan.total_cost - cost_best <= ONE_VISIT:
        scans = any(node.node_type == "Seq Scan" for node in plan.root.walk())
        return (obstacle or _READS_MUCH) if scans else _SERVED
    return f"the best candidates save {gain:.0f} % of its cost, less than {min_gain_pct:g} %"


NOT_WORTH_IT = "what an index would save it is less than the index costs in writes and space"
OVER_BUDGET = "the indexes that would help did not fit the budget beside better ones"
STOPPED = "the time limit came before it was looked at"
TOO_LITTLE = (
    "it saves too little for the rules in use (`dbtune rules show missing-index` says from when)"
)


def not_asked_for(
    workload: Workload, recommendations: Sequence[Recommendation]
) -> tuple[Declined, ...]:
    """Indexes that the advisor would build and no rule asked for, and statements left without."""
    kept = {r.change.spec for r in recommendations if isinstance(r.change, CreateIndex)}
    served = {name for r in recommendations for name in r.statements}
    left = []
    for advised in workload.advice.recommendations:
        if isinstance(advised.change, CreateIndex) and advised.change.spec not in kept:
            spec = advised.change.spec
            left.append(Declined(str(spec), TOO_LITTLE))
            left += [
                statement(workload.by_fingerprint[name], f"{spec} would serve it, but {TOO_LITTLE}")
                for name in advised.statements
                if name not in served
            ]
    return tuple(left)
