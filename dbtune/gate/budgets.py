"""Budgets: what no statement may exceed, and that none may exceed further. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from dbtune.finding import Confidence, Finding, Severity, Subject, finding_fingerprint
from dbtune.gate.observed import Observed
from dbtune.gate.policy import Budget
from dbtune.gate.scans import whole_scans
from dbtune.gate.thresholds import rows_of
from dbtune.identifier import QualifiedName
from dbtune.plan import Plan
from dbtune.snapshot.model import Snapshot
from dbtune.typeset.figures import count_text
from dbtune.typeset.foreign import one_line
from dbtune.workload import Workload, WorkloadStatement

RULE = "over-budget"
_SAME_COST = 1.01


def over_budget(
    budgets: Iterable[Budget], base: Workload, after: Workload, arrived: Workload
) -> Iterator[Observed]:
    """Statements that exceed a budget on the head, unless they did as much on the base."""
    before = {s.fingerprint: s.plan for s in base.statements}
    for budget in budgets:
        for statement in (*after.statements, *arrived.statements):
            plan = statement.plan
            if isinstance(plan, Plan) and _concerns(budget, statement, plan):
                old = before.get(statement.fingerprint)
                excess = _excess(budget, plan, old if isinstance(old, Plan) else None, after)
                if excess:
                    yield Observed(_finding(budget, statement, plan, excess))


def _concerns(budget: Budget, statement: WorkloadStatement, plan: Plan) -> bool:
    if not fnmatchcase(statement.fingerprint, budget.statement):
        return False
    return budget.relation == "*" or any(_is_named(n, budget) for n in _relations(plan))


def _is_named(name: QualifiedName, budget: Budget) -> bool:
    names = (name.name, f"{name.schema}.{name.name}")
    return any(fnmatchcase(n, budget.relation) for n in names)


def _relations(plan: Plan) -> set[QualifiedName]:
    return {n.relation for n in plan.root.walk() if n.relation}


def _excess(budget: Budget, plan: Plan, old: Plan | None, after: Workload) -> str:
    """What is exceeded, in words; "" for nothing, or nothing new."""
    if budget.max_cost is not None and plan.total_cost > budget.max_cost:
        grew = old is None or plan.total_cost > old.total_cost * _SAME_COST
        if grew or (old and old.total_cost <= budget.max_cost):
            return (
                f"costs {count_text(plan.total_cost)}; the budget is {count_text(budget.max_cost)}"
            )
    limit = budget.no_sequential_scan_over_rows
    if limit is not None:
        scanned = _scanned(plan, budget, limit, after.snapshot)
        new = scanned - (_scanned(old, budget, limit, after.snapshot) if old else set())
        if new:
            names = ", ".join(str(n) for n in sorted(new))
            return f"reads {names} whole; the budget forbids it over {limit:,} rows"
    return ""


def _scanned(plan: Plan, budget: Budget, limit: int, snapshot: Snapshot) -> set[QualifiedName]:
    return {
        relation.name
        for _, relation in whole_scans(plan, snapshot)
        if _is_named(relation.name, budget) and rows_of(relation) > limit
    }


def _finding(budget: Budget, statement: WorkloadStatement, plan: Plan, excess: str) -> Finding:
    named = sorted(n for n in _relations(plan) if _is_named(n, budget))
    relation = named[0] if named else None
    subject = Subject(str(relation) if relation else one_line(statement.text, 80), relation)
    return Finding(
        rule=RULE,
        severity=Severity[budget.severity.upper()],
        confidence=Confidence.PROVEN,
        subject=subject,
        fingerprint=finding_fingerprint(RULE, subject, statement.fingerprint),
        title="A statement exceeds its budget",
        message=f"`{one_line(statement.text, 160)}` {excess}.",
        evidence={"cost": round(plan.total_cost, 2), "max_cost": budget.max_cost},
        statements=(statement.fingerprint,),
        share=statement.share,
    )
