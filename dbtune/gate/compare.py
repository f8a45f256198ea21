"""What becomes of production's statements: plans on the base against plans on the head. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from dbtune.finding import Confidence, Finding, Severity, Subject, finding_fingerprint
from dbtune.gate.head import Head
from dbtune.gate.observed import Observed
from dbtune.gate.thresholds import Thresholds
from dbtune.gate.verdict import Location
from dbtune.identifier import QualifiedName
from dbtune.index import is_prefix, spec_of
from dbtune.plan import Plan, Unplanned
from dbtune.snapshot.catalog import Index
from dbtune.twin.rehearsal import Step
from dbtune.typeset.figures import count_text, number_of, times_text
from dbtune.typeset.foreign import one_line
from dbtune.workload import Workload, WorkloadStatement

WORSE = "plan-regression"
BROKEN = "statement-breaks"
DROPPED = "dropped-index-in-use"
_LOCATED_LOCKS = frozenset({"AccessExclusiveLock", "ShareUpdateExclusiveLock"})


@dataclass(frozen=True)
class Comparison:
    """Base and head side by side. `after` holds the head's plan of each of base's statements.

    `thresholds` gives those for a rule, a relation and a statement's fingerprint.
    """

    base: Workload
    head: Head
    after: Mapping[str, Plan | Unplanned]
    steps: tuple[Step, ...]
    thresholds: Callable[[str, QualifiedName | None, str], Thresholds]


def compared(comparison: Comparison) -> Iterator[Observed]:
    """Statements that get worse or stop working, and dropped indexes that somebody scans."""
    for statement in comparison.base.statements:
        after = comparison.after.get(statement.fingerprint)
        if not isinstance(statement.plan, Plan) or after is None:
            continue
        if isinstance(after, Unplanned):
            yield _broken(comparison, statement, after)
        elif _is_worse(comparison, statement, statement.plan, after):
            yield _worse(comparison, statement, statement.plan, after)
    yield from _dropped(comparison)


def _is_worse(
    comparison: Comparison, statement: WorkloadStatement, before: Plan, after: Plan
) -> bool:
    relation = _main_relation(before, after)
    limits = comparison.thresholds(WORSE, relation, statement.fingerprint)
    increase = after.total_cost - before.total_cost
    return (
        increase >= limits.min_cost_increase
        and after.total_cost >= before.total_cost * limits.min_ratio
    )


def _worse(
    comparison: Comparison, statement: WorkloadStatement, before: Plan, after: Plan
) -> Observed:
    relation = _main_relation(before, after)
    lost = _lost_indexes(comparison, before)
    message = (
        f"{_who(statement)} would cost {count_text(after.total_cost)} instead of "
        f"{count_text(before.total_cost)} ({times_text(after.total_cost / before.total_cost)})"
        f"{_how(before, after)}."
    )
    if lost:
        names = ", ".join(str(i.name) for i in lost)
        message += f" The migrations drop {names}, which served it."
    return Observed(
        _finding(
            WORSE,
            "A statement's plan gets worse",
            statement,
            relation,
            message=message,
            evidence={
                "cost_before": round(before.total_cost, 2),
                "cost_after": round(after.total_cost, 2),
                "plan_before": before.signature,
                "plan_after": after.signature,
                "dropped_indexes": [i.name.sql for i in lost],
            },
        ),
        location=_where(comparison.steps, before, lost),
        cure="\n".join(f"{i.definition};" for i in lost),
    )


def _broken(comparison: Comparison, statement: WorkloadStatement, after: Unplanned) -> Observed:
    plan = statement.plan
    assert isinstance(plan, Plan)
    relation = _main_relation(plan, plan)
    message = (
        f"{_who(statement)} would fail once the migrations have run: {after.reason}. Take what it "
        "needs away only when no deployed version sends it any more."
    )
    title = "A statement of production stops working"
    return Observed(
        _finding(
            BROKEN, title, statement, relation, message=message, evidence={"error": after.reason}
        ),
        location=_where(comparison.steps, plan, ()),
    )


def _finding(
    rule: str,
    title: str,
    statement: WorkloadStatement,
    relation: QualifiedName | None,
    *,
    message: str,
    evidence: Mapping[str, object],
) -> Finding:
    subject = Subject(str(relation) if relation else one_line(statement.text, 80), relation)
    return Finding(
        rule=rule,
        severity=Severity.ERROR,
        confidence=Confidence.PROVEN,
        subject=subject,
        fingerprint=finding_fingerprint(rule, subject, statement.fingerprint),
        title=title,
        message=message,
        evidence=evidence,
        statements=(statement.fingerprint,),
        share=statement.share,
    )


def _who(statement: WorkloadStatement) -> str:
    """The statement in a sentence: its text, and how often production runs it."""
    return f"`{one_line(statement.text, 160)}` ({number_of(statement.calls, 'call')})"


def _how(before: Plan, after: Plan) -> str:
    """What the new plan does that the old one did not, in PostgreSQL's words."""
    then = {(n.node_type, n.relation) for n in before.root.walk()}
    new = [n for n in after.root.walk() if (n.node_type, n.relation) not in then]
    scans = [n for n in new if n.relation and "Seq Scan" in n.node_type]
    sorts = [n for n in new if n.node_type in {"Sort", "Incremental Sort"}]
    words = [f"a {n.node_type} on {n.relation}" for n in scans[:2]]
    words += ["a Sort"] if sorts else []
    return f": {' and '.join(words)} that it does not need today" if words else ""


def _main_relation(before: Plan, after: Plan) -> QualifiedName | None:
    """The relation whose scan became dearest, by the names of the base."""
    then: dict[QualifiedName, float] = {}
    for node in before.root.walk():
        if node.relation:
            then[node.relation] = then.get(node.relation, 0.0) + node.total_cost
    now: dict[QualifiedName, float] = {}
    for node in after.root.walk():
        if node.relation:
            now[node.relation] = now.get(node.relation, 0.0) + node.total_cost
    grown = {name: now.get(name, 0.0) - cost for name, cost in then.items()}
    return max(sorted(grown), key=lambda name: grown[name], default=None)


def _lost_indexes(comparison: Comparison, before: Plan) -> tuple[Index, ...]:
    """Dropped indexes that the plan on the base used."""
    used = {(n.relation, n.index) for n in before.root.walk() if n.index}
    names = {index for _, index in used}
    return tuple(i for i in comparison.head.dropped if i.name.name in names)


def _where(steps: tuple[Step, ...], plan: Plan, lost: tuple[Index, ...]) -> Location | None:
    """The step that dropped an index the plan used, else the first that changed its relations."""
    gone = {i.name for i in lost}
    relations = {n.relation for n in plan.root.walk() if n.relation}
    dropping = (s for s in steps if gone & set(s.dropped))
    changing = (
        s
        for s in steps
        if any(t.relation in relations and t.lock in _LOCATED_LOCKS for t in s.touched)
    )
    step = next(dropping, None) or next(changing, None)
    return Location(step.statement.file, step.statement.line) if step else None


def _dropped(comparison: Comparison) -> Iterator[Observed]:
    """Dropped indexes that production scans, though no known statement shows for what."""
    known = {
        i
        for s in comparison.base.statements
        if isinstance(s.plan, Plan)
        for i in s.plan.indexes_used()
    }
    specs = [spec_of(i) for i in comparison.head.snapshot.indexes]
    for index in comparison.head.dropped:
        scans = index.activity.idx_scan if index.activity else 0
        limits = comparison.thresholds(DROPPED, index.relation, "")
        replaced = any(is_prefix(spec_of(index), spec) for spec in specs)
        if scans < limits.min_index_scans or replaced or index.name.name in known:
            continue
        subject = Subject(str(index.name), index.relation, index=index.name)
        message = (
            f"Production scanned {index.name} {number_of(scans, 'time')} since its statistics were "
            "reset. No known statement shows for what, and no other index begins with its keys."
        )
        finding = Finding(
            rule=DROPPED,
            severity=Severity.WARNING,
            confidence=Confidence.LIKELY,
            subject=subject,
            fingerprint=finding_fingerprint(DROPPED, subject, ""),
            title="A dropped index is in use",
            message=message,
            evidence={"idx_scan": scans, "definition": index.definition},
            statements=(),
            share=0.0,
        )
        step = next((s for s in comparison.steps if index.name in s.dropped), None)
        location = Location(step.statement.file, step.statement.line) if step else None
        yield Observed(finding, location, cure=f"{index.definition};")
