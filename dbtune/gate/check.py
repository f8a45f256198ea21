"""The check: base and head planned, compared and judged, in order."""

from __future__ import annotations

from dataclasses import replace

import dbtune
from dbtune.assemble import reads_nothing
from dbtune.errors import BadInput
from dbtune.gate.additions import unused_additions
from dbtune.gate.arrivals import arrivals
from dbtune.gate.budgets import over_budget
from dbtune.gate.compare import Comparison, compared
from dbtune.gate.cures import EXPLAINED, with_cures
from dbtune.gate.decide import decide
from dbtune.gate.freshness import drift, stale
from dbtune.gate.hazards import Ground, hazards_in
from dbtune.gate.head import Head, head_of
from dbtune.gate.judged import judged
from dbtune.gate.observed import Observed
from dbtune.gate.sides import Base, CheckInput, HeadSide, plan_base, plan_head
from dbtune.gate.verdict import Verdict
from dbtune.plan import Unplanned
from dbtune.progress import Progress, Silent
from dbtune.report.change import describe
from dbtune.report.model import Meta, Report, reported, version_text
from dbtune.server.cluster import Cluster
from dbtune.statement.model import Statement
from dbtune.twin.rehearsal import Rehearsal
from dbtune.twin.rehearse import rehearse
from dbtune.twin.twin import twin_cluster
from dbtune.workload import NotExamined

_SYNTAX_ERROR = "42601"


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
        after = plan_head(asked, head, rehearsal, base.workload, progress=told, cluster=cluster)
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
        reasons=_strict_reasons(not_examined) if asked.strict else (),
    )
    return _report(asked, verdict, base, after, not_examined)


def _report(
    asked: CheckInput,
    verdict: Verdict,
    base: Base,
    after: HeadSide,
    not_examined: tuple[NotExamined, ...],
) -> Report:
    """The report: only the statements and recommendations that a decision is about.

    Production's statements have production's figures and the head's plans.
    """
    findings = tuple(d.finding for d in verdict.decisions)
    named = {f for finding in findings for f in finding.statements}
    plans = {s.fingerprint: s.plan for s in after.workload.statements}
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


def _strict_reasons(not_examined: tuple[NotExamined, ...]) -> list[str]:
    return [f"--strict: not examined: {n.what}: {n.reason}" for n in not_examined]


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


def _observed(
    asked: CheckInput, comparison: Comparison, base: Base, after: HeadSide
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
    return [*seen, *judged(asked, comparison, base, after, explained)]


def _not_examined(
    asked: CheckInput, rehearsal: Rehearsal, head: Head, base: Base, after: HeadSide
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
        and not (isinstance(s.parsed, Statement) and reads_nothing(s.parsed))
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
