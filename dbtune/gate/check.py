"""The check: base and head planned, compared and judged, in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import dbtune
from dbtune.advice import Recommendation
from dbtune.advisor import AdvisorOptions, advise
from dbtune.assemble import assemble_workload
from dbtune.errors import BadInput
from dbtune.finding import Confidence, Finding, Severity
from dbtune.gate.additions import unused_additions
from dbtune.gate.arrivals import arrivals
from dbtune.gate.baseline import Entry, entry_of, known
from dbtune.gate.budgets import over_budget
from dbtune.gate.compare import Comparison, compared
from dbtune.gate.cures import EXPLAINED, with_cures
from dbtune.gate.decide import decide
from dbtune.gate.freshness import drift, stale
from dbtune.gate.hazards import Ground, hazards_in
from dbtune.gate.head import Head, head_of
from dbtune.gate.migrations import Script
from dbtune.gate.observed import Observed
from dbtune.gate.policy import Policy
from dbtune.gate.shown import Shown
from dbtune.gate.verdict import Location
from dbtune.identifier import QualifiedName
from dbtune.index import spec_of
from dbtune.plan import Plan, Unplanned
from dbtune.pricing import Hypothetical, PricingEngine, Rejected
from dbtune.progress import Progress, Silent
from dbtune.report.change import describe
from dbtune.report.model import Meta, Report, reported, version_text
from dbtune.rules.judge import judge
from dbtune.rules.model import Rule
from dbtune.server.cluster import Cluster
from dbtune.snapshot.model import Snapshot, StatementStatistics
from dbtune.snapshot.scope import Scope
from dbtune.statement.fingerprint import fingerprint
from dbtune.traffic import Traffic
from dbtune.twin.rehearsal import Rehearsal, Step
from dbtune.twin.rehearse import rehearse
from dbtune.twin.twin import open_twin, twin_cluster
from dbtune.workload import NotExamined, Workload

_SYNTAX_ERROR = "42601"


@dataclass(frozen=True)
class CheckInput:
    """What a check looks at.

    `base` is production; `scripts` are the pull request's migrations; `arrivals` the statements
    that its tests ran, `traffic` the order in which their log has the `logged` ones;
    `test_schema` the test database, whose schema should be the head's.
    `judges_base` says that the base is no production, so that what is found there is new too.
    `snapshot_name` is what commands to reproduce a finding call the snapshot.
    """

    base: Snapshot
    rules: tuple[Rule, ...]
    today: date
    scripts: tuple[Script, ...] = ()
    arrivals: tuple[StatementStatistics, ...] = ()
    logged: tuple[StatementStatistics, ...] = ()
    traffic: Traffic | None = None
    test_schema: Snapshot | None = None
    judges_base: bool = False
    baseline: tuple[Entry, ...] = ()
    policy: Policy = field(default_factory=Policy)
    strict: bool = False
    snapshot_name: str = "SNAPSHOT"


@dataclass(frozen=True)
class Base:
    """Production planned, and what could not be modelled there; serves any number of checks."""

    workload: Workload
    notes: tuple[NotExamined, ...] = ()


@dataclass(frozen=True)
class _HeadSide:
    """The head: production's statements on it, the new ones, and what would cure them."""

    workload: Workload
    arrived: Workload
    logged: Workload
    unused: frozenset[QualifiedName] = frozenset()
    notes: tuple[NotExamined, ...] = ()
    writes: Mapping[str, float] = field(default_factory=dict)
    recommendations: tuple[Recommendation, ...] = ()


def plan_base(
    snapshot: Snapshot, progress: Progress | None = None, *, shared: Cluster | None = None
) -> Base:
    """Production's statements with their plans; `shared` is a twins' server to use.

    Raises:
        ServerFailed: the embedded server cannot be started.
    """
    told = progress or Silent()
    with open_twin(snapshot, progress=told, shared=shared, database="base") as twin:
        workload = assemble_workload(snapshot, twin, Scope(), told)
        notes = tuple(NotExamined(n.what, f"twin: {n.why}") for n in twin.not_modelled)
    return Base(workload, notes)


def check(
    asked: CheckInput, progress: Progress | None = None, *, planned: Base | None = None
) -> Report:
    """The report on a pull request; `planned` is plan_base(asked.base), if it is known already.

    Raises:
        BadInput: a migration has a syntax error.
        ServerFailed: the embedded server cannot be started.
    """
    told = progress or Silent()
    with twin_cluster() as cluster:
        rehearsal = _rehearsed(asked, told, cluster)
        head = head_of(asked.base, rehearsal)
        base = planned or plan_base(asked.base, told, shared=cluster)
        after = _head_side(asked, head, rehearsal, base.workload, progress=told, cluster=cluster)
    comparison = Comparison(
        base=base.workload,
        head=head,
        after={s.fingerprint: s.plan for s in after.workload.statements},
        steps=rehearsal.steps,
        thresholds=asked.policy.limits,
    )
    observed = _observed(asked, comparison, base, after)
    cured = with_cures(
        observed,
        after.recommendations,
        (base.workload, after.arrived, after.logged),
        asked.snapshot_name,
    )
    not_examined = _not_examined(asked, rehearsal, head, base, after)
    verdict = decide(
        cured,
        asked.policy,
        asked.baseline,
        asked.today,
        reasons=[f"--strict: not examined: {n.what}: {n.reason}" for n in not_examined]
        if asked.strict
        else (),
    )
    findings = tuple(d.finding for d in verdict.decisions)
    named = {f for finding in findings for f in finding.statements}
    plans = comparison.after
    stood = (replace(s, plan=plans.get(s.fingerprint, s.plan)) for s in base.workload.statements)
    statements = {
        s.fingerprint: s for s in (*after.logged.statements, *after.arrived.statements, *stood)
    }
    cures = {d.cure for d in verdict.decisions}
    return Report(
        meta=Meta(
            dbtune_version=dbtune.__version__,
            server_version=version_text(asked.base),
            database=asked.base.server.database,
            captured_at=asked.base.captured_at,
            engine="twin",
            kind="check",
        ),
        findings=findings,
        recommendations=tuple(r for r in after.recommendations if describe(r.change).ddl in cures),
        statements=tuple(reported(s) for f, s in sorted(statements.items()) if f in named),
        not_examined=not_examined,
        verdict=verdict,
    )


def _rehearsed(asked: CheckInput, progress: Progress, cluster: Cluster) -> Rehearsal:
    """The migrations as they ran; a syntax error ends the check, any other failure is told."""
    statements = [s for script in asked.scripts for s in script.statements]
    if not statements:
        return Rehearsal(asked.base, asked.base, ())
    rehearsal = rehearse(asked.base, statements, progress, shared=cluster)
    for step in rehearsal.steps:
        if step.sqlstate == _SYNTAX_ERROR:
            raise BadInput(
                f"{step.statement.file}:{step.line}: {step.failure}.",
                "Mend the migration; PostgreSQL cannot read it.",
            )
    return rehearsal


def _head_side(
    asked: CheckInput,
    head: Head,
    rehearsal: Rehearsal,
    base: Workload,
    *,
    progress: Progress,
    cluster: Cluster,
) -> _HeadSide:
    nothing = replace(base, statements=(), not_examined=())
    if not rehearsal.steps and not asked.arrivals and asked.traffic is None:
        return _HeadSide(base, nothing, nothing)
    with open_twin(head.without_added, progress=progress, shared=cluster, database="head") as twin:
        answers = twin.suppose([spec_of(i) for i in head.added])
        engine = Shown(twin, [a.name for a in answers if isinstance(a, Hypothetical)])

        def planned(statements: tuple[StatementStatistics, ...]) -> Workload:
            snapshot = replace(head.snapshot, statements=statements, readings=())
            return assemble_workload(snapshot, engine, Scope(), progress)

        workload = planned(head.snapshot.statements) if rehearsal.steps else base
        stood = {s.fingerprint for s in base.statements}
        arrived = planned(tuple(s for s in asked.arrivals if fingerprint(s.text) not in stood))
        advice = advise(_wanting(base, workload, arrived), engine, AdvisorOptions(), progress)
        return _HeadSide(
            workload,
            replace(arrived, advice=advice),
            replace(planned(asked.logged), traffic=asked.traffic) if asked.traffic else nothing,
            unused=_unused(head, answers, (workload, arrived)),
            notes=tuple(
                NotExamined(f"index {index.name}", f"twin: {answer.reason}")
                for index, answer in zip(head.added, answers, strict=True)
                if isinstance(answer, Rejected)
            ),
            writes=_writes(rehearsal.steps, twin),
            recommendations=advice.recommendations,
        )


def _unused(
    head: Head, answers: Iterable[Hypothetical | Rejected], workloads: Iterable[Workload]
) -> frozenset[QualifiedName]:
    """Added indexes that no plan uses; the twin knows them by names of its own."""
    plans = (s.plan for w in workloads for s in w.statements if isinstance(s.plan, Plan))
    used = {name for plan in plans for name in plan.indexes_used()}
    return frozenset(
        index.name
        for index, answer in zip(head.added, answers, strict=True)
        if isinstance(answer, Hypothetical) and answer.name not in used
    )


def _wanting(base: Workload, after: Workload, arrived: Workload) -> Workload:
    """The statements for which an index may be the cure: the new ones, and those got dearer."""
    costs = {s.fingerprint: s.plan.total_cost for s in base.statements if isinstance(s.plan, Plan)}
    dearer = (
        s
        for s in after.statements
        if isinstance(s.plan, Plan)
        and s.plan.total_cost > costs.get(s.fingerprint, s.plan.total_cost) * 1.1
    )
    return replace(arrived, statements=(*dearer, *arrived.statements))


def _writes(steps: Iterable[Step], engine: PricingEngine) -> dict[str, float]:
    """Rows that each UPDATE or DELETE of the migrations would write, by its text."""
    rows: dict[str, float] = {}
    for step in steps:
        if any(t.lock == "RowExclusiveLock" for t in step.touched):
            plan = engine.plan(step.statement.text)
            if isinstance(plan, Plan):
                written = [
                    child.plan_rows
                    for node in plan.root.walk()
                    if node.node_type == "ModifyTable"
                    for child in node.children
                ]
                rows[step.statement.text] = max(written, default=0.0)
    return rows


def _observed(
    asked: CheckInput, comparison: Comparison, base: Base, after: _HeadSide
) -> list[Observed]:
    policy = asked.policy
    ground = Ground(base.workload, policy.limits, lambda text: after.writes.get(text, 0.0))
    seen = [
        *hazards_in(comparison.steps, ground),
        *compared(comparison),
        *arrivals(
            after.arrived.statements,
            base.workload.statements,
            after.arrived.snapshot,
            policy.limits,
        ),
        *unused_additions(
            comparison.head, after.unused, base.workload, comparison.steps, policy.limits
        ),
        *over_budget(policy.budgets, base.workload, after.workload, after.arrived),
    ]
    explained = {f for o in seen if o.finding.rule in EXPLAINED for f in o.finding.statements}
    return [*seen, *_judged(asked, comparison, base, after, explained)]


def _judged(
    asked: CheckInput,
    comparison: Comparison,
    base: Base,
    after: _HeadSide,
    explained: set[str],
) -> Iterable[Observed]:
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
        is_explained = bool(finding.statements) and set(finding.statements) <= explained
        if finding.fingerprint not in old and not is_explained:
            yield Observed(_weighed(finding, comparison.head), _location(finding, comparison))


def _is_felt(finding: Finding, after: _HeadSide, policy: Policy) -> bool:
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


def _not_examined(
    asked: CheckInput, rehearsal: Rehearsal, head: Head, base: Base, after: _HeadSide
) -> tuple[NotExamined, ...]:
    failed = (
        NotExamined(f"{s.statement.file}:{s.line or s.statement.line}", f"did not run: {s.failure}")
        for s in rehearsal.steps
        if s.failure
    )
    unread = (NotExamined(s.file, s.unread, remedy=s.remedy) for s in asked.scripts if s.unread)
    new = (
        NotExamined(s.text, f"not planned: {s.plan.reason}")
        for s in after.arrived.statements
        if isinstance(s.plan, Unplanned)
    )
    return (
        *stale(asked.base, asked.today),
        *unread,
        *failed,
        *(drift(head.snapshot, asked.test_schema) if asked.test_schema else ()),
        *base.notes,
        *after.notes,
        *base.workload.not_examined,
        *new,
    )
