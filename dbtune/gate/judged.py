"""What the rules find on the head and not on the base. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from dbtune.finding import Confidence, Finding, Severity
from dbtune.gate.baseline import entry_of, known
from dbtune.gate.compare import Comparison
from dbtune.gate.head import Head
from dbtune.gate.observed import Observed
from dbtune.gate.policy import Policy
from dbtune.gate.sides import Base, CheckInput, HeadSide
from dbtune.gate.verdict import Location
from dbtune.index import spec_of
from dbtune.rules.judge import judge


def judged(
    asked: CheckInput,
    comparison: Comparison,
    base: Base,
    after: HeadSide,
    explained: Collection[str],
) -> Iterator[Observed]:
    """What the rules find on the head and not on the base, unless the gate said it better."""
    stood = () if asked.judges_base else judge(base.workload, asked.rules).findings
    changed = asked.judges_base or comparison.steps
    now = judge(after.workload, asked.rules).findings if changed else ()
    new = judge(after.arrived, asked.rules, min_confidence=Confidence.PROVEN).findings
    concerned = [f for f in new if _is_felt(f, after, asked.policy)]
    logged = judge(after.logged, asked.rules, min_confidence=Confidence.PROVEN).findings
    loops = [f for f in logged if f.evidence.get("source") == "logs"]
    findings = list({f.fingerprint: f for f in (*now, *concerned, *loops)}.values())
    old = known(findings, [entry_of(f) for f in stood])
    for finding in findings:
        is_explained = bool(finding.statements) and set(finding.statements) <= set(explained)
        if finding.fingerprint not in old and not is_explained:
            yield Observed(_weighed(finding, comparison.head), _location(finding, comparison))


def _is_felt(finding: Finding, after: HeadSide, policy: Policy) -> bool:
    """True for a finding on new statements that is more than room for improvement."""
    mine = set(finding.statements) & after.arrived.by_fingerprint.keys()
    prices = [p for r in after.recommendations for p in r.prices if p.statement in mine]
    limits = policy.limits(finding.rule, finding.subject.relation)
    gain = max((p.cost_before - p.cost_after for p in prices), default=limits.min_gain)
    return bool(mine) and gain >= limits.min_gain


def _weighed(finding: Finding, head: Head) -> Finding:
    """An index that stood before and that a new, wider one makes dispensable stops nobody."""
    index = next((i for i in head.snapshot.indexes if i.name == finding.subject.index), None)
    added = {spec_of(i) for i in head.added}
    if index is None or index in head.added or spec_of(index) in added:
        return finding
    return replace(finding, severity=Severity.INFO) if added else finding


def _location(finding: Finding, comparison: Comparison) -> Location | None:
    """The step that made the index a finding is about, or dropped one of its relation's, or else
    the first that touched its relation.
    """
    subject = finding.subject
    gone = {i.name for i in comparison.head.dropped if i.relation == subject.relation}
    made = (s for s in comparison.steps if subject.index in s.created)
    dropping = (s for s in comparison.steps if gone & set(s.dropped))
    touching = (
        s for s in comparison.steps if any(t.relation == subject.relation for t in s.touched)
    )
    step = next(made, None) or next(dropping, None) or next(touching, None)
    return Location(step.statement.file, step.statement.line) if step else None
